use std::time::Duration;

use super::*;
use crate::{
    firewall::{Firewall, support::nft},
    own_network::in_own_network,
};

const TABLE: &str = "add table inet filter
add set inet filter plain { type ipv4_addr; flags timeout; }
add set inet filter plain6 { type ipv6_addr; flags timeout,dynamic; timeout 1h; }
add set inet filter ports { type ipv4_addr . inet_service; flags timeout; }
add set inet filter full6 { typeof ip6 saddr . meta l4proto . th dport; flags timeout; }
add set inet filter full { type ipv4_addr . inet_proto . inet_service; flags timeout; }
add set inet filter lasting { type ipv4_addr; }
add set inet filter ranges { type ipv4_addr; flags interval,timeout; }
add set inet filter fixed { type ipv4_addr; flags constant; }
add set inet filter services { type inet_service; flags timeout; }
add set inet filter reversed { type inet_service . ipv4_addr; flags timeout; }
add map inet filter pairs { type ipv4_addr : mark; flags timeout; }
add table ip old
add set ip old six { type ipv6_addr; flags timeout; }
";

fn looked_up(firewall: &mut Firewall, set: &str, version: IpVersion, ports: &str) -> Result<OpenSet, String> {
    let ports = Some(ports).filter(|ports| !ports.is_empty()).map(|ports| ports.parse().unwrap());
    firewall.own_set(&set.parse().unwrap(), version, ports.as_ref()).map_err(|mistake| mistake.to_string())
}

#[test]
fn sets_of_every_right_type_are_filled() {
    in_own_network("firewall::open_set::tests::sets_of_every_right_type_are_filled", || {
        nft(TABLE);
        let mut firewall = Firewall::open().unwrap();
        let [v4, v6] = ["192.0.2.7", "2001:db8::7"].map(|source| source.parse().unwrap());
        let ports = "tcp/22, udp/22, udp/60000-60001";
        for (set, source, elements) in [
            ("plain", v4, &["192.0.2.7"][..]),
            ("plain6", v6, &["2001:db8::7"]),
            ("ports", v4, &["192.0.2.7 . 22", "192.0.2.7 . 60000", "192.0.2.7 . 60001"]),
            ("full", v4, &["192.0.2.7 . tcp . 22", "192.0.2.7 . udp . 22", "192.0.2.7 . udp . 60001"]),
            ("full6", v6, &["2001:db8::7 . tcp . 22", "2001:db8::7 . udp . 60000"]),
        ] {
            let open = looked_up(&mut firewall, &format!("inet filter {set}"), IpVersion::of(source), ports)
                .unwrap();
            assert_eq!(open.has_ports(), !set.starts_with("plain"), "{set}");
            for _ in 0..2 {
                firewall.add(&open, source, Duration::from_secs(600)).unwrap();
            }
            let listed = nft(&format!("list set inet filter {set}"));
            for element in elements {
                assert!(listed.contains(&format!("{element} timeout 10m expires ")), "{element} in {listed}");
            }
        }
        let plain = looked_up(&mut firewall, "inet filter plain", IpVersion::V4, "").unwrap();
        firewall.add(&plain, v6, Duration::from_secs(600)).unwrap();
        assert!(!nft("list set inet filter plain").contains("db8"));
    });
}

#[test]
fn who_was_put_there_for_good_stays() {
    in_own_network("firewall::open_set::tests::who_was_put_there_for_good_stays", || {
        nft(TABLE);
        nft("add element inet filter plain { 192.0.2.7 }");
        let mut firewall = Firewall::open().unwrap();
        let plain = looked_up(&mut firewall, "inet filter plain", IpVersion::V4, "").unwrap();
        firewall.add(&plain, "192.0.2.7".parse().unwrap(), Duration::from_secs(1)).unwrap();
        assert!(nft("list set inet filter plain").contains("elements = { 192.0.2.7 }"));
    });
}

#[test]
fn a_wrong_set_is_told_in_plain_words() {
    in_own_network("firewall::open_set::tests::a_wrong_set_is_told_in_plain_words", || {
        nft(TABLE);
        let mut firewall = Firewall::open().unwrap();
        for (set, words) in [
            ("inet nothing x", "there is no table inet nothing"),
            ("ip filter plain", "there is no table ip filter"),
            ("inet filter nothing", "the table inet filter has no set nothing"),
            ("inet filter plain6", "holds ipv6_addr; it should have the type ipv4_addr, "),
            ("inet filter services", "holds inet_service; "),
            ("inet filter reversed", "holds inet_service . ipv4_addr; "),
            ("inet filter lasting", "give it `flags timeout`"),
            ("inet filter ranges", "take the flag interval away"),
            ("inet filter fixed", "take the flag constant away"),
            ("inet filter pairs", "this is a map"),
            ("inet filter ports", "say which with Open"),
        ] {
            let said = looked_up(&mut firewall, set, IpVersion::V4, "").unwrap_err();
            assert!(said.starts_with(set) && said.contains(words), "{set}: {said}");
        }
        let said = looked_up(&mut firewall, "ip old six", IpVersion::V6, "").unwrap_err();
        assert!(said.contains("never sees IPv6"), "{said}");
        let said = looked_up(&mut firewall, "inet filter full", IpVersion::V4, "tcp/1-1025").unwrap_err();
        assert!(said.contains("more than 1024"), "{said}");
        let most = looked_up(&mut firewall, "inet filter full", IpVersion::V4, "tcp/1-1024").unwrap();
        firewall.add(&most, "192.0.2.7".parse().unwrap(), Duration::from_secs(60)).unwrap();
        assert!(nft("list set inet filter full").contains("192.0.2.7 . tcp . 1024 timeout"));
    });
}

#[test]
fn a_set_that_has_gone_is_told() {
    in_own_network("firewall::open_set::tests::a_set_that_has_gone_is_told", || {
        nft(TABLE);
        let mut firewall = Firewall::open().unwrap();
        let plain = looked_up(&mut firewall, "inet filter plain", IpVersion::V4, "").unwrap();
        nft("delete set inet filter plain");
        let error = firewall.add(&plain, "192.0.2.7".parse().unwrap(), Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "the set inet filter plain is not there any more");
    });
}
