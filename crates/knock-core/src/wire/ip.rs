//! IP of either version.

use std::net::IpAddr;

use super::{
    Header, NoHit, ipv4, ipv6,
    payload::{Payload, Sense},
};

/// An IP packet that begins a transport header: a whole one or a first fragment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Packet<'a> {
    V4(ipv4::Packet<'a>),
    V6(ipv6::Packet<'a>),
}

impl<'a> Packet<'a> {
    /// A view of these bytes, whose version is in the first of them.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, NoHit> {
        match version(bytes) {
            Some(4) => Self::v4(bytes),
            Some(6) => Self::v6(bytes),
            Some(_) => Err(NoHit::NotIp),
            None => Err(NoHit::Truncated(Header::Ip)),
        }
    }

    /// A view of these bytes, which the header before them calls IPv4.
    #[inline]
    pub(crate) fn v4(bytes: &'a [u8]) -> Result<Self, NoHit> {
        ipv4::Packet::new(bytes).map(Self::V4)
    }

    /// A view of these bytes, which the header before them calls IPv6.
    #[inline]
    pub(crate) fn v6(bytes: &'a [u8]) -> Result<Self, NoHit> {
        ipv6::Packet::new(bytes).map(Self::V6)
    }

    #[inline]
    pub(crate) fn source(&self) -> IpAddr {
        match self {
            Self::V4(packet) => packet.source().into(),
            Self::V6(packet) => packet.source().into(),
        }
    }

    #[inline]
    pub(crate) fn destination(&self) -> IpAddr {
        match self {
            Self::V4(packet) => packet.destination().into(),
            Self::V6(packet) => packet.destination().into(),
        }
    }

    /// The number of the transport protocol
    /// (<https://www.iana.org/assignments/protocol-numbers/protocol-numbers.xhtml>).
    #[inline]
    pub(crate) fn protocol(&self) -> u8 {
        match self {
            Self::V4(packet) => packet.protocol(),
            Self::V6(packet) => packet.protocol(),
        }
    }

    #[inline]
    pub(crate) fn payload(&self) -> Payload<'a> {
        match self {
            Self::V4(packet) => packet.payload(),
            Self::V6(packet) => packet.payload(),
        }
    }
}

/// The version in the first byte, if there is one.
#[inline]
pub(crate) fn version(bytes: &[u8]) -> Option<u8> {
    bytes.first().map(|byte| byte >> 4)
}

/// How far these bytes make sense as an IP packet.
pub(crate) fn sense(bytes: &[u8]) -> Sense {
    match version(bytes) {
        Some(4) => ipv4::sense(bytes),
        Some(6) => ipv6::sense(bytes),
        _ => Sense::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{SYN_4, SYN_6, changed};

    #[test]
    fn the_version_is_in_the_first_byte() {
        assert!(matches!(Packet::new(&SYN_4), Ok(Packet::V4(_))));
        assert!(matches!(Packet::new(&SYN_6), Ok(Packet::V6(_))));
        assert_eq!(Packet::new(&changed(&SYN_4, 0, &[0x55])).err(), Some(NoHit::NotIp));
        assert_eq!(Packet::new(&[]).err(), Some(NoHit::Truncated(Header::Ip)));
    }

    #[test]
    fn sense_is_made_by_checksums_and_lengths() {
        assert_eq!(sense(&SYN_4), Sense::Full);
        assert_eq!(sense(&SYN_4[..20]), Sense::Full);
        assert_eq!(sense(&SYN_4[..19]), Sense::Doubtful);
        assert_eq!(sense(&changed(&SYN_4, 8, &[1])), Sense::None);
        assert_eq!(sense(&changed(&SYN_4, 0, &[0x44])), Sense::None);
        assert_eq!(sense(&SYN_6), Sense::Full);
        assert_eq!(sense(&SYN_6[..59]), Sense::Doubtful);
        assert_eq!(sense(&SYN_6[..9]), Sense::Doubtful);
        assert_eq!(sense(&[0x70]), Sense::None);
        assert_eq!(sense(&[]), Sense::None);
    }
}
