//! Packets as bytes, with the Ethernet header of the laboratory's cables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{
    IcmpEchoHeader, Icmpv4Header, Icmpv4Type, Icmpv6Type, IpFragOffset, IpNumber, Ipv4Header, Ipv4Options,
    Ipv6Header, TcpHeader, UdpHeader,
};

use crate::{
    packet::{Packet, Protocol, Word},
    trouble::{Outcome, Trouble},
};

/// One frame and where it is put on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The interface's name, the same at both ends of a cable.
    pub interface: String,
    /// Whether the server sends it rather than the other end.
    pub outgoing: bool,
    /// The Ethernet header with its tags.
    pub header: Vec<u8>,
    /// The IP packet.
    pub packet: Vec<u8>,
}

impl Frame {
    /// All its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        [self.header.as_slice(), &self.packet].concat()
    }
}

/// The Ethernet address of an end of the cable `interface`.
#[must_use]
pub fn hardware_address(interface: &str, server: bool) -> [u8; 6] {
    let cable = interface.bytes().last().filter(u8::is_ascii_digit).map_or(0, |digit| digit - b'0');
    match interface {
        "lo" => [0; 6],
        _ => [2, 0, 0, 0, cable, if server { 1 } else { 2 }],
    }
}

impl Packet {
    /// The frames that the line stands for. `serial` numbers packets, so that each has a source port and a sequence
    /// number of its own.
    pub fn frames(&self, serial: &mut u16) -> Outcome<Vec<Frame>> {
        let frame = |port: &u16| {
            *serial = serial.wrapping_add(1);
            self.frame(*port, *serial)
        };
        self.ports.iter().map(frame).collect()
    }

