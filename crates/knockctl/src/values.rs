//! Values on the command line, and what is said where one is none.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use knockd::control::protocol::LONGEST_STAY;

/// An address as packets have it: IPv4 may be written as IPv6 (RFC 4291, section 2.5.5.2).
pub(crate) fn address(text: &str) -> Result<IpAddr, &'static str> {
    let address: IpAddr = text.parse().map_err(|_| {
        "an address is expected, such as 192.0.2.7 or 2001:db8::7; names are not looked up, and networks are none"
    })?;
    Ok(address.to_canonical())
}

/// Where to listen.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "an address and a port are expected, such as 127.0.0.1:9707 or [::1]:9707")
}

/// A time in whole seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let most = LONGEST_STAY.as_secs();
    let seconds = text.parse().ok().filter(|seconds| (1..=most).contains(seconds));
    let wrong = || format!("a whole number of seconds from 1 to {most} (100 years) is expected");
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_packets() {
        assert_eq!(address("192.0.2.7").unwrap(), IpAddr::from([192, 0, 2, 7]));
        assert_eq!(address("::ffff:192.0.2.7"), address("192.0.2.7"));
        assert!(address("2001:db8::7").unwrap().is_ipv6());
        for wrong in ["", "host", "192.0.2.0/24", "192.0.2", "192.0.2.7:22"] {
            assert!(address(wrong).unwrap_err().starts_with("an address is expected"), "{wrong}");
        }
    }

    #[test]
    fn what_is_listened_at_has_a_port() {
        assert!(listen("[::1]:9707").is_ok());
        assert!(listen("9707").unwrap_err().starts_with("an address and a port"));
    }

    #[test]
    fn seconds_are_as_many_as_the_kernel_counts() {
        assert_eq!(seconds("60"), Ok(Duration::from_secs(60)));
        assert_eq!(seconds("3153600000"), Ok(LONGEST_STAY));
        for wrong in ["", "0", "-1", "1.5", "10m", "3153600001", "99999999999999999999"] {
            let told = "a whole number of seconds from 1 to 3153600000 (100 years) is expected";
            assert_eq!(seconds(wrong).unwrap_err(), told);
        }
    }
}
