use super::*;
use crate::wire::samples::{SYN_6, changed, joined};

const SEGMENT: usize = 20;
const PAD: [u8; 4] = [1, 4, 0, 0];

/// A packet whose TCP segment stands behind these headers, the first of which has the number `first`.
fn behind(first: u8, headers: &[&[u8]]) -> Vec<u8> {
    let headers = joined(headers);
    let length = u8::try_from(headers.len() + SEGMENT).unwrap();
    joined(&[&SYN_6[..4], &[0, length, first], &SYN_6[7..40], &headers, &SYN_6[40..]])
}

fn options(next: u8) -> [u8; 8] {
    [next, 0, PAD[0], PAD[1], 0, 0, 0, 0]
}

fn routing(next: u8, segments_left: u8) -> [u8; 24] {
    let mut header = [0; 24];
    header[..4].copy_from_slice(&[next, 2, 4, segments_left]);
    header
}

fn fragment(next: u8, offset: [u8; 2]) -> [u8; 8] {
    [next, 0, offset[0], offset[1], 0, 0, 0, 1]
}

fn mistake(bytes: &[u8]) -> NoHit {
    Packet::new(bytes).unwrap_err()
}

#[test]
fn fields_are_where_they_should_be() {
    let packet = Packet::new(&SYN_6).unwrap();
    assert_eq!(packet.source(), "2001:db8::7".parse::<Ipv6Addr>().unwrap());
    assert_eq!(packet.destination(), "2001:db8:1::1".parse::<Ipv6Addr>().unwrap());
    assert_eq!(packet.protocol(), 6);
    assert_eq!(packet.payload().bytes, &SYN_6[40..]);
    assert!(packet.payload().whole);
}

#[test]
fn the_payload_length_bounds_the_packet() {
    let padded = joined(&[&SYN_6, &[0; 4]]);
    assert_eq!(Packet::new(&padded).unwrap().payload().bytes, &SYN_6[40..]);
    let shorter = changed(&SYN_6, 4, &[0, 6]);
    assert_eq!(Packet::new(&shorter).unwrap().payload().bytes, &SYN_6[40..46]);
    let cut = Packet::new(&SYN_6[..59]).unwrap();
    assert!(!cut.payload().whole);
    assert_eq!(mistake(&SYN_6[..39]), NoHit::Truncated(Header::Ipv6));
    assert_eq!(mistake(&changed(&SYN_6, 0, &[0x40])), NoHit::Malformed(Header::Ipv6));
}

#[test]
fn extension_headers_are_walked() {
    let all = behind(
        HOP_BY_HOP,
        &[
            &options(DESTINATION),
            &options(ROUTING),
            &routing(FRAGMENT, 0),
            &fragment(DESTINATION, [0, 0]),
            &options(6),
        ],
    );
    let packet = Packet::new(&all).unwrap();
    assert_eq!(packet.protocol(), 6);
    assert_eq!(packet.payload().bytes, &SYN_6[40..]);
    assert!(packet.payload().whole);
}

#[test]
fn a_header_must_be_there() {
    let whole = behind(HOP_BY_HOP, &[&options(ROUTING), &routing(FRAGMENT, 0), &fragment(6, [0, 0])]);
    for (length, header) in [
        (40, Header::HopByHop),
        (47, Header::HopByHop),
        (55, Header::Routing),
        (71, Header::Routing),
        (72, Header::Fragment),
        (79, Header::Fragment),
    ] {
        assert_eq!(mistake(&whole[..length]), NoHit::Truncated(header), "{length}");
        // The same by the payload length.
        let claimed = u8::try_from(length - 40).unwrap();
        if claimed > 0 {
            assert_eq!(mistake(&changed(&whole, 4, &[0, claimed])), NoHit::Truncated(header), "{length}");
        }
    }
}

#[test]
fn the_first_fragment_stands_for_all() {
    let first = behind(FRAGMENT, &[&fragment(6, [0, 1]), &PAD]);
    assert!(!Packet::new(&first).unwrap().payload().whole);
    assert_eq!(mistake(&behind(FRAGMENT, &[&fragment(6, [0, 8])])), NoHit::LaterFragment);
    assert_eq!(mistake(&behind(FRAGMENT, &[&fragment(6, [1, 1])])), NoHit::LaterFragment);
}

#[test]
fn fragments_that_a_kernel_drops_are_no_packet() {
    let malformed = NoHit::Malformed(Header::Fragment);
    // 28 bytes, of which no whole number of units can follow.
    assert_eq!(mistake(&behind(FRAGMENT, &[&fragment(6, [0, 1])])), malformed);
    assert_eq!(mistake(&behind(FRAGMENT, &[&fragment(FRAGMENT, [0, 0]), &fragment(6, [0, 0])])), malformed);
    let jumbogram = behind(HOP_BY_HOP, &[&options(FRAGMENT), &fragment(6, [0, 0])]);
    assert_eq!(mistake(&changed(&jumbogram, 4, &[0, 0])), malformed);
}

#[test]
fn a_jumbogram_has_no_length() {
    let jumbogram = changed(&behind(HOP_BY_HOP, &[&options(6)]), 4, &[0, 0]);
    assert_eq!(Packet::new(&jumbogram).unwrap().payload().bytes, &SYN_6[40..]);
    // Without hop-by-hop options it is a packet without payload.
    assert_eq!(Packet::new(&changed(&SYN_6, 4, &[0, 0])).unwrap().payload().bytes, &[]);
}

#[test]
fn what_passes_through_is_no_packet_of_ours() {
    assert_eq!(mistake(&behind(ROUTING, &[&routing(6, 1)])), NoHit::Passing);
}

#[test]
fn hop_by_hop_options_come_first_or_not_at_all() {
    let late = behind(DESTINATION, &[&options(HOP_BY_HOP), &options(6)]);
    assert_eq!(mistake(&late), NoHit::Malformed(Header::HopByHop));
}

#[test]
fn other_headers_end_the_walk() {
    // No next header, AH, ESP, mobility, ICMPv6.
    for protocol in [59, 51, 50, 135, 58] {
        assert_eq!(Packet::new(&behind(DESTINATION, &[&options(protocol)])).unwrap().protocol(), protocol);
    }
}
