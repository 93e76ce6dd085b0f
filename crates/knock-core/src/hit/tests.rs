use proptest::prelude::*;

use super::*;
use crate::wire::{
    Header,
    samples::{MACS, SYN_4, SYN_6, changed, joined},
};

const INTERFACE: InterfaceIndex = InterfaceIndex(3);

fn syn(source: &str, destination: &str) -> Hit {
    Hit {
        interface: INTERFACE,
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        port: 7000,
        transport: Transport::Tcp(Segment {
            source_port: 40000,
            sequence: 0x0102_0304,
            flags: TcpFlags(0x02),
        }),
    }
}

/// The two packets of the samples as frames of this link, each beginning with its link header.
fn frames(link: Link) -> [Vec<u8>; 2] {
    let heads: [&[u8]; 2] = match link {
        Link::Ip | Link::Raw => [&[], &[]],
        Link::Ethernet => [&[&MACS[..], &[0x08, 0]].concat(), &[&MACS[..], &[0x86, 0xdd]].concat()],
        Link::LinuxSll => [
            &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 7, 0, 0, 0x08, 0],
            &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 7, 0, 0, 0x86, 0xdd],
        ],
        Link::LinuxSll2 => [
            &[0x08, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 7, 0, 0],
            &[0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 7, 0, 0],
        ],
        Link::Null => [&[2, 0, 0, 0], &[30, 0, 0, 0]],
        Link::Ppp => [&[0xff, 0x03, 0x00, 0x21], &[0xff, 0x03, 0x00, 0x57]],
    };
    [joined(&[heads[0], &SYN_4]), joined(&[heads[1], &SYN_6])]
}

fn read(link: Link, frame: &[u8]) -> Result<Hit, NoHit> {
    Hit::read(link, INTERFACE, frame)
}

#[test]
fn every_link_carries_hits() {
    for link in Link::ALL {
        let [four, six] = frames(link);
        assert_eq!(read(link, &four), Ok(syn("192.0.2.7", "198.51.100.1")), "{link:?}");
        assert_eq!(read(link, &six), Ok(syn("2001:db8::7", "2001:db8:1::1")), "{link:?}");
    }
}

#[test]
fn a_frame_cut_within_its_headers_is_none() {
    for link in Link::ALL {
        for frame in frames(link) {
            for length in 0..frame.len() {
                assert!(
                    matches!(read(link, &frame[..length]), Err(NoHit::Truncated(_))),
                    "{link:?} cut to {length} bytes"
                );
            }
        }
    }
}

#[test]
fn a_datagram_is_a_hit() {
    let head = changed(&SYN_4[..20], 9, &[17]);
    let datagram = joined(&[&changed(&head, 2, &[0, 28]), &[0x9c, 0x40, 0, 0, 0, 8, 0, 0]]);
    let hit = read(Link::Raw, &datagram).unwrap();
    assert_eq!((hit.port, hit.transport), (0, Transport::Udp));
    assert_eq!(hit.protocol(), Protocol::Udp);
}

#[test]
fn other_protocols_are_none() {
    // ICMP, IPv6 in IPv4, GRE, AH, SCTP.
    for protocol in [1, 41, 47, 51, 132] {
        let packet = changed(&SYN_4, 9, &[protocol]);
        assert_eq!(read(Link::Raw, &packet), Err(NoHit::OtherProtocol(protocol)));
    }
}

#[test]
fn the_length_in_the_ip_header_ends_the_transport_header() {
    let short = changed(&SYN_4, 2, &[0, 39]);
    assert_eq!(read(Link::Raw, &short), Err(NoHit::Truncated(Header::Tcp)));
    let short = changed(&SYN_6, 4, &[0, 19]);
    assert_eq!(read(Link::Raw, &short), Err(NoHit::Truncated(Header::Tcp)));
}

#[test]
fn a_capture_cut_behind_the_headers_is_a_hit() {
    let long = changed(&SYN_4, 2, &[5, 0xdc]);
    assert_eq!(read(Link::Raw, &long), Ok(syn("192.0.2.7", "198.51.100.1")));
    let long = changed(&SYN_6, 4, &[5, 0xdc]);
    assert_eq!(read(Link::Raw, &long), Ok(syn("2001:db8::7", "2001:db8:1::1")));
}

#[test]
fn the_first_fragment_is_a_hit_and_no_other() {
    let first = changed(&SYN_4, 6, &[0x20, 0]);
    assert_eq!(read(Link::Raw, &first), Ok(syn("192.0.2.7", "198.51.100.1")));
    let later = changed(&SYN_4, 6, &[0x20, 5]);
    assert_eq!(read(Link::Raw, &later), Err(NoHit::LaterFragment));
}

/// Bytes that begin like an IP packet often enough to get past its first checks.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let anything = || prop::collection::vec(any::<u8>(), 0..200);
    let head = prop::sample::select(vec![
        &[][..],
        &[0x45, 0, 0, 80],
        &[0x4f, 0, 8, 0, 0x45],
        &[0x60, 0, 0, 0, 0, 80],
        &[0x60, 0, 8, 0, 0x45, 0],
        &[0x60, 0, 0x86, 0xdd, 0x60, 0],
    ]);
    (0..Link::ALL.len(), head, anything()).prop_map(|(link, head, tail)| {
        let frame = &frames(Link::ALL[link])[usize::from(head.first() == Some(&0x60))];
        let ip = frame.len() - if head.first() == Some(&0x60) { SYN_6.len() } else { SYN_4.len() };
        joined(&[&frame[..ip], head, &tail])
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_hit_or_none_on_any_link(bytes in bytes()) {
        for link in Link::ALL {
            let whole = read(link, &bytes);
            for length in 0..bytes.len() {
                let cut = read(link, &bytes[..length]);
                // Once the headers are there, what follows changes a hit no more.
                if let (Ok(hit), Ok(whole)) = (cut, whole) {
                    prop_assert_eq!(hit, whole);
                }
            }
        }
    }
}
