use netlink_packet_core::{DefaultNla, Emitable};
use netlink_packet_route::{
    address::{AddressAttribute, AddressMessage},
    link::{LinkAttribute, LinkMessage},
};
use proptest::prelude::*;

use super::*;

const ETH0: InterfaceIndex = InterfaceIndex(2);

fn link_message(family: AddressFamily, flags: LinkFlags, attributes: Vec<LinkAttribute>) -> Vec<u8> {
    let mut message = LinkMessage::default();
    message.header = LinkHeader { interface_family: family, index: ETH0.0, flags, ..LinkHeader::default() };
    message.attributes = attributes;
    emitted(&message)
}

fn address_message(prefix_len: u8, flags: AddressHeaderFlags, attributes: Vec<AddressAttribute>) -> Vec<u8> {
    let family = match attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(address) | AddressAttribute::Local(address) => Some(address),
        _ => None,
    }) {
        Some(IpAddr::V6(_)) => AddressFamily::Inet6,
        _ => AddressFamily::Inet,
    };
    let mut message = AddressMessage::default();
    message.header = AddressHeader { family, prefix_len, flags, index: ETH0.0, ..AddressHeader::default() };
    message.attributes = attributes;
    emitted(&message)
}

fn emitted(message: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

fn new_link(flags: LinkFlags, attributes: Vec<LinkAttribute>) -> Result<Option<Notice>, Unreadable> {
    Notice::parse(libc::RTM_NEWLINK, &link_message(AddressFamily::Unspec, flags, attributes))
}

fn new_address(
    prefix: u8,
    flags: AddressHeaderFlags,
    attributes: Vec<AddressAttribute>,
) -> Result<Option<Notice>, Unreadable> {
    Notice::parse(libc::RTM_NEWADDR, &address_message(prefix, flags, attributes))
}

fn named(name: &str) -> Vec<LinkAttribute> {
    vec![LinkAttribute::Mtu(1500), LinkAttribute::IfName(name.to_owned())]
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn v6(text: &str) -> Address {
    Address::v6(text.parse().unwrap())
}

#[test]
fn flags_make_the_state() {
    let cases = [
        (LinkFlags::empty(), State::Down, false),
        (LinkFlags::Broadcast | LinkFlags::Running, State::Down, false),
        (LinkFlags::Up | LinkFlags::Broadcast, State::NoCarrier, false),
        (LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp, State::Running, false),
        (LinkFlags::Up | LinkFlags::Running | LinkFlags::Loopback, State::Running, true),
    ];
    for (flags, state, loopback) in cases {
        let expected = Notice::Link { index: ETH0, name: "eth0".to_owned(), state, loopback };
        assert_eq!(new_link(flags, named("eth0")).unwrap(), Some(expected), "{flags}");
    }
}

#[test]
fn a_link_that_is_deleted_needs_no_name() {
    let message = link_message(AddressFamily::Unspec, LinkFlags::empty(), vec![]);
    assert_eq!(Notice::parse(libc::RTM_DELLINK, &message).unwrap(), Some(Notice::LinkGone(ETH0)));
}

#[test]
fn what_a_bridge_says_of_its_ports_is_not_about_the_interface() {
    let message = link_message(AddressFamily::Bridge, LinkFlags::Up, named("eth0"));
    assert_eq!(Notice::parse(libc::RTM_DELLINK, &message).unwrap(), None);
    assert_eq!(Notice::parse(libc::RTM_NEWLINK, &message).unwrap(), None);
}

#[test]
fn any_bytes_that_the_kernel_takes_for_a_name_are_one() {
    let raw = |name: &[u8]| vec![LinkAttribute::Other(DefaultNla::new(libc::IFLA_IFNAME, name.to_vec()))];
    for (bytes, text) in [(&b"caf\xe9\0"[..], "caf\u{fffd}"), (b"eth0", "eth0"), (b"eth0\0\0\0", "eth0")] {
        let Some(Notice::Link { name, .. }) = new_link(LinkFlags::Up, raw(bytes)).unwrap() else { panic!() };
        assert_eq!(name, text);
    }
    for nameless in [vec![], raw(b"\0"), raw(b"")] {
        assert!(matches!(new_link(LinkFlags::Up, nameless), Err(Unreadable::NoName(ETH0))));
    }
}

#[test]
fn attributes_of_another_time_harm_nothing() {
    let mut attributes = named("eth0");
    attributes.extend(
        (0..=0x3fff)
            .step_by(7)
            .filter(|kind| *kind != libc::IFLA_IFNAME)
            .map(|kind| LinkAttribute::Other(DefaultNla::new(kind, vec![0xff]))),
    );
    assert!(
        matches!(new_link(LinkFlags::Up, attributes), Ok(Some(Notice::Link { name, .. })) if name == "eth0")
    );
}

#[test]
fn with_a_peer_the_local_address_counts() {
    let attributes = vec![AddressAttribute::Address(ip("10.0.0.2")), AddressAttribute::Local(ip("10.0.0.1"))];
    let address = Address::v4(v4("10.0.0.1"), v4("10.0.0.2"), 32).unwrap();
    let expected = Notice::Address { index: ETH0, address, broadcast: None };
    assert_eq!(new_address(32, AddressHeaderFlags::Permanent, attributes).unwrap(), Some(expected));

    let attributes = vec![AddressAttribute::Local(ip("fe80::1")), AddressAttribute::Address(ip("fe80::2"))];
    let expected = Notice::Address { index: ETH0, address: v6("fe80::1"), broadcast: None };
    assert_eq!(new_address(128, AddressHeaderFlags::Permanent, attributes).unwrap(), Some(expected));
}

#[test]
fn an_ipv4_address_can_come_with_its_broadcast_address() {
    let broadcast = v4("10.0.0.255");
    let attributes = vec![
        AddressAttribute::Address(ip("10.0.0.1")),
        AddressAttribute::Local(ip("10.0.0.1")),
        AddressAttribute::Broadcast(broadcast),
        AddressAttribute::Label("eth0".to_owned()),
    ];
    let address = Address::v4(v4("10.0.0.1"), v4("10.0.0.1"), 24).unwrap();
    let expected = Notice::Address { index: ETH0, address, broadcast: Some(broadcast) };
    assert_eq!(new_address(24, AddressHeaderFlags::Permanent, attributes).unwrap(), Some(expected));
}

#[test]
fn an_address_counts_when_it_can_receive() {
    use AddressHeaderFlags as Flags;
    let there = Notice::Address { index: ETH0, address: v6("2001:db8::1"), broadcast: None };
    let gone = Notice::AddressGone { index: ETH0, address: v6("2001:db8::1") };
    let cases = [
        (Flags::empty(), &there),
        (Flags::Deprecated, &there),
        (Flags::Tentative | Flags::Optimistic, &there),
        (Flags::Tentative, &gone),
        (Flags::Tentative | Flags::Dadfailed | Flags::Permanent, &gone),
        (Flags::Dadfailed | Flags::Optimistic, &gone),
    ];
    for (flags, expected) in cases {
        let attributes = vec![AddressAttribute::Address(ip("2001:db8::1"))];
        assert_eq!(new_address(64, flags, attributes).unwrap().as_ref(), Some(expected), "{flags:?}");
    }
    let message = address_message(64, Flags::empty(), vec![AddressAttribute::Address(ip("2001:db8::1"))]);
    assert_eq!(Notice::parse(libc::RTM_DELADDR, &message).unwrap(), Some(gone));
}

#[test]
fn an_implausible_address_is_none() {
    let refused = |prefix, attributes| {
        matches!(
            new_address(prefix, AddressHeaderFlags::empty(), attributes),
            Err(Unreadable::NoAddress(ETH0))
        )
    };
    assert!(refused(24, vec![]));
    assert!(refused(33, vec![AddressAttribute::Local(ip("10.0.0.1"))]));
    assert!(refused(
        24,
        vec![AddressAttribute::Local(ip("10.0.0.1")), AddressAttribute::Address(ip("fe80::1"))]
    ));
}

#[test]
fn what_is_cut_off_is_unreadable() {
    let link = link_message(AddressFamily::Unspec, LinkFlags::Up, named("lan"));
    for length in 0..link.len() {
        assert!(Notice::parse(libc::RTM_NEWLINK, &link[..length]).is_err(), "{length}");
    }
    let address =
        address_message(24, AddressHeaderFlags::empty(), vec![AddressAttribute::Local(ip("10.0.0.1"))]);
    for length in 0..address.len() {
        assert!(Notice::parse(libc::RTM_NEWADDR, &address[..length]).is_err(), "{length}");
    }
}

#[test]
fn no_interface_has_index_0() {
    assert!(matches!(Notice::parse(libc::RTM_DELLINK, &[0; LINK_HEADER]), Err(Unreadable::NoIndex)));
}

#[test]
fn other_messages_are_left_alone() {
    assert_eq!(Notice::parse(libc::RTM_NEWROUTE, b"").unwrap(), None);
    assert_eq!(Notice::parse(libc::RTM_NEWADDR, &[0; ADDRESS_HEADER]).unwrap(), None);
}

proptest! {
    #[test]
    fn no_payload_brings_the_reader_down(kind in 16_u16..24, payload in prop::collection::vec(any::<u8>(), 0..128)) {
        let _ = Notice::parse(kind, &payload);
    }
}
