//! An interface as the kernel describes it.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use knock_core::host::Interface;

/// One interface of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub(super) name: String,
    pub(super) state: State,
    pub(super) loopback: bool,
    /// The broadcast address that was set with each address, if one was.
    pub(super) addresses: BTreeMap<Address, Option<Ipv4Addr>>,
}

/// How far an interface is ready for packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Shut off: no packet comes in.
    Down,
    /// Switched on, but the cable, the radio or the peer is missing.
    NoCarrier,
    /// Packets can come in.
    Running,
}

/// What makes an address of an interface another one than the next.
///
/// An IPv4 address can be there several times, once for each of its networks or peers, and go one by one. It sorts by
/// the address itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    local: IpAddr,
    network: IpAddr,
    prefix: u8,
}

impl Link {
    /// Its name; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far it is ready for packets.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether it is the loopback interface.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The addresses that it can receive packets for, each once.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let mut last = None;
        self.addresses
            .keys()
            .map(|address| address.local)
            .filter(move |local| last.replace(*local) != Some(*local))
    }

    /// What it answers to, in the form in which the engine asks.
    #[must_use]
    pub fn interface(&self) -> Interface {
        let mut broadcasts: Vec<_> = self
            .addresses
            .iter()
            .flat_map(|(address, set)| set.iter().copied().chain(address.broadcast()))
            .collect();
        broadcasts.sort_unstable();
        broadcasts.dedup();
        Interface { loopback: self.loopback, addresses: self.addresses().collect(), broadcasts }
    }

    pub(super) fn has(&self, address: IpAddr) -> bool {
        let first = Address { local: address, network: Ipv4Addr::UNSPECIFIED.into(), prefix: 0 };
        self.addresses.range(first..).next().is_some_and(|(found, _)| found.local == address)
    }
}

impl Address {
    /// The address `local` in the network `network`/`prefix`, where `network` is any address in it or that of the
    /// peer. None if the prefix is longer than the address.
    pub(super) fn v4(local: Ipv4Addr, network: Ipv4Addr, prefix: u8) -> Option<Self> {
        (u32::from(prefix) <= Ipv4Addr::BITS).then_some(Self {
            local: local.into(),
            network: network.into(),
            prefix,
        })
    }

    /// An IPv6 address. An interface has it once: its peer can change without the address going and coming back.
    pub(super) fn v6(local: Ipv6Addr) -> Self {
        Self { local: local.into(), network: local.into(), prefix: 128 }
    }

    pub(super) fn local(self) -> IpAddr {
        self.local
    }

    /// The last address of its network: broadcast by the kernel's routes, whether or not it was set as such. Networks
    /// of one or two addresses have none (RFC 3021, section 2.1).
    fn broadcast(self) -> Option<Ipv4Addr> {
        let IpAddr::V4(network) = self.network else { return None };
        let host_bits = u32::MAX.checked_shr(self.prefix.into())?;
        (host_bits > 1).then(|| Ipv4Addr::from_bits(network.to_bits() | host_bits))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::NoCarrier => "up, but has no carrier",
            Self::Running => "up and running",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(addresses: &[(&str, &str, u8, Option<&str>)]) -> Link {
        let v4 = |text: &str| text.parse().unwrap();
        let addresses = addresses
            .iter()
            .map(|(local, network, prefix, set)| {
                (Address::v4(v4(local), v4(network), *prefix).unwrap(), set.map(v4))
            })
            .collect();
        Link { name: "eth0".to_owned(), state: State::Running, loopback: false, addresses }
    }

    #[test]
    fn every_way_to_write_broadcast_counts_once() {
        let link = link(&[
            ("10.1.2.3", "10.1.2.3", 24, Some("10.1.2.255")),
            ("10.1.2.4", "10.1.2.4", 24, None),
            ("10.1.2.3", "10.1.2.3", 16, Some("10.9.9.9")),
            ("10.7.0.1", "10.7.0.2", 32, None),
            ("10.8.0.0", "10.8.0.1", 31, None),
        ]);
        let Interface { addresses, broadcasts, .. } = link.interface();
        assert_eq!(
            broadcasts,
            ["10.1.2.255", "10.1.255.255", "10.9.9.9"].map(|text| text.parse::<Ipv4Addr>().unwrap())
        );
        assert_eq!(
            addresses,
            ["10.1.2.3", "10.1.2.4", "10.7.0.1", "10.8.0.0"].map(|text| text.parse::<IpAddr>().unwrap())
        );
    }

    #[test]
    fn an_address_is_found_whatever_its_network() {
        let link = link(&[("10.1.2.3", "10.1.2.3", 24, None)]);
        assert!(link.has("10.1.2.3".parse().unwrap()));
        assert!(!link.has("10.1.2.2".parse().unwrap()));
        assert!(!link.has("10.1.2.4".parse().unwrap()));
        assert!(!link.has("::".parse().unwrap()));
    }

    #[test]
    fn no_prefix_is_longer_than_its_address() {
        assert_eq!(Address::v4(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST, 33), None);
        let everything = Address::v4(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST, 0).unwrap();
        assert_eq!(everything.broadcast(), Some(Ipv4Addr::BROADCAST));
    }
}
