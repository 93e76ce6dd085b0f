use std::net::Ipv4Addr;

use super::*;
use crate::hit::Transport;

const LOOPBACK: u32 = 1;
const LAN: u32 = 2;
const WAN: u32 = 3;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn hit(interface: u32, source: &str, destination: &str) -> Hit {
    Hit {
        interface: InterfaceIndex(interface),
        source: address(source),
        destination: address(destination),
        port: 7000,
        transport: Transport::Udp,
    }
}

fn interface(loopback: bool, addresses: &[&str], broadcasts: &[[u8; 4]]) -> Interface {
    Interface {
        loopback,
        addresses: addresses.iter().map(|text| address(text)).collect(),
        broadcasts: broadcasts.iter().copied().map(Ipv4Addr::from).collect(),
    }
}

fn router() -> Host {
    let loopback = interface(true, &["127.0.0.1", "::1"], &[]);
    let lan = interface(false, &["192.0.2.1", "2001:db8::1", "fe80::1", "169.254.0.1"], &[[192, 0, 2, 255]]);
    let wan = interface(false, &["198.51.100.1", "fe80::2"], &[[198, 51, 100, 127]]);
    Host::interfaces(BTreeMap::from(
        [(LOOPBACK, loopback), (LAN, lan), (WAN, wan)].map(|(index, it)| (InterfaceIndex(index), it)),
    ))
}

fn had() -> Host {
    Host::Had(vec![address("192.0.2.1"), address("2001:db8::1"), address("127.0.0.1")])
}

fn admits(host: &Host, interface: u32, source: &str) -> bool {
    let destination = if source.contains(':') { "2001:db8::1" } else { "192.0.2.1" };
    host.admits_source(&hit(interface, source, destination))
}

#[test]
fn peers_are_admitted() {
    for host in [router(), had(), Host::Unknown] {
        for source in ["192.0.2.7", "203.0.113.9", "240.0.0.1", "2001:db8::7", "fe80::7", "169.254.0.7"] {
            assert!(admits(&host, LAN, source), "{source} at {host:?}");
        }
    }
}

#[test]
fn what_no_host_can_be_is_no_peer_anywhere() {
    let nobody = [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "::",
        "ff02::1",
        "ff0e::7",
        "::ffff:192.0.2.7",
        "::ffff:127.0.0.1",
    ];
    for host in [router(), had(), Host::Unknown] {
        for source in nobody {
            for interface in [LOOPBACK, LAN, 99] {
                assert!(!admits(&host, interface, source), "{source} at {host:?}");
            }
        }
    }
}

#[test]
fn loopback_is_a_peer_on_the_loopback_interface_only() {
    for source in ["127.0.0.1", "127.8.9.10", "::1"] {
        assert!(admits(&router(), LOOPBACK, source));
        assert!(!admits(&router(), LAN, source));
        assert!(!admits(&router(), 99, source));
    }
}

#[test]
fn loopback_in_a_capture_may_come_from_a_loopback_interface() {
    assert!(had().admits_source(&hit(0, "127.0.0.1", "127.0.0.1")));
    assert!(had().admits_source(&hit(0, "::1", "::1")));
    assert!(!had().admits_source(&hit(0, "127.0.0.1", "192.0.2.1")));
    assert!(Host::Unknown.admits_source(&hit(0, "127.0.0.1", "192.0.2.1")));
}

#[test]
fn a_directed_broadcast_is_no_peer() {
    assert!(!admits(&router(), LAN, "192.0.2.255"));
    assert!(!admits(&router(), LAN, "198.51.100.127"));
    // A network that this host isn't in can have a host of that name.
    assert!(admits(&router(), LAN, "203.0.113.255"));
    assert!(admits(&Host::Unknown, LAN, "192.0.2.255"));
}

#[test]
fn what_this_host_sends_has_no_peer() {
    for source in ["192.0.2.1", "198.51.100.1", "2001:db8::1"] {
        assert!(!admits(&router(), LAN, source), "{source}");
        assert!(!admits(&router(), WAN, source), "{source}");
        // An interface that has come just now.
        assert!(!admits(&router(), 99, source), "{source}");
        // There this host is its own peer.
        assert!(admits(&router(), LOOPBACK, source), "{source}");
    }
    assert!(!admits(&had(), LAN, "192.0.2.1"));
    assert!(!admits(&had(), LAN, "2001:db8::1"));
    assert!(admits(&Host::Unknown, LAN, "192.0.2.1"));
}

