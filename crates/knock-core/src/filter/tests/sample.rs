//! Packets, as what they mean and as the bytes that mean it.

use std::net::IpAddr;

use etherparse::{
    IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader,
    TcpHeader, TcpOptions, UdpHeader,
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::super::interpreter::Packet;
use crate::{
    door::{Door, TcpFlags, WrongPort},
    filter::Families,
    sequence::Protocol,
};

/// What a packet is, as far as a filter cares.
#[derive(Clone, Debug)]
pub(in crate::filter) struct Sample {
    /// As in `linux/if_packet.h`; 0 is for this host.
    pub(in crate::filter) packet_type: u32,
    /// The tags that the kernel has left in front, by their protocol numbers.
    pub(in crate::filter) tags: Vec<(u16, u16)>,
    /// Which of the hosts of its network has sent it.
    pub(in crate::filter) source: u8,
    pub(in crate::filter) destination: IpAddr,
    pub(in crate::filter) fragment: Fragment,
    /// Extension headers between the IPv6 header and the fragment header, by their numbers, and their length in
    /// units of 8 bytes.
    pub(in crate::filter) extensions: Vec<(u8, u8)>,
    /// Words of IPv4 options.
    pub(in crate::filter) ip_options: u8,
    pub(in crate::filter) protocol: u8,
    pub(in crate::filter) flags: TcpFlags,
    /// Words of TCP options.
    pub(in crate::filter) tcp_options: u8,
    pub(in crate::filter) port: u16,
}

/// Which part of a datagram a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::filter) enum Fragment {
    Whole,
    First,
    /// Its offset in units of 8 bytes, not 0.
    Later(u16),
}

pub(in crate::filter) const TCP: u8 = 6;
pub(in crate::filter) const UDP: u8 = 17;

impl Sample {
    /// A datagram with nothing particular about it.
    pub(in crate::filter) fn new(destination: &str, protocol: u8, port: u16) -> Self {
        Self {
            packet_type: 0,
            tags: Vec::new(),
            source: 7,
            destination: destination.parse().unwrap(),
            fragment: Fragment::Whole,
            extensions: Vec::new(),
            ip_options: 0,
            protocol,
            flags: TcpFlags(0x02),
            tcp_options: 0,
            port,
        }
    }

    /// Whether a door of these can be moved by it: behaviour, sections 1 and 2, without what needs memory.
    pub(in crate::filter) fn is_needed(&self, doors: &[Door], families: Families) -> bool {
        self.is_hit(families)
            && doors.iter().any(|door| {
                let Some(protocol) = self.carried() else { return false };
                let knocks = door.sequence.knocks();
                let own = knocks.iter().any(|k| k.port.get() == self.port && k.protocol == protocol);
                door.target.is_none_or(|target| target == self.destination)
                    && (protocol != Protocol::Tcp || door.flags.admits(self.flags))
                    && door.sequence.uses(protocol)
                    && (own || door.wrong_port == WrongPort::Discard)
            })
    }

    /// Whether it is the first knock of one of these doors.
    pub(in crate::filter) fn is_first(&self, doors: &[Door]) -> bool {
        self.is_hit(Families::Both)
            && doors.iter().any(|door| {
                let first = door.sequence.first();
                door.target.is_none_or(|target| target == self.destination)
                    && (first.port.get(), Some(first.protocol)) == (self.port, self.carried())
                    && (first.protocol != Protocol::Tcp || door.flags.admits(self.flags))
            })
    }

    /// Whether it can't be of any use and a filter of the finest detail can know that.
    ///
    /// Extension headers hide the transport header, a second tag hides everything.
    pub(in crate::filter) fn is_needless(&self, doors: &[Door], families: Families) -> bool {
        let mut doors = doors.iter().filter(|door| families == Families::Both || !is_ipv6(door.target));
        if self.packet_type != 0 || doors.clone().next().is_none() {
            return true;
        }
        if self.tags.len() > 1 {
            return false;
        }
        let reached = |door: &Door| door.target.is_none_or(|target| target == self.destination);
        if !self.is_of(families) || !doors.clone().any(reached) {
            return true;
        }
        // Which door it was that named the address isn't known any more where the port is looked at.
        let looks = |door: &Door| {
            self.carried().is_some_and(|protocol| {
                (protocol != Protocol::Tcp || door.flags.admits(self.flags))
                    && door.sequence.uses(protocol)
                    && (door.wrong_port == WrongPort::Discard
                        || door.sequence.knocks().iter().any(|knock| knock.port.get() == self.port))
            })
        };
        self.extensions.is_empty() && (!self.is_hit(families) || !doors.any(looks))
    }

    /// The packet as a cooked socket's filter sees it.
    pub(in crate::filter) fn packet(&self) -> Packet {
        let ip = match self.destination {
            IpAddr::V4(_) => 0x0800,
            IpAddr::V6(_) => 0x86dd,
        };
        let mut announced = self.tags.iter().map(|(number, _)| *number).chain([ip]);
        let protocol = announced.next().unwrap().into();
        let tags = self.tags.iter().zip(announced);
        let mut data: Vec<u8> =
            tags.flat_map(|((_, tag), next)| [tag.to_be_bytes(), next.to_be_bytes()]).flatten().collect();
        let payload = self.transport();
        match self.destination {
            IpAddr::V4(destination) => data.extend(self.ipv4(destination.octets(), &payload)),
            IpAddr::V6(destination) => data.extend(self.ipv6(destination.octets(), &payload)),
        }
        Packet { addressee: self.packet_type, protocol, data }
    }

