//! What another library reads, and whether we read the same.

use etherparse::{
    EtherType, Ethernet2Header, IpFragOffset, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv4Options,
    Ipv6ExtensionSlice, Ipv6Extensions, Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader,
    Ipv6RoutingExtensions, LaxNetSlice, LaxSlicedPacket, PacketBuilder, SingleVlanHeader, TcpHeader,
    TcpHeaderSlice, UdpHeaderSlice, VlanId,
};
use proptest::prelude::*;

use super::*;

const INTERFACE: InterfaceIndex = InterfaceIndex(1);

fn read(link: Link, frame: &[u8]) -> Result<Hit, NoHit> {
    Hit::read(link, INTERFACE, frame)
}

/// The hit that etherparse sees in the same bytes. It leaves fragments alone; here the first one counts.
fn seen(packet: &LaxSlicedPacket<'_>) -> Option<Hit> {
    let ((source, destination), offset, payload) = match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let addresses = (header.source_addr().into(), header.destination_addr().into());
            (addresses, header.fragments_offset(), ip.payload())
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let addresses = (header.source_addr().into(), header.destination_addr().into());
            let offset = ip.extensions().clone().into_iter().find_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(fragment) => Some(fragment.fragment_offset()),
                _ => None,
            });
            (addresses, offset.unwrap_or_default(), ip.payload())
        }
        LaxNetSlice::Arp(_) => return None,
    };
    if offset.value() != 0 {
        return None;
    }
    let (port, transport) = match payload.ip_number {
        IpNumber::TCP => {
            let tcp = TcpHeaderSlice::from_slice(payload.payload).ok()?;
            let (source_port, sequence) = (tcp.source_port(), tcp.sequence_number());
            let segment = Segment { source_port, sequence, flags: TcpFlags(tcp.slice()[13]) };
            (tcp.destination_port(), Transport::Tcp(segment))
        }
        IpNumber::UDP => {
            let udp = UdpHeaderSlice::from_slice(payload.payload).ok()?;
            (udp.destination_port(), Transport::Udp)
        }
        _ => return None,
    };
    Some(Hit { interface: INTERFACE, source, destination, port, transport })
}

/// An IP packet with everything that can stand between the beginning and the payload.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop::collection::vec(any::<u8>(), 0..40);
    (prop_oneof![four(), six()], transport(), payload).prop_map(|(ip, transport, payload)| {
        let builder = PacketBuilder::ip(ip);
        let mut bytes = Vec::new();
        match transport {
            Built::Tcp(header) => builder.tcp_header(*header).write(&mut bytes, &payload),
            Built::Udp(source, destination) => builder.udp(source, destination).write(&mut bytes, &payload),
            Built::Icmp => builder.icmpv4_echo_request(1, 2).write(&mut bytes, &payload),
        }
        .unwrap();
        bytes
    })
}

fn four() -> BoxedStrategy<IpHeaders> {
    let options = prop::collection::vec(any::<[u8; 4]>(), 0..=10);
    (any::<[u8; 4]>(), any::<[u8; 4]>(), options, any::<u16>(), any::<bool>(), offset())
        .prop_map(|(source, destination, options, identification, more_fragments, offset)| {
            let header = Ipv4Header {
                source,
                destination,
                identification,
                more_fragments,
                fragment_offset: IpFragOffset::try_new(offset).unwrap(),
                options: Ipv4Options::try_from(&options.concat()[..]).unwrap(),
                time_to_live: 64,
                ..Ipv4Header::default()
            };
            IpHeaders::Ipv4(header, Ipv4Extensions::default())
        })
        .boxed()
}

fn six() -> BoxedStrategy<IpHeaders> {
    let fragment = prop::option::of(offset());
    let options = || prop::option::of(extension(any::<u8>().boxed()));
    let routing = prop::option::of((extension(Just(0).boxed()), options()));
    (any::<([u8; 16], [u8; 16])>(), options(), options(), routing, fragment)
        .prop_map(|((source, destination), hop_by_hop_options, destination_options, routing, fragment)| {
            let header = Ipv6Header { source, destination, hop_limit: 64, ..Ipv6Header::default() };
            let extensions = Ipv6Extensions {
                hop_by_hop_options,
                destination_options,
                routing: routing.map(|(routing, final_destination_options)| Ipv6RoutingExtensions {
                    routing,
                    final_destination_options,
                }),
                fragment: fragment.map(|offset| {
                    let offset = IpFragOffset::try_new(offset).unwrap();
                    Ipv6FragmentHeader::new(IpNumber::TCP, offset, false, 7)
                }),
                auth: None,
            };
            IpHeaders::Ipv6(header, extensions)
        })
        .boxed()
}

/// Of a fragment, in units of 8 bytes: mostly the first.
fn offset() -> impl Strategy<Value = u16> {
    prop_oneof![4 => Just(0), 1 => 1..0x2000_u16]
}

