//! The values that stand on the command line.

use std::{num::NonZeroU16, str::FromStr, time::Duration};

use knock_core::sequence::{Knock, Protocol, SequenceError};

/// A knock whose protocol may depend on `--udp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PortArgument {
    port: NonZeroU16,
    protocol: Option<Protocol>,
}

impl PortArgument {
    pub(super) fn knock(self, default: Protocol) -> Knock {
        Knock { port: self.port, protocol: self.protocol.unwrap_or(default) }
    }
}

impl FromStr for PortArgument {
    type Err = SequenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Knock { port, protocol } = text.parse()?;
        Ok(Self { port, protocol: text.contains(':').then_some(protocol) })
    }
}

/// A port that can accept connections, as `PORT` or `PORT:tcp`.
pub(super) fn tcp_port(text: &str) -> Result<NonZeroU16, String> {
    let knock: Knock = text.parse().map_err(|error: SequenceError| error.to_string())?;
    if knock.protocol != Protocol::Tcp {
        return Err("only a TCP port can be found open".to_owned());
    }
    Ok(knock.port)
}

/// The time between two hits, in whole milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    let millis = text.parse().ok().filter(|millis| *millis <= MAX_DELAY_MS);
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| format!("a delay is a whole number of milliseconds from 0 to {MAX_DELAY_MS}"))
}

/// The time that a port has to open, in seconds and fractions of them.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    seconds
        .filter(|seconds| (0.001..=MAX_TIMEOUT_SECONDS).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("a timeout is a number of seconds from 0.001 to {MAX_TIMEOUT_SECONDS}"))
}

/// An hour; whoever needs more between two knocks runs the client twice.
const MAX_DELAY_MS: u64 = 3_600_000;

/// A day.
const MAX_TIMEOUT_SECONDS: f64 = 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_protocol_holds_where_none_is_given() {
        let knock = |text: &str, default| text.parse::<PortArgument>().unwrap().knock(default).to_string();
        assert_eq!(knock("7", Protocol::Tcp), "7:tcp");
        assert_eq!(knock("7", Protocol::Udp), "7:udp");
        assert_eq!(knock("7:TCP", Protocol::Udp), "7:tcp");
        assert_eq!(knock("7:udp", Protocol::Tcp), "7:udp");
        for wrong in ["", "0", "65536", "-1", "7:", "7:icmp", "x", "7-9", "ssh"] {
            assert!(wrong.parse::<PortArgument>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_tcp_ports_can_be_verified() {
        assert_eq!(tcp_port("22").unwrap().get(), 22);
        assert_eq!(tcp_port("22:tcp").unwrap().get(), 22);
        assert!(tcp_port("22:udp").unwrap_err().contains("TCP"));
        assert!(tcp_port("0").unwrap_err().contains("65535"));
    }

    #[test]
    fn times_have_bounds() {
        assert_eq!(milliseconds("0"), Ok(Duration::ZERO));
        assert_eq!(milliseconds("250"), Ok(Duration::from_millis(250)));
        for wrong in ["", "-1", "1.5", "1s", "3600001", "99999999999999999999"] {
            assert!(milliseconds(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["", "-1", "0", "nan", "inf", "1e9", "1s"] {
            assert!(seconds(wrong).is_err(), "{wrong:?}");
        }
    }
}
