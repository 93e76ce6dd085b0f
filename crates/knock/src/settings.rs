//! How to knock: what options and profiles may say and need not.

use std::{net::IpAddr, num::NonZeroU16, time::Duration};

use thiserror::Error;

use crate::{
    origin::{InterfaceName, Origin},
    plan::Check,
    target::Family,
};

/// What was said; nothing where nothing was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Whether knocks are UDP where no protocol is given.
    pub(crate) udp: bool,
    /// The least time from one hit to the next.
    pub(crate) delay: Option<Duration>,
    /// Over IPv4, IPv6 or both.
    pub(crate) family: Option<Family>,
    /// The address to send from.
    pub(crate) source: Option<IpAddr>,
    /// The interface to send through.
    pub(crate) interface: Option<InterfaceName>,
    /// The TCP port that must be open in the end.
    pub(crate) verify: Option<NonZeroU16>,
    /// How long it may take to open, each time.
    pub(crate) timeout: Option<Duration>,
    /// How many times to knock again.
    pub(crate) retries: Option<u32>,
    /// Whether to tell what is done.
    pub(crate) verbose: bool,
}

impl Settings {
    /// These, and where they say nothing the others.
    pub(crate) fn over(self, others: Self) -> Self {
        Self {
            udp: self.udp || others.udp,
            delay: self.delay.or(others.delay),
            family: self.family.or(others.family),
            source: self.source.or(others.source),
            interface: self.interface.or(others.interface),
            verify: self.verify.or(others.verify),
            timeout: self.timeout.or(others.timeout),
            retries: self.retries.or(others.retries),
            verbose: self.verbose || others.verbose,
        }
    }

    /// The delay, or the usual one.
    pub(crate) fn delay(&self) -> Duration {
        self.delay.unwrap_or(Duration::from_millis(DEFAULT_DELAY_MS))
    }

    /// Where to send from.
    pub(crate) fn origin(&self) -> Origin {
        Origin { source: self.source.map(|source| source.to_canonical()), interface: self.interface.clone() }
    }

    /// The family asked for, which a source address decides too.
    pub(crate) fn family(&self) -> Result<Family, SettingsMistake> {
        let asked = self.family.unwrap_or_default();
        let Some(source) = self.source else {
            return Ok(asked);
        };
        match (asked, Family::of(source.to_canonical())) {
            (Family::Both, _) => Err(SettingsMistake::SourceOfBoth),
            (asked, own) if asked != Family::Any && asked != own => Err(SettingsMistake::Source(source)),
            (_, own) => Ok(own),
        }
    }

    /// What must be open in the end.
    pub(crate) fn check(&self) -> Result<Option<Check>, SettingsMistake> {
        let Some(port) = self.verify else {
            let is_for_a_port = self.timeout.is_some() || self.retries.is_some();
            return if is_for_a_port { Err(SettingsMistake::NoVerify) } else { Ok(None) };
        };
        let timeout = self.timeout.unwrap_or(Duration::from_secs(DEFAULT_TIMEOUT_SECONDS));
        Ok(Some(Check { port, timeout, retries: self.retries.unwrap_or(DEFAULT_RETRIES) }))
    }
}

/// Settings that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum SettingsMistake {
    /// The source is of the one family, the other was asked for.
    #[error("--source {0} is not an address of the family asked for")]
    Source(IpAddr),
    /// An address is of one family only.
    #[error("--source cannot be used with --both")]
    SourceOfBoth,
    /// There is nothing to wait for.
    #[error("--timeout and --retries are for a port to wait for: give --verify PORT too")]
    NoVerify,
}

/// Packets that leave back to back can change places on the way (parallel links and queues, radio links that repeat
/// what was lost), and a server discards an attempt whose knocks come in the wrong order. Such shifts are some
/// milliseconds, tens of them on radio links. 100 ms lie above that, and still the longest sequence of 32 knocks takes
/// three seconds, well within the usual timeouts of doors.
pub(crate) const DEFAULT_DELAY_MS: u64 = 100;

/// Enough for a server that opens the door through a few shell commands, over a line that takes a second each way.
pub(crate) const DEFAULT_TIMEOUT_SECONDS: u64 = 5;

/// A sequence lost twice in a row is bad luck, three times is another trouble.
pub(crate) const DEFAULT_RETRIES: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_wins_over_what_is_said_elsewhere() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let ours = Settings { delay: seconds(1), verify: NonZeroU16::new(22), ..Settings::default() };
        let theirs = Settings { delay: seconds(2), timeout: seconds(3), udp: true, ..Settings::default() };
        let both = ours.over(theirs);
        assert_eq!((both.delay(), both.udp), (Duration::from_secs(1), true));
        let port = NonZeroU16::new(22).unwrap();
        let check = Check { port, timeout: Duration::from_secs(3), retries: DEFAULT_RETRIES };
        assert_eq!(both.check(), Ok(Some(check)));
    }

    #[test]
    fn a_source_decides_the_family() {
        let family = |source: &str, family| {
            Settings { source: Some(source.parse().unwrap()), family, ..Settings::default() }.family()
        };
        assert_eq!(family("192.0.2.1", None), Ok(Family::V4));
        assert_eq!(family("2001:db8::1", Some(Family::V6)), Ok(Family::V6));
        assert!(matches!(family("192.0.2.1", Some(Family::V6)), Err(SettingsMistake::Source(_))));
        assert_eq!(family("192.0.2.1", Some(Family::Both)), Err(SettingsMistake::SourceOfBoth));
        assert_eq!(Settings::default().family(), Ok(Family::Any));
    }

    #[test]
    fn patience_needs_something_to_wait_for() {
        assert_eq!(Settings::default().check(), Ok(None));
        let patient = Settings { retries: Some(1), ..Settings::default() };
        assert_eq!(patient.check(), Err(SettingsMistake::NoVerify));
    }
}
