//! Captures in the classic format (<https://www.tcpdump.org/manpages/pcap-savefile.5.txt>).

use std::{str::FromStr, time::Duration};

use crate::{
    frame::Frame,
    trouble::{Outcome, Trouble},
};

/// When captures begin, in seconds since 1970: 2026-01-01 00:00:00 UTC.
pub const START: u32 = 1_767_225_600;

/// What a captured packet begins with (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// An Ethernet header.
    #[default]
    Ethernet,
    /// Nothing before the IP header, as on a tun device.
    Raw,
    /// A PPP header.
    Ppp,
    /// A BSD loopback header.
    Null,
    /// The header of Linux' cooked captures.
    LinuxSll,
    /// The same, version 2.
    LinuxSll2,
}

impl FromStr for Link {
    type Err = Trouble;

    fn from_str(text: &str) -> Outcome<Self> {
        match text {
            "ethernet" => Ok(Self::Ethernet),
            "raw" => Ok(Self::Raw),
            "ppp" => Ok(Self::Ppp),
            "null" => Ok(Self::Null),
            "sll" => Ok(Self::LinuxSll),
            "sll2" => Ok(Self::LinuxSll2),
            _ => Err(Trouble::new(format!("{text:?}: expected ethernet, raw, ppp, null, sll or sll2"))),
        }
    }
}

impl Link {
    fn number(self) -> u32 {
        match self {
            Self::Null => 0,
            Self::Ethernet => 1,
            Self::Ppp => 9,
            Self::Raw => 101,
            Self::LinuxSll => 113,
            Self::LinuxSll2 => 276,
        }
    }

    fn header(self, frame: &Frame) -> Vec<u8> {
        let ipv4 = frame.packet.first().is_none_or(|first| first >> 4 == 4);
        let ether_type: [u8; 2] = if ipv4 { [0x08, 0x00] } else { [0x86, 0xdd] };
        let sender = [2, 0, 0, 0, 0, 2, 0, 0];
        // 4: sent by this host.
        let kind = if frame.outgoing { 4 } else { 0 };
        match self {
            Self::Ethernet => frame.header.clone(),
            Self::Raw => Vec::new(),
            // Address and control bytes, then the protocol (RFC 1662, RFC 1332, RFC 5072).
            Self::Ppp => vec![0xff, 0x03, 0x00, if ipv4 { 0x21 } else { 0x57 }],
            // The writing host's AF_INET and AF_INET6; 10 is Linux' of the latter.
            Self::Null => u32::to_le_bytes(if ipv4 { 2 } else { 10 }).to_vec(),
            Self::LinuxSll => [&[0, kind, 0, 1, 0, 6], sender.as_slice(), &ether_type].concat(),
            Self::LinuxSll2 => [ether_type.as_slice(), &[0, 0, 0, 0, 0, 1, 0, 1, kind, 6], &sender].concat(),
        }
    }
}

/// The bytes of a capture file with these frames, each with its time since [`START`].
pub fn capture(link: Link, frames: &[(Duration, Frame)]) -> Outcome<Vec<u8>> {
    let mut file = header(link);
    for (time, frame) in frames {
        file.extend(record(*time, &[link.header(frame), frame.packet.clone()].concat())?);
    }
    Ok(file)
}

/// What a capture file begins with.
#[must_use]
pub fn header(link: Link) -> Vec<u8> {
    // Magic number for microseconds, version 2.4, no time zone, no accuracy, snapshot length, link type.
    let numbers = [0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 65535, link.number()];
    numbers.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// A captured packet with its link header, its time counted from [`START`].
pub fn record(time: Duration, bytes: &[u8]) -> Outcome<Vec<u8>> {
    let seconds = u32::try_from(time.as_secs()).ok().and_then(|seconds| START.checked_add(seconds));
    let seconds = seconds.ok_or_else(|| Trouble::new("a time is too late for a capture"))?;
    let length = u32::try_from(bytes.len()).map_err(|_| Trouble::new("a frame is too long for a capture"))?;
    let numbers = [seconds, time.subsec_micros(), length, length];
    Ok(numbers.into_iter().flat_map(u32::to_le_bytes).chain(bytes.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Packet;

    #[test]
    fn a_capture_is_a_header_and_records() {
        let frames = "udp CLIENT > SERVER:7000".parse::<Packet>().unwrap().frames(&mut 0).unwrap();
        let frame = (Duration::from_millis(1500), frames[0].clone());
        let file = capture(Link::Ethernet, std::slice::from_ref(&frame)).unwrap();
        assert_eq!(file[..8], [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]);
        assert_eq!(file[24..28], (START + 1).to_le_bytes());
        assert_eq!(file[28..32], 500_000_u32.to_le_bytes());
        assert_eq!(file[32..36], 42_u32.to_le_bytes());
        assert_eq!(file[40..], frame.1.bytes());
        let lengths = [Link::Raw, Link::Null, Link::Ppp, Link::LinuxSll, Link::LinuxSll2];
        let lengths = lengths.map(|link| link.header(&frame.1).len());
        assert_eq!(lengths, [0, 4, 4, 16, 20]);
    }
}
