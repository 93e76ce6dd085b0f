use super::*;
use crate::wire::samples::{MACS, SYN_4, SYN_6, changed, joined, summed};

/// The version of the packet that was read.
fn version_of(packet: Result<Packet<'_>, NoHit>) -> Result<u8, NoHit> {
    packet.map(|packet| match packet {
        Packet::V4(_) => 4,
        Packet::V6(_) => 6,
    })
}

fn frame(tags: &[[u8; 4]], ethertype: [u8; 2], packet: &[u8]) -> Vec<u8> {
    joined(&[&MACS, &tags.concat(), &ethertype, packet])
}

/// What a packet socket delivers of a frame whose outer tag the kernel took off.
fn inner(priority: u8, vlan: u16, ethertype: u16, packet: &[u8]) -> Vec<u8> {
    let control = u16::from(priority) << 13 | vlan;
    joined(&[&control.to_be_bytes(), &ethertype.to_be_bytes(), packet])
}

#[test]
fn any_number_of_tags_is_passed() {
    let tags = [[0x88, 0xa8, 0, 7], [0x81, 0, 0, 8], [0x81, 0, 0x60, 9]];
    for count in 0..=tags.len() {
        assert_eq!(version_of(packet(&frame(&tags[..count], [0x08, 0], &SYN_4))), Ok(4));
        assert_eq!(version_of(packet(&frame(&tags[..count], [0x86, 0xdd], &SYN_6))), Ok(6));
    }
    assert_eq!(version_of(packet(&frame(&[tags[1]; 300], [0x08, 0], &SYN_4))), Ok(4));
    // The end within a tag.
    let endless = frame(&[tags[1]; 3], [0x81, 0], &[0, 0]);
    assert_eq!(version_of(packet(&endless)), Err(NoHit::Truncated(Header::VlanTag)));
}

#[test]
fn the_type_decides() {
    assert_eq!(version_of(packet(&frame(&[], [0x08, 0x06], &SYN_4))), Err(NoHit::NotIp));
    // IEEE 802.3: a length.
    assert_eq!(version_of(packet(&frame(&[], [0, 43], &SYN_4))), Err(NoHit::NotIp));
    assert_eq!(version_of(packet(&frame(&[], [0x08, 0], &SYN_6))), Err(NoHit::Malformed(Header::Ipv4)));
    assert_eq!(version_of(packet(&frame(&[], [0x86, 0xdd], &SYN_4))), Err(NoHit::Malformed(Header::Ipv6)));
    assert_eq!(version_of(packet(&MACS)), Err(NoHit::Truncated(Header::Ethernet)));
}

#[test]
fn a_pppoe_session_is_read() {
    let session = joined(&[&[0x11, 0, 0, 1, 0, 42, 0, 0x21], &SYN_4]);
    assert_eq!(version_of(packet(&frame(&[], [0x88, 0x64], &session))), Ok(4));
}

#[test]
fn group_addresses_are_not_ours() {
    for group in [0xff, 0x01, 0x33] {
        let frame = changed(&frame(&[], [0x08, 0], &SYN_4), 0, &[group]);
        assert_eq!(version_of(packet(&frame)), Err(NoHit::NotToUs));
    }
}

#[test]
fn an_inner_tag_is_read_whatever_its_priority_and_number() {
    for priority in 0..8 {
        for vlan in 0..0x2000 {
            let four = inner(priority, vlan, IPV4, &SYN_4);
            assert_eq!(version_of(maybe_tagged(&four)), Ok(4), "{priority} {vlan}");
            assert_eq!(maybe_tagged(&four).unwrap().protocol(), 6);
            let six = inner(priority, vlan, IPV6, &SYN_6);
            assert_eq!(version_of(maybe_tagged(&six)), Ok(6), "{priority} {vlan}");
            assert_eq!(maybe_tagged(&six).unwrap().protocol(), 6);
        }
    }
    let more = joined(&[&[0x40, 1, 0x81, 0, 0x60, 2, 0x08, 0], &SYN_4]);
    assert_eq!(version_of(maybe_tagged(&more)), Ok(4));
}

#[test]
fn an_ip_packet_that_looks_like_a_tag_is_read_as_what_it_is() {
    // Total length 2048, identification 0x4500: the tag would be of VLAN 0x500 and hold IPv4.
    let claims = summed(&changed(&SYN_4, 2, &[0x08, 0, 0x45, 0]));
    for packet in [&joined(&[&claims, &[0; 2008]]), &claims] {
        let destination = maybe_tagged(packet).unwrap().destination();
        assert_eq!(destination.to_string(), "198.51.100.1");
    }
    // A flow label that ends like a type.
    let label = joined(&[&[0x60, 0, 0x08, 0, 0x45, 0], &SYN_6[6..], &vec![0; 0x4500 - 20]]);
    assert_eq!(version_of(maybe_tagged(&label)), Ok(6));
    // The same, cut: what would be the inner header has no right checksum.
    assert_eq!(version_of(maybe_tagged(&label[..100])), Ok(6));
}

#[test]
fn where_neither_reading_is_whole_nothing_is_told() {
    let big = joined(&[&changed(&SYN_6, 4, &[0x05, 0]), &[0; 100]]);
    assert_eq!(version_of(maybe_tagged(&inner(3, 1, IPV6, &big))), Err(NoHit::Truncated(Header::Ip)));
    assert_eq!(version_of(maybe_tagged(&inner(0, 1, IPV6, &big))), Ok(6));
}

#[test]
fn other_protocols_are_neither() {
    // ARP: its protocol type is where a tag has its type.
    let arp = [0, 1, 0x08, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 7, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1];
    assert_eq!(version_of(maybe_tagged(&arp)), Err(NoHit::NotIp));
    assert_eq!(version_of(maybe_tagged(&inner(0, 1, 0x0806, &arp))), Err(NoHit::NotIp));
    assert_eq!(version_of(maybe_tagged(&[])), Err(NoHit::Truncated(Header::Ip)));
}
