//! Spans of time.

use std::{fmt, time::Duration};

use knockd::control::protocol::millis;

/// Milliseconds as people say them: the two largest units of which there are some, rounded up to seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) u64);

impl Span {
    /// So much that is still to come.
    pub(crate) fn left(time: Duration) -> Self {
        Self(millis(time))
    }

    /// So much that is over: full seconds only.
    pub(crate) fn since(time: Duration) -> Self {
        Self::left(Duration::from_secs(time.as_secs()))
    }

    /// The same in full minutes.
    pub(crate) fn minutes(time: Duration) -> Self {
        Self::left(Duration::from_secs(time.as_secs() / 60 * 60))
    }
}

/// The units in seconds.
const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.div_ceil(1000);
        let first = UNITS.iter().position(|(size, _)| rest >= *size).unwrap_or(UNITS.len() - 1);
        let mut parts = Vec::new();
        for (size, name) in UNITS.iter().skip(first).take(2) {
            let count = rest / size;
            rest %= size;
            if count > 0 || parts.is_empty() {
                parts.push(format!("{count} {name}"));
            }
        }
        f.pad(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_tell_enough() {
        for (millis, text) in [
            (0, "0 s"),
            (1, "1 s"),
            (59_001, "1 min"),
            (61_000, "1 min 1 s"),
            (600_000, "10 min"),
            (3_600_000, "1 h"),
            (3_723_000, "1 h 2 min"),
            (86_400_000, "1 d"),
            (100_000_000, "1 d 3 h"),
        ] {
            assert_eq!(Span(millis).to_string(), text, "{millis}");
        }
    }

    #[test]
    fn what_is_over_is_rounded_down_and_what_is_to_come_up() {
        let time = Duration::from_millis(61_500);
        let texts = [Span::left(time), Span::since(time), Span::minutes(time)].map(|span| span.to_string());
        assert_eq!(texts, ["1 min 2 s", "1 min 1 s", "1 min"]);
    }
}
