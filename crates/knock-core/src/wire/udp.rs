//! UDP (RFC 768).

use super::{Header, NoHit, payload::Payload};

/// The length of its header.
const HEADER: usize = 8;

/// A datagram whose header is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    header: &'a [u8; HEADER],
}

impl<'a> Packet<'a> {
    /// IP's number for it.
    pub(crate) const PROTOCOL: u8 = 17;

    #[inline]
    pub(crate) fn new(payload: Payload<'a>) -> Result<Self, NoHit> {
        let header = payload.bytes.first_chunk::<HEADER>().ok_or(NoHit::Truncated(Header::Udp))?;
        let [_, _, _, _, high, low, _, _] = *header;
        match usize::from(u16::from_be_bytes([high, low])) {
            // Linux takes it for the length of all the payload, over IPv6 only.
            0 if payload.jumbo => Ok(Self { header }),
            length if length < HEADER => Err(NoHit::Malformed(Header::Udp)),
            length if payload.whole && length > payload.bytes.len() => Err(NoHit::Malformed(Header::Udp)),
            _ => Ok(Self { header }),
        }
    }

    #[inline]
    pub(crate) fn destination_port(self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], whole: bool, jumbo: bool) -> Result<u16, NoHit> {
        Packet::new(Payload { bytes, whole, jumbo }).map(Packet::destination_port)
    }

    fn datagram(length: u8) -> [u8; 10] {
        [0x9c, 0x40, 0x1b, 0x58, 0, length, 0, 0, b'h', b'i']
    }

    #[test]
    fn a_length_within_the_payload_is_right() {
        for length in 8..=10 {
            assert_eq!(read(&datagram(length), true, false), Ok(7000));
        }
        assert_eq!(read(&datagram(11), true, false), Err(NoHit::Malformed(Header::Udp)));
        assert_eq!(read(&datagram(7), false, false), Err(NoHit::Malformed(Header::Udp)));
    }

    #[test]
    fn a_cut_payload_may_be_shorter() {
        assert_eq!(read(&datagram(200), false, false), Ok(7000));
        assert_eq!(read(&datagram(10)[..8], false, false), Ok(7000));
        assert_eq!(read(&datagram(10)[..7], false, false), Err(NoHit::Truncated(Header::Udp)));
    }

    #[test]
    fn no_length_is_for_jumbograms() {
        assert_eq!(read(&datagram(0), true, true), Ok(7000));
        assert_eq!(read(&datagram(0), true, false), Err(NoHit::Malformed(Header::Udp)));
    }
}
