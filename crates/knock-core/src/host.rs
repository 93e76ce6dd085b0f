//! The addresses that this host has now, and whom it can take for a peer.

use std::{collections::BTreeMap, net::IpAddr};

pub use self::{
    interfaces::{Interface, Interfaces},
    nobody::Nobody,
};
use crate::{hit::Hit, interface::InterfaceIndex};

mod interfaces;
mod nobody;

/// What is known of the host that the hits reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// The host that we run on: every interface with its addresses of the moment.
    Interfaces(Interfaces),
    /// The host of a capture, with the addresses that it is said to have had.
    Had(Vec<IpAddr>),
    /// The host of a capture of which nothing is known: every destination may have been its own.
    Unknown,
}

impl Host {
    /// The host that we run on, from all its interfaces.
    #[must_use]
    pub fn interfaces(by_index: BTreeMap<InterfaceIndex, Interface>) -> Self {
        Self::Interfaces(by_index.into())
    }

    /// Whether the source of the hit can be somebody who knocks.
    #[must_use]
    pub fn admits_source(&self, hit: &Hit) -> bool {
        if hit.source.is_loopback() {
            return self.admits_loopback(hit);
        }
        !is_nobody(hit.source) && !self.sent(hit) && !self.is_broadcast(hit.source)
    }

    /// Whether the hit was sent to `target`, or without one to an address that its interface has.
    #[must_use]
    pub fn is_addressed(&self, hit: &Hit, target: Option<IpAddr>) -> bool {
        if let Some(target) = target {
            return hit.destination == target;
        }
        match self {
            Self::Interfaces(interfaces) => interfaces.has(hit.interface, hit.destination),
            Self::Had(addresses) => addresses.contains(&hit.destination),
            Self::Unknown => true,
        }
    }

    /// Whether a loopback source can be real here.
    fn admits_loopback(&self, hit: &Hit) -> bool {
        match self {
            Self::Interfaces(interfaces) => interfaces.is_loopback(hit.interface),
            // Only a loopback interface carries what is loopback at both ends.
            Self::Had(_) => hit.destination.is_loopback(),
            Self::Unknown => true,
        }
    }

    /// Whether this host sent the hit itself, or somebody in its name: a kernel drops what comes in from an address
    /// that it has on any interface. On the loopback interface everybody is this host.
    fn sent(&self, hit: &Hit) -> bool {
        match self {
            Self::Interfaces(interfaces) if interfaces.is_loopback(hit.interface) => false,
            Self::Interfaces(interfaces) if is_of_its_link(hit.source) => {
                interfaces.has(hit.interface, hit.source)
            }
            Self::Interfaces(interfaces) => interfaces.any_has(hit.source),
            Self::Had(addresses) => addresses.contains(&hit.source),
            Self::Unknown => false,
        }
    }

    /// Whether the address stands for all hosts of some network that this host is in.
    #[must_use]
    pub fn is_broadcast(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Interfaces(interfaces), IpAddr::V4(address)) => interfaces.is_broadcast(address),
            _ => false,
        }
    }
}

/// Whether no host anywhere can have this address.
#[must_use]
pub fn is_nobody(address: IpAddr) -> bool {
    Nobody::of(address).is_some()
}

/// Whether other links may have another host of the same address (RFC 4291, section 2.5.6; RFC 3927).
fn is_of_its_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
