//! Who is who in the laboratory: the addresses that cases call by name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A name as cases write it and the address it stands for.
pub type Name = (&'static str, IpAddr);

/// The host that runs the daemon; what a replayed capture is told to be its own.
pub const SERVER: [Name; 4] = [
    ("SERVER", v4(10, 0, 0, 1)),
    ("SERVER6", v6(1)),
    ("SERVER-LINK6", link6(1)),
    // On the second cable, eth1.
    ("SERVER-B", v4(10, 0, 1, 1)),
];

/// Everybody else.
pub const OTHERS: [Name; 22] = [
    ("CLIENT", v4(10, 0, 0, 2)),
    ("CLIENT6", v6(2)),
    ("CLIENT-LINK6", link6(2)),
    ("CLIENT-B", v4(10, 0, 1, 2)),
    ("OTHER", v4(10, 0, 0, 3)),
    ("OTHER6", v6(3)),
    // In the server's network, not (yet) the server's own.
    ("EXTRA", v4(10, 0, 0, 9)),
    ("EXTRA6", v6(9)),
    // A host behind the server, for doors with a target.
    ("BEYOND", v4(192, 0, 2, 80)),
    ("BEYOND6", IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x80))),
    ("SENTINEL", v4(10, 0, 0, 250)),
    ("SENTINEL-B", v4(10, 0, 1, 250)),
    ("BROADCAST", v4(255, 255, 255, 255)),
    ("NETWORK-BROADCAST", v4(10, 0, 0, 255)),
    ("MULTICAST", v4(224, 0, 0, 251)),
    ("MULTICAST6", IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb))),
    ("UNSPECIFIED", v4(0, 0, 0, 0)),
    ("UNSPECIFIED6", IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    ("LOOPBACK", v4(127, 0, 0, 1)),
    ("LOOPBACK6", IpAddr::V6(Ipv6Addr::LOCALHOST)),
    // Another of the loopback network's addresses.
    ("LOOPBACK-B", v4(127, 0, 0, 2)),
    // The IPv4 client dressed up as an IPv6 one.
    ("MAPPED6", IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x0a00, 2))),
];

/// The address called `name`, or written out as an address.
#[must_use]
pub fn address(name: &str) -> Option<IpAddr> {
    all().find(|(known, _)| *known == name).map(|(_, address)| address).or_else(|| name.parse().ok())
}

/// The text with every `{NAME}` replaced by the address of that name.
#[must_use]
pub fn filled_in(text: &str) -> String {
    all().fold(text.to_owned(), |text, (name, address)| {
        text.replace(&format!("{{{name}}}"), &address.to_string())
    })
}

fn all() -> impl Iterator<Item = Name> {
    SERVER.into_iter().chain(OTHERS)
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(host: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host))
}

const fn link6(host: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_addresses() {
        assert_eq!(address("CLIENT6").unwrap().to_string(), "fd00::2");
        assert_eq!(address("192.0.2.1").unwrap().to_string(), "192.0.2.1");
        assert_eq!(address("NOBODY"), None);
        assert_eq!(filled_in("ip {CLIENT} is not {EXTRA6} or %IP%"), "ip 10.0.0.2 is not fd00::9 or %IP%");
    }
}
