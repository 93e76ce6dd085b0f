//! The header of BSD's loopback interfaces: an address family.

use super::{Header, NoHit, ip::Packet};

/// The IP packet behind an address family of four bytes, which is in the byte order of the machine that captured it
/// (`LINKTYPE_NULL`) or the network's (`LINKTYPE_LOOP`).
pub(crate) fn packet(frame: &[u8]) -> Result<Packet<'_>, NoHit> {
    let (family, rest) = frame.split_first_chunk().ok_or(NoHit::Truncated(Header::Loopback))?;
    match *family {
        [0, 0, 0, family] | [family, 0, 0, 0] => match family {
            2 => Packet::v4(rest),
            // AF_INET6 of Linux, of NetBSD and OpenBSD, of FreeBSD, of Darwin.
            10 | 24 | 28 | 30 => Packet::v6(rest),
            _ => Err(NoHit::NotIp),
        },
        _ => Err(NoHit::NotIp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{SYN_4, SYN_6, joined};

    #[test]
    fn a_family_is_read_in_either_byte_order() {
        for family in [10, 24, 28, 30] {
            assert!(matches!(packet(&joined(&[&[family, 0, 0, 0], &SYN_6])), Ok(Packet::V6(_))));
            assert!(matches!(packet(&joined(&[&[0, 0, 0, family], &SYN_6])), Ok(Packet::V6(_))));
        }
        assert!(matches!(packet(&joined(&[&[2, 0, 0, 0], &SYN_4])), Ok(Packet::V4(_))));
        assert!(matches!(packet(&joined(&[&[0, 0, 0, 2], &SYN_4])), Ok(Packet::V4(_))));
    }

    #[test]
    fn other_families_and_other_versions_are_no_ip() {
        assert_eq!(packet(&joined(&[&[16, 0, 0, 0], &SYN_4])).err(), Some(NoHit::NotIp));
        assert_eq!(packet(&joined(&[&[2, 0, 0, 2], &SYN_4])).err(), Some(NoHit::NotIp));
        assert_eq!(packet(&joined(&[&[2, 0, 0, 0], &SYN_6])).err(), Some(NoHit::Malformed(Header::Ipv4)));
        assert_eq!(packet(&[2, 0, 0]).err(), Some(NoHit::Truncated(Header::Loopback)));
    }
}
