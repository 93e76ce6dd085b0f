//! What a frame begins with.

use super::{
    NoHit, cooked, ethernet,
    ip::{self, Packet},
    loopback, ppp,
};

/// What a captured frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// What a packet socket of type `SOCK_DGRAM` delivers for the protocols IPv4 and IPv6: the IP header, or an inner
    /// 802.1Q tag that the kernel has left in front of it (packet(7)).
    Ip,
    /// The IP header and nothing else.
    Raw,
    /// An Ethernet header, behind it any number of 802.1Q and 802.1ad tags.
    Ethernet,
    /// The header of Linux' cooked captures, version 1.
    LinuxSll,
    /// The header of Linux' cooked captures, version 2.
    LinuxSll2,
    /// A BSD loopback header, the address family in either byte order.
    Null,
    /// A PPP header, with or without the address and control field.
    Ppp,
}

impl Link {
    /// Every link there is.
    pub const ALL: [Self; 7] =
        [Self::Ip, Self::Raw, Self::Ethernet, Self::LinuxSll, Self::LinuxSll2, Self::Null, Self::Ppp];

    /// The link that a capture file means by this number (<https://www.tcpdump.org/linktypes.html>), without the bits
    /// that tell of a frame check sequence; `None` for those that knocks can't be read from.
    #[must_use]
    pub fn from_linktype(number: u32) -> Option<Self> {
        Some(match number {
            // LINKTYPE_NULL and LINKTYPE_LOOP
            0 | 108 => Self::Null,
            1 => Self::Ethernet,
            // LINKTYPE_PPP and LINKTYPE_PPP_HDLC
            9 | 50 => Self::Ppp,
            // LINKTYPE_RAW, the values of DLT_RAW that got into files before it, LINKTYPE_IPV4 and LINKTYPE_IPV6
            101 | 12 | 14 | 228 | 229 => Self::Raw,
            113 => Self::LinuxSll,
            276 => Self::LinuxSll2,
            _ => return None,
        })
    }

    /// The IP packet in a frame of this link.
    #[inline]
    pub(crate) fn packet(self, frame: &[u8]) -> Result<Packet<'_>, NoHit> {
        match self {
            Self::Ip => ethernet::maybe_tagged(frame),
            Self::Raw => ip::Packet::new(frame),
            Self::Ethernet => ethernet::packet(frame),
            Self::LinuxSll => cooked::packet(frame),
            Self::LinuxSll2 => cooked::packet_2(frame),
            Self::Null => loopback::packet(frame),
            Self::Ppp => ppp::packet(frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_known_by_its_number_in_capture_files() {
        let numbers =
            [(0, Link::Null), (1, Link::Ethernet), (9, Link::Ppp), (50, Link::Ppp), (108, Link::Null)];
        let raw = [12, 14, 101, 228, 229].map(|number| (number, Link::Raw));
        let cooked = [(113, Link::LinuxSll), (276, Link::LinuxSll2)];
        for (number, link) in numbers.into_iter().chain(raw).chain(cooked) {
            assert_eq!(Link::from_linktype(number), Some(link), "{number}");
        }
        // IEEE 802.11 and what no number of the list can be.
        assert_eq!(Link::from_linktype(105), None);
        assert_eq!(Link::from_linktype(u32::MAX), None);
    }
}
