//! Why bytes are no hit.

use std::fmt;

use thiserror::Error;

/// Why a packet is no hit. None of these disturbs anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoHit {
    /// Shorter than the headers that it claims to have.
    #[error("it is too short for its {0} header")]
    Truncated(Header),
    /// A header contradicts itself or the one before it.
    #[error("its {0} header contradicts itself")]
    Malformed(Header),
    /// A later fragment: it has no ports.
    #[error("it is a fragment other than the first")]
    LaterFragment,
    /// Neither IPv4 nor IPv6.
    #[error("it is not IP")]
    NotIp,
    /// An IP protocol that carries no knocks, by its number.
    #[error("IP protocol {0} carries no knocks")]
    OtherProtocol(u8),
    /// Its routing header names stations that it has yet to pass.
    #[error("it is only passing through: its routing header sends it on")]
    Passing,
    /// The link header says that this host sent it.
    #[error("this host sent it")]
    Outgoing,
    /// The link header addresses it to another host, to several or to all.
    #[error("its link header does not address it to this host alone")]
    NotToUs,
}

/// The headers that can stand between the first byte of a frame and the end of its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Ethernet.
    Ethernet,
    /// An 802.1Q or 802.1ad tag.
    VlanTag,
    /// Linux' cooked captures, version 1 or 2.
    Cooked,
    /// BSD loopback.
    Loopback,
    /// PPP.
    Ppp,
    /// PPP over Ethernet.
    Pppoe,
    /// IP, of a version that can't be told.
    Ip,
    /// IPv4.
    Ipv4,
    /// IPv6, the fixed header.
    Ipv6,
    /// IPv6 hop-by-hop options.
    HopByHop,
    /// IPv6 routing.
    Routing,
    /// IPv6 fragment.
    Fragment,
    /// IPv6 destination options.
    Destination,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ethernet => "Ethernet",
            Self::VlanTag => "802.1Q",
            Self::Cooked => "cooked capture",
            Self::Loopback => "loopback",
            Self::Ppp => "PPP",
            Self::Pppoe => "PPPoE",
            Self::Ip => "IP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::HopByHop => "hop-by-hop options",
            Self::Routing => "routing",
            Self::Fragment => "fragment",
            Self::Destination => "destination options",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_said_in_words_and_costs_little() {
        assert_eq!(NoHit::Truncated(Header::Tcp).to_string(), "it is too short for its TCP header");
        assert_eq!(NoHit::OtherProtocol(1).to_string(), "IP protocol 1 carries no knocks");
        assert_eq!(size_of::<NoHit>(), 2);
    }
}