/// An extension header with this second byte, which in a routing header counts the segments left.
fn extension(second: BoxedStrategy<u8>) -> impl Strategy<Value = Ipv6RawExtHeader> {
    (
        any::<u8>(),
        second,
        prop::collection::vec(any::<u8>(), 4),
        prop::collection::vec(any::<[u8; 8]>(), 0..4),
    )
        .prop_map(|(first, second, rest, units)| {
            let payload = [&[first, second][..], &rest, &units.concat()].concat();
            Ipv6RawExtHeader::new_raw(IpNumber::TCP, &payload).unwrap()
        })
}

#[derive(Clone, Debug)]
enum Built {
    Tcp(Box<TcpHeader>),
    Udp(u16, u16),
    Icmp,
}

fn transport() -> impl Strategy<Value = Built> {
    let options = prop::collection::vec(any::<u8>(), 0..=40);
    prop_oneof![
        6 => (any::<(u16, u16, u32)>(), any::<[bool; 8]>(), options).prop_map(|(numbers, flags, options)| {
            let mut header = TcpHeader::new(numbers.0, numbers.1, numbers.2, 1024);
            [header.fin, header.syn, header.rst, header.psh, header.ack, header.urg, header.ece, header.cwr] = flags;
            header.set_options_raw(&options).unwrap();
            Built::Tcp(Box::new(header))
        }),
        3 => any::<(u16, u16)>().prop_map(|(source, destination)| Built::Udp(source, destination)),
        1 => Just(Built::Icmp),
    ]
}

/// The packet in an Ethernet frame behind these tags.
fn framed(tags: &[(bool, u16)], packet: &[u8]) -> Vec<u8> {
    let kind = |(outer, _): &(bool, u16)| {
        if *outer { EtherType::PROVIDER_BRIDGING } else { EtherType::VLAN_TAGGED_FRAME }
    };
    let ip = if packet[0] >> 4 == 4 { EtherType::IPV4 } else { EtherType::IPV6 };
    let kinds: Vec<_> = tags.iter().map(kind).chain([ip]).collect();
    let mut frame = Vec::new();
    Ethernet2Header { source: [2; 6], destination: [4; 6], ether_type: kinds[0] }.write(&mut frame).unwrap();
    for ((_, vlan), ether_type) in tags.iter().zip(&kinds[1..]) {
        let vlan_id = VlanId::try_new(*vlan).unwrap();
        let header = SingleVlanHeader {
            pcp: 2.try_into().unwrap(),
            vlan_id,
            ether_type: *ether_type,
            ..Default::default()
        };
        header.write(&mut frame).unwrap();
    }
    frame.extend(packet);
    frame
}

proptest! {
    #[test]
    fn a_packet_is_read_as_etherparse_reads_it(
        packet in packet(),
        tags in prop::collection::vec((any::<bool>(), 0..4096_u16), 0..=3),
        padding in 0..20_usize,
    ) {
        let bare = seen(&LaxSlicedPacket::from_ip(&packet).unwrap());
        prop_assert_eq!(read(Link::Raw, &packet).ok(), bare);
        prop_assert_eq!(read(Link::Ip, &packet).ok(), bare);
        let mut frame = framed(&tags, &packet);
        frame.extend(vec![0; padding]);
        let tagged = seen(&LaxSlicedPacket::from_ethernet(&frame).unwrap());
        prop_assert_eq!(read(Link::Ethernet, &frame).ok(), tagged);
        prop_assert_eq!(tagged, bare);
        // What a packet socket leaves of a frame with two tags or more.
        let inner = framed(&tags[..tags.len().min(1)], &packet).split_off(14);
        prop_assert_eq!(read(Link::Ip, &inner).ok(), bare);
    }

    #[test]
    fn a_cut_packet_is_the_same_hit_or_none(packet in packet()) {
        let frame = framed(&[(true, 5), (false, 0x507)], &packet);
        for (link, frame) in [(Link::Ip, &frame[18..]), (Link::Ip, &packet), (Link::Ethernet, &frame)] {
            let whole = read(link, frame).ok();
            for length in 0..frame.len() {
                let cut = read(link, &frame[..length]).ok();
                prop_assert!(cut.is_none() || cut == whole, "{link:?} cut to {length} bytes");
            }
        }
    }

    #[test]
    fn a_damaged_packet_is_what_etherparse_reads_or_none(
        packet in packet(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut packet = packet;
        for (place, byte) in damage {
            let place = place.index(packet.len());
            packet[place] = byte;
        }
        if let Ok(hit) = read(Link::Raw, &packet) {
            let lax = LaxSlicedPacket::from_ip(&packet).ok();
            prop_assert_eq!(lax.as_ref().and_then(seen), Some(hit));
        }
    }
}