    fn frame(&self, port: u16, serial: u16) -> Outcome<Frame> {
        let payload =
            self.find(|word| if let Word::Payload(bytes) = word { Some(bytes.clone()) } else { None });
        let segment = match self.protocol {
            Protocol::Tcp => self.tcp(port, serial, &payload.unwrap_or_default())?,
            Protocol::Udp => self.udp(port, serial, &payload.unwrap_or_default())?,
            Protocol::Icmp => self.echo(serial, &payload.unwrap_or_default())?,
        };
        let mut packet = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.ipv4(source, destination, &segment)?,
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.ipv6(source, destination, &segment)?,
            _ => return Err(Trouble::new("source and destination are of different address families")),
        };
        for word in &self.words {
            match word {
                Word::Overwrite(at, bytes) => packet
                    .get_mut(*at..*at + bytes.len())
                    .ok_or_else(|| Trouble::new("`bytes` lies outside the packet"))?
                    .copy_from_slice(bytes),
                Word::Cut(length) => packet.truncate(*length),
                _ => {}
            }
        }
        let interface = self.find(|word| if let Word::On(name) = word { Some(name.clone()) } else { None });
        let interface = interface.unwrap_or_else(|| "eth0".to_owned());
        let outgoing = self.words.contains(&Word::Out);
        let header = self.ethernet(&interface, outgoing);
        Ok(Frame { interface, outgoing, header, packet })
    }

    fn find<T>(&self, what: impl Fn(&Word) -> Option<T>) -> Option<T> {
        self.words.iter().find_map(what)
    }

    fn tcp(&self, port: u16, serial: u16, payload: &[u8]) -> Outcome<Vec<u8>> {
        let sequence = self.find(|word| if let Word::Sequence(number) = word { Some(*number) } else { None });
        let sequence = sequence.unwrap_or(u32::from(serial) * 100_003);
        let mut header = TcpHeader::new(self.source_port(serial), port, sequence, 64240);
        let named =
            self.words.iter().filter_map(|word| if let Word::Flag(bit) = word { Some(bit) } else { None });
        let flags = named.copied().reduce(|all, bit| all | bit).unwrap_or(2);
        header.fin = flags & 1 != 0;
        header.syn = flags & 2 != 0;
        header.rst = flags & 4 != 0;
        header.psh = flags & 8 != 0;
        header.ack = flags & 0x10 != 0;
        header.urg = flags & 0x20 != 0;
        header.checksum = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), payload)
            }
            (source, destination) => {
                header.calc_checksum_ipv6_raw(octets6(source), octets6(destination), payload)
            }
        }
        .map_err(too_big)?;
        Ok([header.to_bytes().as_slice(), payload].concat())
    }

    fn udp(&self, port: u16, serial: u16, payload: &[u8]) -> Outcome<Vec<u8>> {
        let length = u16::try_from(payload.len() + 8).map_err(too_big)?;
        let source_port = self.source_port(serial);
        let mut header = UdpHeader { source_port, destination_port: port, length, checksum: 0 };
        header.checksum = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), payload)
            }
            (source, destination) => {
                header.calc_checksum_ipv6_raw(octets6(source), octets6(destination), payload)
            }
        }
        .map_err(too_big)?;
        Ok([header.to_bytes().as_slice(), payload].concat())
    }

    fn echo(&self, serial: u16, payload: &[u8]) -> Outcome<Vec<u8>> {
        let echo = IcmpEchoHeader { id: 7000, seq: serial };
        if self.source.is_ipv4() {
            let header = Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(echo), payload);
            return Ok([header.to_bytes().as_slice(), payload].concat());
        }
        let header = Icmpv6Type::EchoRequest(echo)
            .to_header(octets6(self.source), octets6(self.destination), payload)
            .map_err(too_big)?;
        Ok([header.to_bytes().as_slice(), payload].concat())
    }

    fn source_port(&self, serial: u16) -> u16 {
        self.source_port.unwrap_or(40000_u16.wrapping_add(serial % 20000))
    }

    fn ipv4(&self, source: Ipv4Addr, destination: Ipv4Addr, segment: &[u8]) -> Outcome<Vec<u8>> {
        let length = u16::try_from(segment.len()).map_err(too_big)?;
        let mut header =
            Ipv4Header::new(length, 64, IpNumber(self.carries()), source.octets(), destination.octets())
                .map_err(too_big)?;
        for word in &self.words {
            match word {
                Word::Options(bytes) => {
                    header.options = Ipv4Options::try_from(bytes.as_slice()).map_err(too_big)?;
                    header.set_payload_len(segment.len()).map_err(too_big)?;
                }
                Word::Fragment { offset, more } => {
                    header.dont_fragment = false;
                    header.more_fragments = *more;
                    header.fragment_offset = IpFragOffset::try_new(*offset).map_err(too_big)?;
                }
                Word::Extension(_) => return Err(Trouble::new("IPv4 has no extension headers")),
                _ => {}
            }
        }
        header.header_checksum = header.calc_header_checksum();
        Ok([header.to_bytes().as_slice(), segment].concat())
    }

    fn ipv6(&self, source: Ipv6Addr, destination: Ipv6Addr, segment: &[u8]) -> Outcome<Vec<u8>> {
        let mut next_header = self.carries();
        let mut payload = segment.to_vec();
        for word in self.words.iter().rev() {
            let (number, extension) = match word {
                Word::Extension(number) => (*number, extension(*number, next_header)),
                Word::Fragment { offset, more } => {
                    let [high, low] = (offset << 3 | u16::from(*more)).to_be_bytes();
                    (44, vec![next_header, 0, high, low, 0, 0, 0, 1])
                }
                Word::Options(_) => return Err(Trouble::new("IPv6 has no options in its header")),
                _ => continue,
            };
            payload = [extension, payload].concat();
            next_header = number;
        }
        let header = Ipv6Header {
            payload_length: u16::try_from(payload.len()).map_err(too_big)?,
            next_header: IpNumber(next_header),
            hop_limit: 64,
            source: source.octets(),
            destination: destination.octets(),
            ..Ipv6Header::default()
        };
        Ok([header.to_bytes().as_slice(), &payload].concat())
    }

    fn carries(&self) -> u8 {
        let claimed = self.find(|word| if let Word::Carries(number) = word { Some(*number) } else { None });
        claimed.unwrap_or(match self.protocol {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Icmp if self.source.is_ipv4() => 1,
            Protocol::Icmp => 58,
        })
    }

    fn ethernet(&self, interface: &str, outgoing: bool) -> Vec<u8> {
        let mut header = match self.destination {
            IpAddr::V4(address) if address.is_broadcast() || address.octets().ends_with(&[255]) => {
                vec![255; 6]
            }
            // RFC 1112, section 6.4, and RFC 2464, section 7.
            IpAddr::V4(address) if address.is_multicast() => {
                let [_, b, c, d] = address.octets();
                vec![1, 0, 0x5e, b & 0x7f, c, d]
            }
            IpAddr::V6(address) if address.is_multicast() => {
                [&[0x33, 0x33], address.octets().split_at(12).1].concat()
            }
            _ => hardware_address(interface, !outgoing).to_vec(),
        };
        header.extend(hardware_address(interface, outgoing));
        for word in &self.words {
            if let Word::Tag(kind, id) = word {
                header.extend(kind.to_be_bytes());
                header.extend(id.to_be_bytes());
            }
        }
        header.extend(if self.source.is_ipv4() { [0x08, 0x00] } else { [0x86, 0xdd] });
        header
    }
}