#[test]
fn a_link_local_address_is_ours_on_its_link_only() {
    for source in ["fe80::1", "169.254.0.1"] {
        assert!(!admits(&router(), LAN, source), "{source}");
        assert!(admits(&router(), WAN, source), "{source}");
        assert!(admits(&router(), 99, source), "{source}");
    }
}

#[test]
fn a_hit_is_addressed_to_what_its_interface_has() {
    let addressed =
        |interface, destination| router().is_addressed(&hit(interface, "203.0.113.9", destination), None);
    assert!(addressed(LAN, "192.0.2.1"));
    assert!(addressed(LAN, "fe80::1"));
    assert!(addressed(WAN, "198.51.100.1"));
    assert!(addressed(LOOPBACK, "127.0.0.1"));
    // Another interface's address, a neighbour's, a broadcast, an interface that isn't known.
    assert!(!addressed(LAN, "198.51.100.1"));
    assert!(!addressed(LAN, "192.0.2.2"));
    assert!(!addressed(LAN, "192.0.2.255"));
    assert!(!addressed(99, "192.0.2.1"));
}

#[test]
fn a_target_stands_for_every_address() {
    let target = Some(address("203.0.113.80"));
    for host in [router(), had(), Host::Unknown] {
        assert!(host.is_addressed(&hit(LAN, "203.0.113.9", "203.0.113.80"), target));
        assert!(!host.is_addressed(&hit(LAN, "203.0.113.9", "192.0.2.1"), target));
    }
}

#[test]
fn a_capture_may_know_the_addresses_of_its_host() {
    let other = hit(0, "203.0.113.9", "198.51.100.1");
    assert!(had().is_addressed(&hit(0, "203.0.113.9", "192.0.2.1"), None));
    assert!(!had().is_addressed(&other, None));
    assert!(Host::Unknown.is_addressed(&other, None));
}

#[test]
fn addresses_that_go_are_followed() {
    let knock = hit(LAN, "203.0.113.9", "192.0.2.1");
    assert!(router().is_addressed(&knock, None));
    let Host::Interfaces(interfaces) = router() else { panic!("a router has interfaces") };
    let mut interfaces = interfaces.by_index().clone();
    interfaces.insert(InterfaceIndex(LAN), interface(false, &["192.0.2.33"], &[]));
    assert!(!Host::interfaces(interfaces).is_addressed(&knock, None));
}

#[test]
fn among_many_interfaces_each_has_what_is_its_own() {
    let number = |index: u32| [10, 0, index.to_be_bytes()[2], index.to_be_bytes()[3]];
    let indices = [0, u32::MAX].into_iter().chain(1..500);
    let host = Host::interfaces(
        indices
            .clone()
            .map(|index| {
                let [a, b, c, d] = number(index);
                let addresses = vec![
                    IpAddr::from([a, b, c, d]),
                    address(if index % 2 == 0 { "fe80::1" } else { "fe80::2" }),
                    address("2001:db8::1"),
                ];
                let broadcasts = vec![[a, 1, c, d].into()];
                (InterfaceIndex(index), Interface { loopback: false, addresses, broadcasts })
            })
            .collect(),
    );
    for index in indices {
        let [a, b, c, d] = number(index);
        let own = IpAddr::from([a, b, c, d]);
        let broadcast = IpAddr::from([a, 1, c, d]);
        let other = IpAddr::from([a, 2, c, d]);
        for via in [index, 0, 7, u32::MAX, 1000] {
            let from = |source| host.admits_source(&Hit { source, ..hit(via, "::", "192.0.2.1") });
            assert!(!from(own) && !from(broadcast) && from(other), "{own} via {via}");
            let to = Hit { destination: own, ..hit(via, "203.0.113.9", "::") };
            assert_eq!(host.is_addressed(&to, None), via == index, "{own} via {via}");
        }
        assert_eq!(admits(&host, index, "fe80::1"), index % 2 == 1);
        assert_eq!(admits(&host, index, "fe80::2"), index % 2 == 0);
        assert!(!admits(&host, index, "2001:db8::1"));
    }
}
