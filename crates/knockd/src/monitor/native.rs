//! A door that opens by itself, as the firewall takes it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use knock_core::{
    config::{DoorConfig, DoorName, Opens, Sets},
    ports::Ports,
};
use thiserror::Error;

use crate::firewall::{Firewall, FirewallError, GuardedDoor, IpVersion, OpenSet};

/// What the firewall needs to know of a door.
#[derive(Debug)]
pub struct Native {
    name: DoorName,
    /// The same, for the log.
    pub door: Arc<str>,
    way: Way,
}

/// How somebody is let in.
#[derive(Debug)]
enum Way {
    /// By our own table.
    Guard(Ports, Arc<str>),
    /// By sets of the administrator, those for IPv4 and for IPv6, if there are any.
    Sets(Box<Sets>, Box<[Option<Entrance>; 2]>),
}

/// A set that is there, and what the log calls it.
#[derive(Debug)]
struct Entrance(OpenSet, Arc<str>);

/// Why somebody is not let in.
#[derive(Debug, Error)]
pub enum Refused {
    #[error("{0} names no set for it")]
    NoSet(&'static str),
    #[error(transparent)]
    Firewall(#[from] FirewallError),
}

impl Native {
    /// What a door opens by itself, if it does; its sets are looked up. Fails with what is wrong with each of these.
    pub fn find(config: &DoorConfig, firewall: &mut Firewall) -> Result<Option<Self>, Vec<String>> {
        let way = match &config.opens {
            Opens::Nothing => return Ok(None),
            Opens::Ports(ports) => Way::Guard(ports.clone(), ports.to_string().into()),
            Opens::Sets(sets) => {
                let entrances = entrances(&config.name, sets, firewall)?;
                Way::Sets(Box::new(sets.clone()), Box::new(entrances))
            }
        };
        Ok(Some(Self { name: config.name.clone(), door: config.name.as_str().into(), way }))
    }

    /// What is to be guarded, if it is by us.
    #[must_use]
    pub fn guarded(&self) -> Option<GuardedDoor<'_>> {
        match &self.way {
            Way::Guard(ports, _) => Some(GuardedDoor { name: &self.name, ports }),
            Way::Sets(..) => None,
        }
    }

    /// Whether who was let in by this door is let in by that one, too.
    #[must_use]
    pub fn goes_on_in(&self, other: &Self) -> bool {
        match (&self.way, &other.way) {
            (Way::Guard(ports, _), Way::Guard(others, _)) => self.name == other.name && ports == others,
            (Way::Sets(sets, _), Way::Sets(others, _)) => self.name == other.name && sets == others,
            _ => false,
        }
    }

    /// Whether this is what the door opened when it was read.
    #[must_use]
    pub fn opens(&self, opens: &Opens) -> bool {
        match (&self.way, opens) {
            (Way::Guard(ports, _), Opens::Ports(others)) => ports == others,
            (Way::Sets(sets, _), Opens::Sets(others)) => **sets == *others,
            _ => false,
        }
    }

    /// Has the kernel let somebody in for this time from now on, and says to what.
    pub fn let_in(
        &self,
        firewall: &mut Firewall,
        source: IpAddr,
        time: Duration,
    ) -> Result<Arc<str>, Refused> {
        let entrances = match &self.way {
            Way::Guard(_, what) => {
                firewall.let_in(&self.name, source, time)?;
                return Ok(Arc::clone(what));
            }
            Way::Sets(_, entrances) => entrances,
        };
        let [v4, v6] = entrances.as_ref();
        let (entrance, directive) = if source.is_ipv4() { (v4, "Open_Set") } else { (v6, "Open_Set_6") };
        let Some(Entrance(set, what)) = entrance else { return Err(Refused::NoSet(directive)) };
        firewall.add(set, source, time)?;
        Ok(Arc::clone(what))
    }

    /// Has the kernel let many in again, each for a time of his own. Fails with the first who is refused.
    pub fn let_in_again(&self, firewall: &mut Firewall, all: &[(IpAddr, Duration)]) -> Result<(), Refused> {
        match &self.way {
            Way::Guard(..) => Ok(firewall.let_in_all(&self.name, all)?),
            Way::Sets(..) => {
                all.iter().try_for_each(|(source, time)| self.let_in(firewall, *source, *time).map(drop))
            }
        }
    }

    /// Has the kernel let somebody in no more, and tells whether it did.
    pub fn shut_out(&self, firewall: &mut Firewall, source: IpAddr) -> Result<bool, FirewallError> {
        let entrances = match &self.way {
            Way::Guard(..) => return firewall.shut_out(&self.name, source),
            Way::Sets(_, entrances) => entrances,
        };
        let [v4, v6] = entrances.as_ref();
        match if source.is_ipv4() { v4 } else { v6 } {
            Some(Entrance(set, _)) => firewall.take_out(set, source),
            None => Ok(false),
        }
    }

    /// Who is let in at the moment, and for how long, as far as that is our matter; without an end, for
    /// [`Duration::MAX`].
    pub fn let_in_already(&self, firewall: &mut Firewall) -> Result<Vec<(IpAddr, Duration)>, FirewallError> {
        if self.guarded().is_none() {
            return Ok(Vec::new());
        }
        let openings = firewall.openings(&self.name)?.into_iter();
        Ok(openings.map(|opening| (opening.source, opening.left.unwrap_or(Duration::MAX))).collect())
    }
}

fn entrances(
    name: &DoorName,
    sets: &Sets,
    firewall: &mut Firewall,
) -> Result<[Option<Entrance>; 2], Vec<String>> {
    let mut wrong = Vec::new();
    let named = [(sets.v4(), IpVersion::V4), (sets.v6(), IpVersion::V6)];
    let found = named.map(|(set, version)| {
        let set = set?;
        let what = match sets.ports() {
            Some(ports) => format!("{ports} in the set {set}"),
            None => format!("the set {set}"),
        };
        match firewall.own_set(set, version, sets.ports()) {
            Ok(found) if found.has_ports() == sets.ports().is_some() => {
                return Some(Entrance(found, what.into()));
            }
            Ok(_) => wrong.push(format!(
                "{name}: the set {set} has no ports in its elements, so the ports of \"Open\" would mean nothing: leave \
                 \"Open\" out, or give the set a type such as ipv4_addr . inet_proto . inet_service"
            )),
            Err(mistake) => wrong.push(format!("{name}: {mistake}")),
        }
        None
    });
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}