/// An extension header that asks for nothing (RFC 8200, section 4): padding, a route that has been gone to its end, an
/// experimental option to be overlooked (RFC 4727, section 4).
fn extension(number: u8, next_header: u8) -> Vec<u8> {
    match number {
        43 => vec![next_header, 0, 253, 0, 0, 0, 0, 0],
        // Longer than the shortest, so that its length has to be read: 8 bytes and twice 8 more.
        60 => [&[next_header, 2, 0x1e, 20], [0; 20].as_slice()].concat(),
        _ => vec![next_header, 0, 1, 4, 0, 0, 0, 0],
    }
}

fn octets6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn too_big(error: impl std::fmt::Display) -> Trouble {
    Trouble::new(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    fn frame(text: &str) -> Frame {
        text.parse::<Packet>().unwrap().frames(&mut 0).unwrap().remove(0)
    }

    #[test]
    fn a_segment_is_what_was_written() {
        let bytes = frame("tcp CLIENT:40000 > SERVER:7000 syn ack seq=5 options=94040000 vlan=7").bytes();
        let sliced = SlicedPacket::from_ethernet(&bytes).unwrap();
        let Some(NetSlice::Ipv4(ip)) = sliced.net else { panic!("not IPv4") };
        assert_eq!(ip.header().destination_addr().to_string(), "10.0.0.1");
        assert_eq!(ip.header().options(), [0x94, 4, 0, 0]);
        assert_eq!(ip.header().header_checksum(), ip.header().to_header().calc_header_checksum());
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("not TCP") };
        assert_eq!((tcp.source_port(), tcp.destination_port(), tcp.sequence_number()), (40000, 7000, 5));
        assert!(tcp.syn() && tcp.ack() && !tcp.fin());
        assert_eq!(
            tcp.checksum(),
            tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()).unwrap()
        );
    }

    #[test]
    fn extension_headers_stand_in_the_order_written() {
        let bytes = frame("udp CLIENT6 > SERVER6:53 hop dest fragment=0+ payload=0102").bytes();
        // Ethernet 14, IPv6 40, hop-by-hop 8, destination options 24, fragment 8.
        assert_eq!([bytes[20], bytes[54], bytes[62], bytes[86]], [0, 60, 44, 17]);
        assert_eq!(bytes[88..90], [0, 1]);
        assert_eq!(bytes[94 + 2..94 + 4], 53_u16.to_be_bytes());
        assert_eq!(u16::from_be_bytes([bytes[18], bytes[19]]), 8 + 24 + 8 + 8 + 2);
    }

    #[test]
    fn packets_can_be_spoilt() {
        let whole = frame("tcp CLIENT > SERVER:7000").packet;
        let cut = frame("tcp CLIENT > SERVER:7000 bytes=0:46 cut=33").packet;
        assert_eq!((cut[0], cut.len()), (0x46, 33));
        assert_eq!(cut[1..], whole[1..33]);
    }

    #[test]
    fn packets_of_a_line_differ() {
        let frames = "tcp CLIENT > SERVER:7000,7000".parse::<Packet>().unwrap().frames(&mut 0).unwrap();
        assert_ne!(frames[0], frames[1]);
        let frames =
            "tcp CLIENT:9 > SERVER:7000,7000 seq=1".parse::<Packet>().unwrap().frames(&mut 0).unwrap();
        assert_eq!(frames[0], frames[1]);
    }
}
