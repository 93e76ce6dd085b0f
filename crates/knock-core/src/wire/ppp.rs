//! PPP (RFC 1661, RFC 1662) and its sessions over Ethernet (RFC 2516).

use super::{Header, NoHit, ip::Packet};

/// The IP packet in a PPP frame, which may begin with the address and control field or with the protocol.
pub(crate) fn packet(frame: &[u8]) -> Result<Packet<'_>, NoHit> {
    match frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame) {
        // A compressed protocol field leaves out the first byte (RFC 1661, section 6.5).
        [0x00, 0x21, rest @ ..] | [0x21, rest @ ..] => Packet::v4(rest),
        [0x00, 0x57, rest @ ..] | [0x57, rest @ ..] => Packet::v6(rest),
        [] | [0x00 | 0xff] => Err(NoHit::Truncated(Header::Ppp)),
        _ => Err(NoHit::NotIp),
    }
}

/// The IP packet in a frame of a session, from behind the Ethernet header.
pub(crate) fn session(bytes: &[u8]) -> Result<Packet<'_>, NoHit> {
    let (header, rest) = bytes.split_first_chunk().ok_or(NoHit::Truncated(Header::Pppoe))?;
    // Version and type 1, code 0 (RFC 2516, section 4); behind the length begins the padding.
    let [0x11, 0x00, _, _, high, low] = *header else { return Err(NoHit::Malformed(Header::Pppoe)) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    packet(rest.get(..length).unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{SYN_4, SYN_6, joined};

    #[test]
    fn both_fields_may_be_compressed() {
        for head in [&[0xff, 0x03, 0x00, 0x21][..], &[0xff, 0x03, 0x21], &[0x00, 0x21], &[0x21]] {
            assert!(matches!(packet(&joined(&[head, &SYN_4])), Ok(Packet::V4(_))), "{head:x?}");
        }
        for head in [&[0xff, 0x03, 0x00, 0x57][..], &[0xff, 0x03, 0x57], &[0x00, 0x57], &[0x57]] {
            assert!(matches!(packet(&joined(&[head, &SYN_6])), Ok(Packet::V6(_))), "{head:x?}");
        }
    }

    #[test]
    fn other_protocols_are_no_ip() {
        assert_eq!(packet(&[0xff, 0x03, 0xc0, 0x21, 1, 1]).err(), Some(NoHit::NotIp));
        for cut in [&[][..], &[0xff], &[0xff, 0x03], &[0xff, 0x03, 0x00], &[0x00]] {
            assert_eq!(packet(cut).err(), Some(NoHit::Truncated(Header::Ppp)), "{cut:x?}");
        }
    }

    #[test]
    fn a_session_ends_where_its_length_says() {
        let framed = |code, length| joined(&[&[0x11, code, 0, 9, 0, length, 0x00, 0x21], &SYN_4]);
        assert!(matches!(session(&framed(0, 42)), Ok(Packet::V4(_))));
        // Cut by the capture behind its headers.
        assert!(matches!(session(&framed(0, 90)), Ok(Packet::V4(_))));
        assert_eq!(session(&framed(0, 10)).err(), Some(NoHit::Truncated(Header::Ipv4)));
        assert_eq!(session(&framed(0xa7, 42)).err(), Some(NoHit::Malformed(Header::Pppoe)));
        assert_eq!(session(&[0x11, 0, 0, 9, 0]).err(), Some(NoHit::Truncated(Header::Pppoe)));
    }
}
