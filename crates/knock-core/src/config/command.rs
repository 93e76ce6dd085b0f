//! What is run for a source.

use std::net::IpAddr;

/// One command for each address family; `%IP%` in it stands for the source. Neither text is ever empty nor holds a
/// NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    v4: Option<Box<str>>,
    v6: Option<Box<str>>,
}

impl Command {
    /// The command as two directives give it: the one for IPv6 stands in place of the plain one where it is given, an
    /// empty one runs nothing.
    pub(super) fn new(plain: Option<&str>, six: Option<&str>) -> Self {
        let something = |text: &str| (!text.is_empty()).then(|| text.into());
        Self { v4: plain.and_then(something), v6: six.or(plain).and_then(something) }
    }

    /// What runs for this source, if anything.
    #[must_use]
    pub fn for_source(&self, source: IpAddr) -> Option<&str> {
        match source {
            IpAddr::V4(_) => self.v4.as_deref(),
            IpAddr::V6(_) => self.v6.as_deref(),
        }
    }

    /// Whether nothing runs for anybody.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.v4.is_none() && self.v6.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_command_serves_both_families_unless_another_is_given() {
        let both = |plain, six| {
            let command = Command::new(plain, six);
            let run = |source: &str| command.for_source(source.parse().unwrap()).map(str::to_owned);
            (run("192.0.2.1"), run("2001:db8::1"))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(both(None, None), (None, None));
        assert_eq!(both(Some("a"), None), (some("a"), some("a")));
        assert_eq!(both(Some("a"), Some("b")), (some("a"), some("b")));
        assert_eq!(both(Some("a"), Some("")), (some("a"), None));
        assert_eq!(both(None, Some("b")), (None, some("b")));
        assert_eq!(both(Some(""), None), (None, None));
        assert!(Command::new(Some(""), Some("")).is_nothing());
        assert!(!Command::new(None, Some("b")).is_nothing());
    }
}
