//! IPv4 (RFC 791).

use std::net::Ipv4Addr;

use super::{
    Header, NoHit,
    payload::{Payload, Sense},
};

/// The length of a header without options.
const HEADER: usize = 20;

/// A packet that begins a transport header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    header: &'a [u8; HEADER],
    payload: &'a [u8],
    whole: bool,
}

impl<'a> Packet<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, NoHit> {
        let header = bytes.first_chunk().ok_or(NoHit::Truncated(Header::Ipv4))?;
        let header_length = header_length(header);
        let total_length = total_length(header);
        // A kernel drops all of these. It also writes a total length of 0 itself, where it has put segments together
        // to more than 64 KiB; such a giant belongs to a connection whose first segments have been seen.
        if header[0] >> 4 != 4 || header_length < HEADER || total_length < header_length {
            return Err(NoHit::Malformed(Header::Ipv4));
        }
        let present = total_length.min(bytes.len());
        let payload = bytes.get(header_length..present).ok_or(NoHit::Truncated(Header::Ipv4))?;
        let fragment = u16::from_be_bytes([header[6], header[7]]);
        if fragment & 0x1fff != 0 {
            return Err(NoHit::LaterFragment);
        }
        let more_fragments = fragment & 0x2000 != 0;
        Ok(Self { header, payload, whole: present == total_length && !more_fragments })
    }

    #[inline]
    pub(crate) fn source(&self) -> Ipv4Addr {
        let [_, _, _, _, _, _, _, _, _, _, _, _, a, b, c, d, ..] = *self.header;
        Ipv4Addr::new(a, b, c, d)
    }

    #[inline]
    pub(crate) fn destination(&self) -> Ipv4Addr {
        let [.., a, b, c, d] = *self.header;
        Ipv4Addr::new(a, b, c, d)
    }

    #[inline]
    pub(crate) fn protocol(&self) -> u8 {
        self.header[9]
    }

    #[inline]
    pub(crate) fn payload(&self) -> Payload<'a> {
        Payload { bytes: self.payload, whole: self.whole, jumbo: false }
    }
}

/// What bytes whose version is 4 are worth as a packet.
pub(crate) fn sense(bytes: &[u8]) -> Sense {
    let Some(header) = bytes.first_chunk() else { return Sense::Doubtful };
    let header_length = header_length(header);
    if header_length < HEADER || total_length(header) < header_length {
        return Sense::None;
    }
    match bytes.get(..header_length) {
        None => Sense::Doubtful,
        Some(header) if sum(header) == 0xffff => Sense::Full,
        Some(_) => Sense::None,
    }
}

fn header_length(header: &[u8; HEADER]) -> usize {
    usize::from(header[0] & 0x0f) * 4
}

fn total_length(header: &[u8; HEADER]) -> usize {
    usize::from(u16::from_be_bytes([header[2], header[3]]))
}

/// The ones' complement sum of a header (RFC 1071); all ones for one with the right checksum.
fn sum(header: &[u8]) -> u32 {
    let (words, _) = header.as_chunks();
    // At most 30 words: the carries of the first folding can't make another.
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    (sum & 0xffff) + (sum >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{SYN_4, changed, joined};

    const MALFORMED: Option<NoHit> = Some(NoHit::Malformed(Header::Ipv4));
    const TRUNCATED: Option<NoHit> = Some(NoHit::Truncated(Header::Ipv4));

    #[test]
    fn fields_are_where_they_should_be() {
        let packet = Packet::new(&SYN_4).unwrap();
        assert_eq!(packet.source(), Ipv4Addr::new(192, 0, 2, 7));
        assert_eq!(packet.destination(), Ipv4Addr::new(198, 51, 100, 1));
        assert_eq!(packet.protocol(), 6);
        assert_eq!(packet.payload().bytes, &SYN_4[20..]);
        assert!(packet.payload().whole);
    }

    #[test]
    fn options_are_skipped() {
        let options = joined(&[&[0x46], &SYN_4[1..3], &[44], &SYN_4[4..20], &[1; 4], &SYN_4[20..]]);
        assert_eq!(Packet::new(&options).unwrap().payload().bytes, &SYN_4[20..]);
        assert_eq!(Packet::new(&options[..23]).err(), TRUNCATED);
    }

    #[test]
    fn padding_is_no_payload() {
        let padded = joined(&[&SYN_4, &[0; 6]]);
        assert_eq!(Packet::new(&padded).unwrap().payload().bytes, &SYN_4[20..]);
        assert!(Packet::new(&padded).unwrap().payload().whole);
    }

    #[test]
    fn a_cut_packet_is_not_whole() {
        let cut = Packet::new(&SYN_4[..39]).unwrap();
        assert_eq!(cut.payload().bytes, &SYN_4[20..39]);
        assert!(!cut.payload().whole);
        assert_eq!(Packet::new(&SYN_4[..19]).err(), TRUNCATED);
    }

    #[test]
    fn contradictions_are_no_packet() {
        assert_eq!(Packet::new(&changed(&SYN_4, 0, &[0x65])).err(), MALFORMED);
        assert_eq!(Packet::new(&changed(&SYN_4, 0, &[0x44])).err(), MALFORMED);
        assert_eq!(Packet::new(&changed(&SYN_4, 2, &[0, 19])).err(), MALFORMED);
        assert_eq!(Packet::new(&changed(&SYN_4, 2, &[0, 0])).err(), MALFORMED);
    }

    #[test]
    fn the_first_fragment_stands_for_all() {
        assert!(!Packet::new(&changed(&SYN_4, 6, &[0x20, 0])).unwrap().payload().whole);
        assert!(Packet::new(&changed(&SYN_4, 6, &[0x40, 0])).unwrap().payload().whole);
        for later in [[0x20, 1], [0, 1], [0x1f, 0xff]] {
            assert_eq!(Packet::new(&changed(&SYN_4, 6, &later)).err(), Some(NoHit::LaterFragment));
        }
    }
}