    fn is_of(&self, families: Families) -> bool {
        families == Families::Both || self.destination.is_ipv4()
    }

    pub(in crate::filter) fn is_hit(&self, families: Families) -> bool {
        let later = matches!(self.fragment, Fragment::Later(_));
        self.packet_type == 0 && !later && self.carried().is_some() && self.is_of(families)
    }

    fn carried(&self) -> Option<Protocol> {
        match self.protocol {
            TCP => Some(Protocol::Tcp),
            UDP => Some(Protocol::Udp),
            _ => None,
        }
    }

    fn transport(&self) -> Vec<u8> {
        if self.protocol == UDP {
            let header = UdpHeader { source_port: 9, destination_port: self.port, length: 8, checksum: 0 };
            return header.to_bytes().to_vec();
        }
        // Other protocols get the same bytes: nobody may take them for TCP.
        let mut header = TcpHeader::new(9, self.port, 77, 1024);
        header.options = TcpOptions::try_from_slice(&vec![1; usize::from(self.tcp_options) * 4]).unwrap();
        let mut bytes = header.to_bytes().to_vec();
        bytes[13] = self.flags.0;
        bytes
    }

    fn ipv4(&self, destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap();
        let mut header =
            Ipv4Header::new(length, 64, IpNumber(self.protocol), [198, 51, 100, self.source], destination)
                .unwrap();
        let options = vec![1; usize::from(self.ip_options) * 4];
        header.options = Ipv4Options::try_from(&options[..]).unwrap();
        header.more_fragments = self.fragment == Fragment::First;
        header.fragment_offset = self.fragment.offset();
        [&header.to_bytes()[..], payload].concat()
    }

    fn ipv6(&self, destination: [u8; 16], payload: &[u8]) -> Vec<u8> {
        let (mut next, mut behind) = (IpNumber(self.protocol), payload.to_vec());
        if self.fragment != Fragment::Whole {
            let more = self.fragment == Fragment::First;
            let header = Ipv6FragmentHeader::new(next, self.fragment.offset(), more, 0x0600_1100);
            (next, behind) = (IpNumber(44), [&header.to_bytes()[..], &behind].concat());
        }
        for (number, units) in &self.extensions {
            let header = Ipv6RawExtHeader::new_raw(next, &vec![0x11; usize::from(*units) * 8 + 6]).unwrap();
            (next, behind) = (IpNumber(*number), [&header.to_bytes()[..], &behind].concat());
        }
        let header = Ipv6Header {
            next_header: next,
            payload_length: u16::try_from(behind.len()).unwrap(),
            source: [0x20, 1, 0xd, 0xb8, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, self.source],
            destination,
            ..Ipv6Header::default()
        };
        [&header.to_bytes()[..], &behind].concat()
    }
}

impl Fragment {
    fn offset(self) -> IpFragOffset {
        match self {
            Self::Whole | Self::First => IpFragOffset::ZERO,
            Self::Later(offset) => IpFragOffset::try_new(offset).unwrap(),
        }
    }
}

fn is_ipv6(target: Option<IpAddr>) -> bool {
    target.is_some_and(|target| target.is_ipv6())
}

/// Addresses that doors and packets are given in tests: near enough to meet and to be mistaken.
pub(in crate::filter) fn addresses() -> impl Strategy<Value = IpAddr> {
    let texts: &[&str] =
        &["192.0.2.1", "192.0.2.2", "192.0.2.9", "2001:db8::1", "2001:db8::2", "2001:db9::1"];
    select(texts).prop_map(|text| text.parse().unwrap())
}

/// Ports that doors and packets are given in tests.
pub(in crate::filter) fn ports() -> impl Strategy<Value = u16> {
    prop_oneof![4 => 1_u16..30, 1 => any::<u16>()]
}

/// Packets of every kind, the common ones more often.
pub(in crate::filter) fn samples() -> impl Strategy<Value = Sample> {
    let packet_type = prop_oneof![9 => Just(0), 1 => 1_u32..5];
    let tag = (select(&[0x8100, 0x88a8][..]), any::<u16>());
    let tags = prop_oneof![4 => vec(tag.clone(), 0..2), 1 => vec(tag, 2..4)];
    let fragment = prop_oneof![
        4 => Just(Fragment::Whole),
        1 => Just(Fragment::First),
        1 => (0_u16..13).prop_map(|bit| Fragment::Later(1 << bit)),
    ];
    let extension = (select(&[0, 43, 60][..]), 0_u8..4);
    let extensions = prop_oneof![3 => Just(Vec::new()), 1 => vec(extension, 1..4)];
    let protocol = prop_oneof![4 => Just(TCP), 3 => Just(UDP), 1 => select(&[1, 2, 50, 51, 58, 132][..])];
    let transport = (protocol, any::<u8>(), 0_u8..11, ports());
    let network = (1_u8..4, addresses(), fragment, extensions, 0_u8..11);
    (packet_type, tags, network, transport).prop_map(|(packet_type, tags, network, transport)| {
        let (source, destination, fragment, extensions, ip_options) = network;
        let (protocol, flags, tcp_options, port) = transport;
        let flags = TcpFlags(flags);
        let extensions = if destination.is_ipv6() { extensions } else { Vec::new() };
        Sample {
            packet_type,
            tags,
            source,
            destination,
            fragment,
            extensions,
            ip_options,
            protocol,
            flags,
            tcp_options,
            port,
        }
    })
}
