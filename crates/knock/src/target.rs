//! The addresses that are knocked at.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    num::NonZeroU16,
};

use thiserror::Error;

/// An address to knock at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target(SocketAddr);

impl Target {
    #[cfg(test)]
    pub(crate) fn new(ip: IpAddr) -> Self {
        Self(SocketAddr::new(ip, 0))
    }

    /// A port at the address, with the address's zone.
    pub(crate) fn at(self, port: NonZeroU16) -> SocketAddr {
        let mut address = self.0;
        address.set_port(port.get());
        address
    }

    /// Our end of a connection to the address: this source, or any, with a port that the system chooses.
    ///
    /// A link-local source means nothing without its zone, which can only be the target's.
    pub(crate) fn local_end(self, source: IpAddr) -> SocketAddr {
        let mut address = SocketAddr::new(source, 0);
        if let (SocketAddr::V6(ours), SocketAddr::V6(theirs)) = (&mut address, self.0) {
            ours.set_scope_id(theirs.scope_id());
        }
        address
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SocketAddr::V6(address) if address.scope_id() != 0 => {
                write!(f, "{}%{}", address.ip(), address.scope_id())
            }
            address => write!(f, "{}", address.ip()),
        }
    }
}

/// Over which of the two internet protocols a host is knocked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Family {
    /// The one that the system prefers for the host.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Each of them that the host has.
    Both,
}

impl Family {
    /// The one that this address belongs to.
    pub(crate) fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// Why a host cannot be knocked at.
#[derive(Debug, Error)]
pub(crate) enum ResolveError {
    /// Its name has no address, or nobody could say.
    #[error("unknown host {host:?}: {reason}")]
    Unknown {
        /// The name as given.
        host: String,
        /// What the system says.
        reason: io::Error,
    },
    /// It has addresses, but none of the family asked for.
    #[error("host {host:?} has no {family} address")]
    NoAddress {
        /// The name as given.
        host: String,
        /// IPv4 or IPv6.
        family: &'static str,
    },
}

/// The addresses of a host name or literal address to knock at: at least one, at most one per family, the one that
/// the system prefers (RFC 6724).
pub(crate) fn resolve(host: &str, family: Family) -> Result<Vec<Target>, ResolveError> {
    let addresses: Vec<_> = (host, 0)
        .to_socket_addrs()
        .map_err(|reason| ResolveError::Unknown { host: host.to_owned(), reason })?
        .map(canonical)
        .collect();
    let chosen = choose(&addresses, family);
    if chosen.is_empty() {
        let family = match family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
            Family::Any | Family::Both => "IP",
        };
        return Err(ResolveError::NoAddress { host: host.to_owned(), family });
    }
    Ok(chosen)
}

fn choose(addresses: &[SocketAddr], family: Family) -> Vec<Target> {
    let any = addresses.first();
    let v4 = addresses.iter().find(|address| address.is_ipv4());
    let v6 = addresses.iter().find(|address| address.is_ipv6());
    let chosen = match family {
        Family::Any => [any, None],
        Family::V4 => [v4, None],
        Family::V6 => [v6, None],
        Family::Both => [v4, v6],
    };
    chosen.into_iter().flatten().copied().map(Target).collect()
}

/// Packets to an IPv4-mapped address (RFC 4291, section 2.5.5.2) are IPv4 packets.
fn canonical(address: SocketAddr) -> SocketAddr {
    if address.ip() == address.ip().to_canonical() {
        return address;
    }
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(targets: &[Target]) -> Vec<String> {
        targets.iter().map(Target::to_string).collect()
    }

    #[test]
    fn takes_one_address_per_family() {
        let addresses = ["[2001:db8::1]:0", "192.0.2.1:0", "[2001:db8::2]:0", "192.0.2.2:0"]
            .map(|text| text.parse().unwrap());
        assert_eq!(texts(&choose(&addresses, Family::Any)), ["2001:db8::1"]);
        assert_eq!(texts(&choose(&addresses, Family::V4)), ["192.0.2.1"]);
        assert_eq!(texts(&choose(&addresses, Family::V6)), ["2001:db8::1"]);
        assert_eq!(texts(&choose(&addresses, Family::Both)), ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(texts(&choose(&addresses[..1], Family::Both)), ["2001:db8::1"]);
    }

    #[test]
    fn literal_addresses_need_no_lookup() {
        assert_eq!(texts(&resolve("192.0.2.7", Family::Any).unwrap()), ["192.0.2.7"]);
        assert_eq!(texts(&resolve("2001:db8::7", Family::Both).unwrap()), ["2001:db8::7"]);
        assert_eq!(texts(&resolve("::ffff:192.0.2.7", Family::V4).unwrap()), ["192.0.2.7"]);
    }

    #[test]
    fn says_which_family_is_missing() {
        let complaint = |host, family| resolve(host, family).unwrap_err().to_string();
        assert_eq!(complaint("192.0.2.7", Family::V6), "host \"192.0.2.7\" has no IPv6 address");
        assert_eq!(complaint("::1", Family::V4), "host \"::1\" has no IPv4 address");
    }

    #[test]
    fn a_name_that_cannot_be_one_is_unknown() {
        let complaint = resolve("no\nhost", Family::Any).unwrap_err().to_string();
        assert!(complaint.starts_with("unknown host \"no\\nhost\": "), "{complaint}");
        assert!(!complaint.contains('\n'));
    }

    #[test]
    fn keeps_the_zone_of_a_link_local_address() {
        let target = Target("[fe80::1%3]:0".parse().unwrap());
        assert_eq!(target.to_string(), "fe80::1%3");
        assert_eq!(target.at(NonZeroU16::MIN).to_string(), "[fe80::1%3]:1");
        assert_eq!(target.local_end("fe80::2".parse().unwrap()).to_string(), "[fe80::2%3]:0");
    }
}
