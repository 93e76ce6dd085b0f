use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const ETH0: InterfaceIndex = InterfaceIndex(2);

fn link(index: InterfaceIndex, name: &str, state: State) -> Notice {
    Notice::Link { index, name: name.to_owned(), state, loopback: false }
}

fn network(local: &str, prefix: u8) -> Address {
    Address::v4(local.parse().unwrap(), local.parse().unwrap(), prefix).unwrap()
}

fn added(address: Address) -> Notice {
    Notice::Address { index: ETH0, address, broadcast: None }
}

fn removed(address: Address) -> Notice {
    Notice::AddressGone { index: ETH0, address }
}

fn with_eth0() -> Table {
    let mut table = Table::default();
    table.apply(link(ETH0, "eth0", State::Running));
    table
}

/// What the notice changes, told in lines.
fn told(table: &mut Table, notice: Notice) -> Vec<String> {
    table.apply(notice).iter().map(Change::to_string).collect()
}

#[test]
fn an_interface_appears_with_its_state_and_goes_with_its_addresses() {
    let mut table = Table::default();
    let new = told(&mut table, link(ETH0, "eth0", State::Down));
    assert_eq!(new, ["interface eth0 has appeared (index 2)", "interface eth0 is down"]);
    table.apply(added(network("10.0.0.1", 24)));
    assert_eq!(told(&mut table, Notice::LinkGone(ETH0)), ["interface eth0 is gone (index 2)"]);
    assert_eq!(table, Table::default());
    assert_eq!(told(&mut table, removed(network("10.0.0.1", 24))), [""; 0]);
    assert_eq!(told(&mut table, added(network("10.0.0.1", 24))), [""; 0]);
    assert_eq!(told(&mut table, Notice::LinkGone(ETH0)), [""; 0]);
}

#[test]
fn name_and_state_change_in_place() {
    let mut table = with_eth0();
    table.apply(added(network("10.0.0.1", 24)));
    assert_eq!(told(&mut table, link(ETH0, "eth0", State::Running)), [""; 0]);
    let changes = told(&mut table, link(ETH0, "lan", State::NoCarrier));
    assert_eq!(changes, ["interface eth0 is now named lan", "interface lan is up, but has no carrier"]);
    let lan = table.link(ETH0).unwrap();
    assert_eq!((lan.name(), lan.addresses().count()), ("lan", 1));
}

#[test]
fn an_address_is_there_until_its_last_network_goes() {
    let mut table = with_eth0();
    let [narrow, wide] = [24, 16].map(|prefix| network("10.0.0.1", prefix));
    assert_eq!(told(&mut table, added(narrow)), ["interface eth0 has the address 10.0.0.1"]);
    assert_eq!(told(&mut table, added(narrow)), [""; 0]);
    assert_eq!(told(&mut table, added(wide)), ["the networks of interface eth0 have changed"]);
    assert_eq!(told(&mut table, removed(narrow)), ["the networks of interface eth0 have changed"]);
    assert_eq!(told(&mut table, removed(wide)), ["interface eth0 no longer has the address 10.0.0.1"]);
    assert_eq!(told(&mut table, removed(wide)), [""; 0]);
}

#[test]
fn another_broadcast_address_is_a_change() {
    let mut table = with_eth0();
    let address = network("10.0.0.1", 24);
    table.apply(added(address));
    let notice = Notice::Address { index: ETH0, address, broadcast: Some(Ipv4Addr::new(10, 0, 0, 200)) };
    assert_eq!(told(&mut table, notice.clone()), ["the networks of interface eth0 have changed"]);
    assert_eq!(told(&mut table, notice), [""; 0]);
}

#[test]
fn the_host_is_what_the_table_says() {
    let mut table = with_eth0();
    table.apply(Notice::Link {
        index: InterfaceIndex(1),
        name: "lo".to_owned(),
        state: State::Running,
        loopback: true,
    });
    table.apply(added(network("10.0.0.1", 24)));
    table.apply(added(Address::v6(Ipv6Addr::LOCALHOST)));
    let Host::Interfaces(interfaces) = table.host() else { panic!() };
    let interfaces = interfaces.by_index();
    assert_eq!(interfaces.keys().copied().collect::<Vec<_>>(), [InterfaceIndex(1), ETH0]);
    assert!(interfaces[&InterfaceIndex(1)].loopback);
    let addresses = ["10.0.0.1", "::1"].map(|text| text.parse::<IpAddr>().unwrap());
    assert_eq!(interfaces[&ETH0].addresses, addresses);
    assert_eq!(interfaces[&ETH0].broadcasts, [Ipv4Addr::new(10, 0, 0, 255)]);
}

