//! Bytes off the wire, seen through checked views: nothing here can be read that isn't there.

use thiserror::Error;

/// What a captured frame begins with. The numbers are those of the capture file formats
/// (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The IP header, or an inner 802.1Q tag that a packet socket has left in front of it.
    Ip,
    /// An Ethernet header.
    Ethernet,
    /// The header of Linux' cooked captures, version 1.
    LinuxSll,
    /// The header of Linux' cooked captures, version 2.
    LinuxSll2,
    /// A BSD loopback header, the address family in either byte order.
    Null,
    /// A PPP header.
    Ppp,
}

/// Why a packet is no hit. None of these disturbs anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoHit {
    /// Shorter than the headers that it claims to have.
    #[error("it is shorter than its {0} header claims")]
    Truncated(&'static str),
    /// A header contradicts itself.
    #[error("its {0} header contradicts itself")]
    Malformed(&'static str),
    /// A later fragment: it has no ports.
    #[error("it is a fragment other than the first")]
    LaterFragment,
    /// Neither IPv4 nor IPv6.
    #[error("it is not IP")]
    NotIp,
    /// An IP protocol that carries no knocks, by its number.
    #[error("IP protocol {0} carries no knocks")]
    OtherProtocol(u8),
    /// The link header says that this host sent it.
    #[error("this host sent it")]
    Outgoing,
}
