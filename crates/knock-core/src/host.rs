//! The addresses that this host has now, and whom it can take for a peer.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use crate::hit::Hit;

/// The kernel's number for a network interface (netdevice(7)); 0 stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceIndex(pub u32);

/// One interface and what it answers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Whether it is the loopback interface, whose sources are all local.
    pub loopback: bool,
    /// The addresses it has.
    pub addresses: Vec<IpAddr>,
    /// The broadcast addresses of its IPv4 networks.
    pub broadcasts: Vec<Ipv4Addr>,
}

/// What is known of the host that the hits reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// The host that we run on: every interface with its addresses of the moment.
    Interfaces(BTreeMap<InterfaceIndex, Interface>),
    /// The host of a capture, with the addresses that it is said to have had.
    Had(Vec<IpAddr>),
    /// The host of a capture of which nothing is known: every destination may have been its own.
    Unknown,
}

impl Host {
    /// Whether the source of the hit can be somebody who knocks.
    #[must_use]
    pub fn admits_source(&self, hit: &Hit) -> bool {
        let interface = self.interface(hit);
        let loopback = interface.is_some_and(|interface| interface.loopback);
        if hit.source.is_unspecified() || hit.source.is_multicast() {
            return false;
        }
        if hit.source.is_loopback() {
            return loopback || *self == Self::Unknown;
        }
        if self.sent(hit) {
            return false;
        }
        match hit.source {
            IpAddr::V4(source) => {
                !source.is_broadcast()
                    && !interface.is_some_and(|interface| interface.broadcasts.contains(&source))
            }
            // Such an address has no place in a packet (RFC 4291, section 2.5.5); commands would take it for IPv4.
            IpAddr::V6(source) => source.to_ipv4_mapped().is_none(),
        }
    }

    /// Whether the hit was sent to `target`, or without one to an address that its interface has.
    #[must_use]
    pub fn is_addressed(&self, hit: &Hit, target: Option<IpAddr>) -> bool {
        if let Some(target) = target {
            return hit.destination == target;
        }
        match self {
            Self::Interfaces(_) => {
                self.interface(hit).is_some_and(|interface| interface.addresses.contains(&hit.destination))
            }
            Self::Had(addresses) => addresses.contains(&hit.destination),
            Self::Unknown => true,
        }
    }

    /// Whether this host sent the hit itself. On the loopback interface everybody is this host.
    fn sent(&self, hit: &Hit) -> bool {
        match self {
            Self::Interfaces(_) => self
                .interface(hit)
                .is_some_and(|interface| !interface.loopback && interface.addresses.contains(&hit.source)),
            Self::Had(addresses) => addresses.contains(&hit.source),
            Self::Unknown => false,
        }
    }

    fn interface(&self, hit: &Hit) -> Option<&Interface> {
        match self {
            Self::Interfaces(interfaces) => interfaces.get(&hit.interface),
            Self::Had(_) | Self::Unknown => None,
        }
    }
}
