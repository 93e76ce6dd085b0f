//! A name that somebody gave to an address.

use std::{fmt, net::IpAddr};

/// The name of a host, safe to show.
///
/// Whoever owns an address decides what its name is, so it can be anything. Here it is 1-253 (RFC 1035, section 2.3.4)
/// letters, digits, dots, hyphens and underscores, and it doesn't look like an address: nobody writes another source
/// into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hostname(Box<str>);

impl Hostname {
    /// The name in `text`, if it is one.
    pub(super) fn new(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('.');
        let admitted = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_name = (1..=253).contains(&text.len())
            && text.bytes().all(admitted)
            && text.bytes().any(|byte| byte.is_ascii_alphabetic())
            && text.parse::<IpAddr>().is_err();
        is_name.then(|| Self(text.into()))
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_names_are_names() {
        let name = |text: &str| Hostname::new(text).map(|name| name.to_string());
        assert_eq!(name("a-1_b.Example.net."), Some("a-1_b.Example.net".to_owned()));
        for bad in ["", ".", "192.0.2.1", "1.2", "a b", "a\n", "a)", "ä.net", "a%n", "::1", &"a".repeat(254)]
        {
            assert_eq!(name(bad), None, "{bad:?}");
        }
    }
}