#[test]
fn a_name_is_given_up_before_it_is_taken() {
    let mut table = with_eth0();
    let mut now = Table::default();
    now.apply(link(InterfaceIndex(1), "eth0", State::Running));
    let told: Vec<_> = table.catch_up(&now).iter().map(Change::to_string).collect();
    assert_eq!(
        told,
        [
            "interface eth0 is gone (index 2)",
            "interface eth0 has appeared (index 1)",
            "interface eth0 is up and running"
        ]
    );
}

/// Notices about few interfaces and addresses, so that they meet.
fn notice() -> impl Strategy<Value = Notice> {
    let index = || (1_u32..4).prop_map(InterfaceIndex);
    let address = || {
        prop_oneof![
            (0_u8..3, 24_u8..26).prop_map(|(host, prefix)| network(&format!("10.0.0.{host}"), prefix)),
            (0_u16..3).prop_map(|host| Address::v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host))),
        ]
    };
    let state = prop_oneof![Just(State::Down), Just(State::NoCarrier), Just(State::Running)];
    let broadcast = prop::option::of((0_u8..2).prop_map(|host| Ipv4Addr::new(10, 0, 1, host)));
    prop_oneof![
        (index(), "[ab]", state).prop_map(|(index, name, state)| {
            let loopback = index == InterfaceIndex(1);
            Notice::Link { index, name, state, loopback }
        }),
        index().prop_map(Notice::LinkGone),
        (index(), address(), broadcast).prop_map(|(index, address, broadcast)| Notice::Address {
            index,
            address,
            broadcast
        }),
        (index(), address()).prop_map(|(index, address)| Notice::AddressGone { index, address }),
    ]
}

/// The interfaces' addresses as somebody knows them who only hears of changes.
fn hear(known: &mut BTreeMap<InterfaceIndex, (String, Option<State>, Vec<IpAddr>)>, change: Change) {
    let Change { index, name, what } = change;
    match what {
        What::Appeared => assert_eq!(known.insert(index, (name, None, Vec::new())), None),
        What::Gone => assert!(known.remove(&index).is_some_and(|(before, ..)| before == name)),
        What::Renamed { before } => {
            assert_eq!(std::mem::replace(&mut known.get_mut(&index).unwrap().0, name), before);
        }
        What::State(state) => assert_ne!(known.get_mut(&index).unwrap().1.replace(state), Some(state)),
        What::AddressAdded(address) => {
            let addresses = &mut known.get_mut(&index).unwrap().2;
            assert!(!addresses.contains(&address));
            addresses.push(address);
            addresses.sort_unstable();
        }
        What::AddressRemoved(address) => {
            let addresses = &mut known.get_mut(&index).unwrap().2;
            assert!(addresses.contains(&address));
            addresses.retain(|other| *other != address);
        }
        What::Networks => assert!(known.contains_key(&index)),
    }
}

proptest! {
    #[test]
    fn the_changes_tell_all(
        first in prop::collection::vec(notice(), 0..40),
        second in prop::collection::vec(notice(), 0..40),
    ) {
        let mut known = BTreeMap::new();
        let mut table = Table::default();
        for notice in first {
            let before = table.host();
            let changes = table.apply(notice);
            prop_assert!(!changes.is_empty() || table.host() == before);
            for change in changes {
 hear(&mut known, change);
}
        }
        let mut now = Table::default();
        for notice in second {
            now.apply(notice);
        }
        for change in table.catch_up(&now) {
 hear(&mut known, change);
}
        prop_assert_eq!(&table, &now);
        let there: BTreeMap<_, _> = now
            .iter()
            .map(|(index, link)| {
                (index, (link.name().to_owned(), Some(link.state()), link.addresses().collect::<Vec<_>>()))
            })
            .collect();
        prop_assert_eq!(known, there);
    }
}
