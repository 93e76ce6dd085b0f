//! Values as texts: the same on the command line and in a profile.

use std::{num::NonZeroU16, str::FromStr, time::Duration};

use knock_core::sequence::{Knock, Protocol, SequenceError};
use thiserror::Error;

/// A knock whose protocol may depend on `--udp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortArgument {
    port: NonZeroU16,
    protocol: Option<Protocol>,
}

impl PortArgument {
    pub(crate) fn knock(self, default: Protocol) -> Knock {
        Knock { port: self.port, protocol: self.protocol.unwrap_or(default) }
    }

    /// The port to connect to.
    pub(crate) fn tcp(self) -> Result<NonZeroU16, String> {
        match self.protocol {
            Some(Protocol::Udp) => Err("only a TCP port can be connected to".to_owned()),
            _ => Ok(self.port),
        }
    }
}

impl FromStr for PortArgument {
    type Err = SequenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Knock { port, protocol } = text.parse()?;
        Ok(Self { port, protocol: text.contains(':').then_some(protocol) })
    }
}

/// Knocks in their order, at least one: with commas between them, as in knockd.conf(5), or else with blanks, as on the
/// command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortList(pub(crate) Vec<PortArgument>);

impl FromStr for PortList {
    type Err = PortListError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = match text {
            _ if text.contains(',') => text.split(',').map(str::trim).collect(),
            _ => text.split_whitespace().collect(),
        };
        if parts.is_empty() {
            return Err(PortListError::Empty);
        }
        let parsed = parts.iter().enumerate().map(|(place, part)| {
            let wrong = |reason| PortListError::Knock { place: place + 1, text: (*part).to_owned(), reason };
            part.parse().map_err(wrong)
        });
        Ok(Self(parsed.collect::<Result<_, _>>()?))
    }
}

/// What is wrong with a list of knocks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum PortListError {
    /// There is none.
    #[error("the sequence is empty; PORT[:PROTO] with commas or blanks between them were expected")]
    Empty,
    /// One of them is none.
    #[error("knock {place} of the sequence, {text:?}: {reason}")]
    Knock {
        /// Which, from 1.
        place: usize,
        /// What stands there.
        text: String,
        /// What is wrong with it.
        reason: SequenceError,
    },
}

/// A port that can accept connections, as `PORT` or `PORT:tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpPort(pub(crate) NonZeroU16);

impl FromStr for TcpPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let knock: Knock = text.parse().map_err(|error: SequenceError| error.to_string())?;
        if knock.protocol != Protocol::Tcp {
            return Err("only a TCP port can be found open".to_owned());
        }
        Ok(Self(knock.port))
    }
}

/// The time between two hits, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delay(pub(crate) Duration);

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let millis = text.parse().ok().filter(|millis| *millis <= MAX_DELAY_MS);
        millis
            .map(|millis| Self(Duration::from_millis(millis)))
            .ok_or_else(|| format!("a delay is a whole number of milliseconds from 0 to {MAX_DELAY_MS}"))
    }
}

/// The time that a port has to open, in seconds and fractions of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeout(pub(crate) Duration);

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds: Option<f64> = text.parse().ok();
        seconds
            .filter(|seconds| (0.001..=MAX_TIMEOUT_SECONDS).contains(seconds))
            .map(|seconds| Self(Duration::from_secs_f64(seconds)))
            .ok_or_else(|| format!("a timeout is a number of seconds from 0.001 to {MAX_TIMEOUT_SECONDS}"))
    }
}

/// How many times to knock again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retries(pub(crate) u32);

impl FromStr for Retries {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let retries = text.parse().map(Self);
        retries.map_err(|_| format!("a number of retries is a whole number from 0 to {}", u32::MAX))
    }
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
    fn lists_are_written_as_in_either_place() {
        let list = |text: &str| text.parse::<PortList>().unwrap();
        assert_eq!(list("7, 8:udp ,9 : tcp"), list(" 7 8:udp  9:tcp "));
        assert_eq!(list("7").0.len(), 1);
        let mistake = |text: &str| text.parse::<PortList>().unwrap_err().to_string();
        assert!(mistake(" ").starts_with("the sequence is empty"));
        let port = "a port is a whole number from 1 to 65535";
        assert_eq!(mistake("7 80000"), format!("knock 2 of the sequence, \"80000\": {port}"));
        assert_eq!(mistake("7,,8"), "knock 2 of the sequence, \"\": a knock is missing here");
        assert!(mistake("7 :udp").starts_with("knock 2 "));
    }

    #[test]
    fn only_tcp_ports_can_be_verified() {
        let port = |text: &str| text.parse::<TcpPort>();
        assert_eq!(port("22").unwrap().0.get(), 22);
        assert_eq!(port("22:tcp").unwrap().0.get(), 22);
        assert!(port("22:udp").unwrap_err().contains("TCP"));
        assert!(port("0").unwrap_err().contains("65535"));
    }

    #[test]
    fn times_have_bounds() {
        assert_eq!("0".parse(), Ok(Delay(Duration::ZERO)));
        assert_eq!("250".parse(), Ok(Delay(Duration::from_millis(250))));
        for wrong in ["", "-1", "1.5", "1s", "3600001", "99999999999999999999"] {
            assert!(wrong.parse::<Delay>().is_err(), "{wrong:?}");
        }
        assert_eq!("1.5".parse(), Ok(Timeout(Duration::from_millis(1500))));
        for wrong in ["", "-1", "0", "nan", "inf", "1e9", "1s"] {
            assert!(wrong.parse::<Timeout>().is_err(), "{wrong:?}");
        }
        assert_eq!("3".parse(), Ok(Retries(3)));
        assert!("-1".parse::<Retries>().unwrap_err().contains("from 0 to"));
    }
}
