//! All interfaces of a host, in such an order that every question about an address is one search.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use crate::interface::InterfaceIndex;

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

/// The interfaces of a host. Hits ask for their addresses, so these are put in order once, beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    by_index: BTreeMap<InterfaceIndex, Interface>,
    /// Every address with every interface that has it.
    owners: BTreeSet<(IpAddr, InterfaceIndex)>,
    /// The broadcast addresses of all interfaces.
    broadcasts: BTreeSet<Ipv4Addr>,
}

impl From<BTreeMap<InterfaceIndex, Interface>> for Interfaces {
    fn from(by_index: BTreeMap<InterfaceIndex, Interface>) -> Self {
        let owners = by_index
            .iter()
            .flat_map(|(index, interface)| interface.addresses.iter().map(|address| (*address, *index)))
            .collect();
        let broadcasts = by_index.values().flat_map(|interface| &interface.broadcasts).copied().collect();
        Self { by_index, owners, broadcasts }
    }
}

impl Interfaces {
    /// Each interface under its index.
    #[must_use]
    pub fn by_index(&self) -> &BTreeMap<InterfaceIndex, Interface> {
        &self.by_index
    }

    /// Whether there is this interface and it is the loopback interface.
    pub(super) fn is_loopback(&self, index: InterfaceIndex) -> bool {
        self.by_index.get(&index).is_some_and(|interface| interface.loopback)
    }

    /// Whether this interface has the address.
    pub(super) fn has(&self, index: InterfaceIndex, address: IpAddr) -> bool {
        self.owners.contains(&(address, index))
    }

    /// Whether some interface has the address.
    pub(super) fn any_has(&self, address: IpAddr) -> bool {
        let owners = (address, InterfaceIndex(u32::MIN))..=(address, InterfaceIndex(u32::MAX));
        self.owners.range(owners).next().is_some()
    }

    /// Whether the address stands for all hosts of a network of some interface.
    pub(super) fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        self.broadcasts.contains(&address)
    }
}
