//! What a door opens in the firewall by itself.

use std::net::IpAddr;

use super::{
    directive::DoorKey,
    mistake::Wrong,
    report::Report,
    section::{DoorSection, Entry},
    value,
};
use crate::{
    ports::Ports,
    set_address::{SetAddress, TableFamily},
};

/// What of the firewall a door opens without a command. The kernel closes it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Opens {
    /// Nothing: what the door does is the matter of its commands.
    #[default]
    Nothing,
    /// These ports of this host, which are guarded against everybody else.
    Ports(Ports),
    /// What the administrator's rules make of the elements of his sets.
    Sets(Sets),
}

/// Sets of the administrator: for each IP version one at most, and one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sets {
    v4: Option<SetAddress>,
    v6: Option<SetAddress>,
    ports: Option<Ports>,
}

impl Sets {
    /// These sets; none if there is none, or if the family of one has no such addresses. With `ports` an element is an
    /// address, a protocol and a port, without it an address.
    #[must_use]
    pub fn new(v4: Option<SetAddress>, v6: Option<SetAddress>, ports: Option<Ports>) -> Option<Self> {
        let is_other =
            |set: &Option<SetAddress>, family| set.as_ref().is_some_and(|set| set.family() == family);
        if v4.is_none() && v6.is_none() || is_other(&v4, TableFamily::Ip6) || is_other(&v6, TableFamily::Ip) {
            return None;
        }
        Some(Self { v4, v6, ports })
    }

    /// The set for IPv4 addresses.
    #[must_use]
    pub fn v4(&self) -> Option<&SetAddress> {
        self.v4.as_ref()
    }

    /// The set for IPv6 addresses.
    #[must_use]
    pub fn v6(&self) -> Option<&SetAddress> {
        self.v6.as_ref()
    }

    /// The set for this source, if there is one.
    #[must_use]
    pub fn for_source(&self, source: IpAddr) -> Option<&SetAddress> {
        match source {
            IpAddr::V4(_) => self.v4(),
            IpAddr::V6(_) => self.v6(),
        }
    }

    /// The ports that belong to an element, if any do.
    #[must_use]
    pub fn ports(&self) -> Option<&Ports> {
        self.ports.as_ref()
    }
}

impl Opens {
    /// Whether there is nothing to open.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// The ports that it opens, as far as they are said.
    #[must_use]
    pub fn ports(&self) -> Option<&Ports> {
        match self {
            Self::Nothing => None,
            Self::Ports(ports) => Some(ports),
            Self::Sets(sets) => sets.ports(),
        }
    }
}

/// Reads what a section says of it. What is wrong is left out, and told.
pub(super) fn read(section: &DoorSection<'_>, report: &mut Report<'_>) -> Opens {
    let ports = section.last(DoorKey::Open).and_then(|entry| value::ports(entry, report));
    let v4 = set(section.last(DoorKey::OpenSet), TableFamily::Ip6, report);
    let v6 = set(section.last(DoorKey::OpenSet6), TableFamily::Ip, report);
    match (Sets::new(v4, v6, ports.clone()), ports) {
        (Some(sets), _) => Opens::Sets(sets),
        (None, Some(ports)) => Opens::Ports(ports),
        (None, None) => Opens::Nothing,
    }
}

/// A set whose table is not of the family that sees none of its addresses.
fn set(entry: Option<&Entry<'_>>, blind: TableFamily, report: &mut Report<'_>) -> Option<SetAddress> {
    let entry = entry?;
    let set = value::set(entry, report)?;
    if set.family() == blind {
        report.wrong(entry.value, Wrong::OtherFamily(entry.directive));
        return None;
    }
    Some(set)
}
