//! A packet as a case writes it.
//!
//! `tcp CLIENT:40000 > SERVER:7000 syn seq=1`: a protocol (`tcp`, `udp`, `icmp`), who sends it from which port, to whom
//! and which ports, and words that change it. Without a source port or sequence number each packet has its own;
//! without a flag a TCP segment is a SYN. Several ports (`7000,8000` or `1-100`) are as many packets. The words are
//! those of [`Word`]'s variants.

use std::{net::IpAddr, str::FromStr};

use crate::{
    names,
    trouble::{Outcome, Trouble},
};

/// One line's packets: all alike but for their destination ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What the IP packet carries.
    pub protocol: Protocol,
    /// Who sends it.
    pub source: IpAddr,
    /// From which port, if that matters.
    pub source_port: Option<u16>,
    /// To whom.
    pub destination: IpAddr,
    /// To which ports, one packet each; one port 0 for a protocol without ports.
    pub ports: Vec<u16>,
    /// What is particular about it, in the order written.
    pub words: Vec<Word>,
}

/// What the IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A TCP segment.
    Tcp,
    /// A UDP datagram.
    Udp,
    /// An ICMP echo request.
    Icmp,
}

/// Something particular about a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `syn`, `ack`, ...: a TCP control bit; `none`: no bit at all.
    Flag(u8),
    /// `seq=N`: the TCP sequence number.
    Sequence(u32),
    /// `payload=HEX`: what follows the transport header.
    Payload(Vec<u8>),
    /// `options=HEX`: IPv4 options, whole words of 4 bytes.
    Options(Vec<u8>),
    /// `hop`, `route`, `dest`: the IPv6 extension header with this number.
    Extension(u8),
    /// `fragment=N` or `fragment=N+`: a fragment at N times 8 bytes; more follow after a `+`.
    Fragment {
        /// The offset in units of 8 bytes.
        offset: u16,
        /// Whether more fragments follow.
        more: bool,
    },
    /// `protocol=N`: the IP header says that it carries this instead.
    Carries(u8),
    /// `bytes=AT:HEX`: these bytes written over the finished IP packet, checksums left as they were.
    Overwrite(usize, Vec<u8>),
    /// `cut=N`: only the first N bytes of the IP packet are sent.
    Cut(usize),
    /// `vlan=ID` (802.1Q), `service=ID` (802.1ad): a tag; the first written is the outermost.
    Tag(u16, u16),
    /// `on=IFACE`: it arrives on this interface instead of `eth0`.
    On(String),
    /// `out`: the server itself sends it.
    Out,
}

/// The TCP control bits by name (RFC 9293, section 3.1).
const FLAGS: [(&str, u8); 7] =
    [("fin", 1), ("syn", 2), ("rst", 4), ("psh", 8), ("ack", 0x10), ("urg", 0x20), ("none", 0)];

/// IPv6 extension headers by name (RFC 8200, section 4).
const EXTENSIONS: [(&str, u8); 3] = [("hop", 0), ("route", 43), ("dest", 60)];

impl FromStr for Packet {
    type Err = Trouble;

    fn from_str(text: &str) -> Outcome<Self> {
        let mut words = text.split_whitespace();
        let mut next = |what| words.next().ok_or_else(|| Trouble::new(format!("expected {what}")));
        let protocol = match next("a protocol")? {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "icmp" => Protocol::Icmp,
            other => return Err(Trouble::new(format!("{other:?}: expected tcp, udp or icmp"))),
        };
        let (source, source_port) = end(next("who sends it")?)?;
        if next("`>`")? != ">" {
            return Err(Trouble::new("expected `>` between source and destination"));
        }
        let (destination, ports) = end(next("whom it is sent to")?)?;
        if source.is_ipv4() != destination.is_ipv4() {
            return Err(Trouble::new("source and destination are of different address families"));
        }
        let ports = ports.map_or(Ok(Vec::new()), port_list)?;
        if ports.is_empty() != (protocol == Protocol::Icmp) {
            return Err(Trouble::new("TCP and UDP need destination ports, ICMP has none"));
        }
        Ok(Self {
            protocol,
            source,
            source_port: source_port.map(str::parse).transpose()?,
            destination,
            ports: if ports.is_empty() { vec![0] } else { ports },
            words: words.map(word).collect::<Outcome<_>>()?,
        })
    }
}

