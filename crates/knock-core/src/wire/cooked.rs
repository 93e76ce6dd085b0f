//! The headers of Linux' cooked captures (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html> and `..._SLL2`).

use super::{Header, NoHit, ethernet, ip::Packet};

/// The IP packet behind a header of version 1.
pub(crate) fn packet(frame: &[u8]) -> Result<Packet<'_>, NoHit> {
    let (header, rest) = frame.split_first_chunk::<16>().ok_or(NoHit::Truncated(Header::Cooked))?;
    is_to_us(u16::from_be_bytes([header[0], header[1]]))?;
    ethernet::carried(u16::from_be_bytes([header[14], header[15]]), rest)
}

/// The IP packet behind a header of version 2. Its interface index is the capturing host's affair.
pub(crate) fn packet_2(frame: &[u8]) -> Result<Packet<'_>, NoHit> {
    let (header, rest) = frame.split_first_chunk::<20>().ok_or(NoHit::Truncated(Header::Cooked))?;
    is_to_us(u16::from(header[10]))?;
    ethernet::carried(u16::from_be_bytes([header[0], header[1]]), rest)
}

/// Reads a packet type (`linux/if_packet.h`). TCP takes `PACKET_HOST` only; a UDP packet that comes as broadcast or
/// multicast is not meant for a host whose address it names, and the daemon's kernel filter passes it as little.
fn is_to_us(packet_type: u16) -> Result<(), NoHit> {
    match packet_type {
        0 => Ok(()),
        4 => Err(NoHit::Outgoing),
        _ => Err(NoHit::NotToUs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{SYN_4, SYN_6, joined};

    fn version_1(packet_type: u8, protocol: [u8; 2]) -> Vec<u8> {
        let address = [0, 1, 0, 6, 2, 0, 0, 0, 0, 7, 0, 0];
        joined(&[&[0, packet_type], &address, &protocol])
    }

    fn version_2(packet_type: u8, protocol: [u8; 2]) -> Vec<u8> {
        let address = [6, 2, 0, 0, 0, 0, 7, 0, 0];
        joined(&[&protocol, &[0, 0, 0, 0, 0, 3, 0, 1, packet_type], &address])
    }

    #[test]
    fn what_came_in_is_read() {
        assert!(matches!(packet(&joined(&[&version_1(0, [8, 0]), &SYN_4])), Ok(Packet::V4(_))));
        assert!(matches!(packet_2(&joined(&[&version_2(0, [0x86, 0xdd]), &SYN_6])), Ok(Packet::V6(_))));
        let tagged = joined(&[&version_2(0, [0x81, 0]), &[0, 5, 8, 0], &SYN_4]);
        assert!(matches!(packet_2(&tagged), Ok(Packet::V4(_))));
    }

    #[test]
    fn what_went_out_or_elsewhere_is_told() {
        for (packet_type, reason) in
            [(1, NoHit::NotToUs), (2, NoHit::NotToUs), (3, NoHit::NotToUs), (4, NoHit::Outgoing)]
        {
            assert_eq!(packet(&joined(&[&version_1(packet_type, [8, 0]), &SYN_4])).err(), Some(reason));
            assert_eq!(packet_2(&joined(&[&version_2(packet_type, [8, 0]), &SYN_4])).err(), Some(reason));
        }
    }

    #[test]
    fn a_header_must_be_there() {
        let truncated = Some(NoHit::Truncated(Header::Cooked));
        assert_eq!(packet(&version_1(0, [8, 0])[..15]).err(), truncated);
        assert_eq!(packet_2(&version_2(0, [8, 0])[..19]).err(), truncated);
    }
}
