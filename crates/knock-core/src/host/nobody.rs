//! Addresses that no host can have.

use std::net::IpAddr;

use thiserror::Error;

/// What an address is that no host can have. Its text goes on after the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Nobody {
    /// Of the network 0, which is only for hosts that don't know theirs (RFC 1122, section 3.2.1.3), or unspecified.
    #[error("it is no host's address")]
    Unspecified,
    /// For a group of hosts.
    #[error("it is a multicast address, for a group of hosts")]
    Group,
    /// For all hosts of a network.
    #[error("it is a broadcast address, for all hosts of a network")]
    All,
    /// IPv4 within IPv6, which has no place in a packet (RFC 4291, section 2.5.5); commands would take it for IPv4.
    #[error("it is IPv4 written as IPv6")]
    Mapped,
}

impl Nobody {
    /// What this address is; none if a host can have it. Which are for all hosts of the networks around us, only a
    /// [`Host`](super::Host) knows.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) if address.octets()[0] == 0 => Some(Self::Unspecified),
            IpAddr::V4(address) if address.is_broadcast() => Some(Self::All),
            IpAddr::V6(address) if address.is_unspecified() => Some(Self::Unspecified),
            IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => Some(Self::Mapped),
            address => address.is_multicast().then_some(Self::Group),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_host_can_have_is_told_by_its_kind() {
        for (address, nobody) in [
            ("0.0.0.0", Some(Nobody::Unspecified)),
            ("0.1.2.3", Some(Nobody::Unspecified)),
            ("::", Some(Nobody::Unspecified)),
            ("224.0.0.1", Some(Nobody::Group)),
            ("ff02::1", Some(Nobody::Group)),
            ("255.255.255.255", Some(Nobody::All)),
            ("::ffff:192.0.2.7", Some(Nobody::Mapped)),
            ("127.0.0.1", None),
            ("192.0.2.7", None),
            ("::1", None),
            ("2001:db8::7", None),
        ] {
            assert_eq!(Nobody::of(address.parse().unwrap()), nobody, "{address}");
        }
    }
}