fn end(text: &str) -> Outcome<(IpAddr, Option<&str>)> {
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let address =
        names::address(name).ok_or_else(|| Trouble::new(format!("{name:?} is no known address")))?;
    Ok((address, port))
}

fn port_list(text: &str) -> Outcome<Vec<u16>> {
    let mut ports = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => ports.extend(first.parse::<u16>()?..=last.parse::<u16>()?),
            None => ports.push(part.parse()?),
        }
    }
    Ok(ports)
}

fn word(text: &str) -> Outcome<Word> {
    let unknown = || Trouble::new(format!("{text:?} is no word that a packet can have"));
    let Some((key, value)) = text.split_once('=') else {
        let flag = FLAGS.iter().find(|(name, _)| *name == text).map(|(_, bit)| Word::Flag(*bit));
        let extension = EXTENSIONS.iter().find(|(name, _)| *name == text);
        let extension = extension.map(|(_, number)| Word::Extension(*number));
        let out = (text == "out").then_some(Word::Out);
        return flag.or(extension).or(out).ok_or_else(unknown);
    };
    Ok(match key {
        "seq" => Word::Sequence(value.parse()?),
        "payload" => Word::Payload(hex(value)?),
        "options" => Word::Options(hex(value)?),
        "fragment" => {
            let offset = value.strip_suffix('+');
            Word::Fragment { offset: offset.unwrap_or(value).parse()?, more: offset.is_some() }
        }
        "protocol" => Word::Carries(value.parse()?),
        "bytes" => {
            let (at, bytes) = value.split_once(':').ok_or_else(unknown)?;
            Word::Overwrite(at.parse()?, hex(bytes)?)
        }
        "cut" => Word::Cut(value.parse()?),
        "vlan" => Word::Tag(0x8100, value.parse()?),
        "service" => Word::Tag(0x88a8, value.parse()?),
        "on" => Word::On(value.to_owned()),
        _ => return Err(unknown()),
    })
}

/// The bytes that pairs of hexadecimal digits stand for.
pub fn hex(text: &str) -> Outcome<Vec<u8>> {
    let wrong = || Trouble::new(format!("{text:?}: expected pairs of hexadecimal digits"));
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'_').collect();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect::<Option<_>>().ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        text.parse::<Packet>().unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_read() {
        let packet: Packet =
            "tcp CLIENT:40000 > SERVER:7000,1-3 syn seq=9 vlan=5 fragment=2+".parse().unwrap();
        assert_eq!(packet.source_port, Some(40000));
        assert_eq!(packet.ports, [7000, 1, 2, 3]);
        let fragment = Word::Fragment { offset: 2, more: true };
        assert_eq!(packet.words, [Word::Flag(2), Word::Sequence(9), Word::Tag(0x8100, 5), fragment]);
        let echo: Packet = "icmp CLIENT6 > SERVER6 hop bytes=4:00ff".parse().unwrap();
        assert_eq!((echo.source_port, echo.ports), (None, vec![0]));
        assert_eq!(echo.words, [Word::Extension(0), Word::Overwrite(4, vec![0, 255])]);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(mistake("sctp CLIENT > SERVER:1").contains("sctp"));
        assert!(mistake("tcp NOBODY > SERVER:1").contains("NOBODY"));
        assert!(mistake("tcp CLIENT > SERVER6:1").contains("families"));
        assert!(mistake("tcp CLIENT > SERVER").contains("ports"));
        assert!(mistake("tcp CLIENT > SERVER:70000").contains("too large"));
        assert!(mistake("tcp CLIENT > SERVER:1 sin").contains("sin"));
        assert!(mistake("tcp CLIENT > SERVER:1 payload=abc").contains("hexadecimal"));
    }
}
