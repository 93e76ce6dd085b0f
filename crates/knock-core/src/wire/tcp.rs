//! TCP (RFC 9293).

use super::{Header, NoHit, payload::Payload};

/// The length of a header without options.
const HEADER: usize = 20;

/// A segment whose header is there, options and all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    header: &'a [u8; HEADER],
}

impl<'a> Packet<'a> {
    /// IP's number for it.
    pub(crate) const PROTOCOL: u8 = 6;

    #[inline]
    pub(crate) fn new(payload: Payload<'a>) -> Result<Self, NoHit> {
        let header = payload.bytes.first_chunk::<HEADER>().ok_or(NoHit::Truncated(Header::Tcp))?;
        let header_length = usize::from(header[12] >> 4) * 4;
        if header_length < HEADER {
            return Err(NoHit::Malformed(Header::Tcp));
        }
        if header_length > payload.bytes.len() {
            return Err(NoHit::Truncated(Header::Tcp));
        }
        Ok(Self { header })
    }

    #[inline]
    pub(crate) fn source_port(self) -> u16 {
        u16::from_be_bytes([self.header[0], self.header[1]])
    }

    #[inline]
    pub(crate) fn destination_port(self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    #[inline]
    pub(crate) fn sequence(self) -> u32 {
        let [_, _, _, _, a, b, c, d, ..] = *self.header;
        u32::from_be_bytes([a, b, c, d])
    }

    /// The eight control bits.
    #[inline]
    pub(crate) fn flags(self) -> u8 {
        self.header[13]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{SYN_4, changed, joined};

    fn read(bytes: &[u8]) -> Result<Packet<'_>, NoHit> {
        Packet::new(Payload { bytes, whole: false, jumbo: false })
    }

    #[test]
    fn fields_are_where_they_should_be() {
        let packet = read(&SYN_4[20..]).unwrap();
        assert_eq!((packet.source_port(), packet.destination_port()), (40000, 7000));
        assert_eq!(packet.sequence(), 0x0102_0304);
        assert_eq!(packet.flags(), 0x02);
        let all = changed(&SYN_4[20..], 13, &[0xff]);
        assert_eq!(read(&all).unwrap().flags(), 0xff);
    }

    #[test]
    fn the_header_must_be_there_with_its_options() {
        assert_eq!(read(&SYN_4[20..39]).err(), Some(NoHit::Truncated(Header::Tcp)));
        let options = joined(&[&changed(&SYN_4[20..], 12, &[0x60]), &[1, 1, 1, 0]]);
        assert!(read(&options).is_ok());
        assert_eq!(read(&options[..23]).err(), Some(NoHit::Truncated(Header::Tcp)));
    }

    #[test]
    fn a_header_shorter_than_itself_is_no_header() {
        assert_eq!(read(&changed(&SYN_4[20..], 12, &[0x40])).err(), Some(NoHit::Malformed(Header::Tcp)));
    }
}
