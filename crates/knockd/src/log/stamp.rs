//! Points in time as text.
//!
//! jiff knows the time zones: unlike the `time` crate it gives local time in a program with threads, unlike `chrono`
//! it has one small dependency, and it follows a changed zone of the system (within five minutes, or when told).

use jiff::{
    SignedDuration, Timestamp,
    tz::{TimeZone, reset_system_time_zone_cache},
};
use knock_core::moment::Moment;

use super::line::Line;
use crate::clock;

/// A line of a replayed capture with the capture's own time in front, in UTC to the microsecond.
///
/// `at` counts from 1970-01-01 00:00 UTC, as the time stamps of captures do.
#[must_use]
pub fn captured(at: Moment, line: &Line) -> String {
    let at = Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or(Timestamp::MAX);
    format!("[{}] {line}", at.strftime("%Y-%m-%d %H:%M:%S.%6f"))
}

/// As in the log file: local time.
pub(super) fn for_file(at: Timestamp, zone: TimeZone) -> String {
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// As the system's log expects it: local time, month and day in English (RFC 3164, section 4.1.2).
pub(super) fn for_syslog(at: Timestamp, zone: TimeZone) -> String {
    at.to_zoned(zone).strftime("%b %e %H:%M:%S").to_string()
}

/// As machines read it: RFC 3339 with the offset of local time, to the microsecond.
pub(super) fn for_machines(at: Timestamp, zone: TimeZone) -> String {
    at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S.%6f%:z").to_string()
}

/// Now, as people write it. For the log only: whoever sets the clock of the system changes this time, and with it no
/// other.
#[expect(clippy::disallowed_methods, reason = "this is for people, not for timeouts")]
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The time that people had at a moment that has passed, if nobody has set the clock of the system since.
#[must_use]
pub fn time_of(moment: Moment) -> Timestamp {
    let ago = SignedDuration::try_from(clock::now().since(moment)).unwrap_or_default();
    now().checked_sub(ago).unwrap_or(Timestamp::MIN)
}

/// The time zone of the system as it is now.
pub(super) fn zone() -> TimeZone {
    TimeZone::system()
}

/// Looks at the system's time zone anew.
pub(super) fn look_again() {
    reset_system_time_zone_cache();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_capture_has_its_own_time() {
        let at = Moment::from_nanos(1_767_225_600_000_000_000).after(Duration::from_millis(1500));
        assert_eq!(captured(at, &Line::ShuttingDown), "[2026-01-01 00:00:01.500000] shutting down");
        assert_eq!(
            captured(Moment::default(), &Line::ShuttingDown),
            "[1970-01-01 00:00:00.000000] shutting down"
        );
        assert!(captured(Moment::MAX, &Line::ShuttingDown).starts_with("[2554-07-21 23:34:33.709551] "));
    }

    #[test]
    fn local_time_knows_summer() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let stamps = |text: &str| {
            let at: Timestamp = text.parse().unwrap();
            (for_file(at, berlin.clone()), for_syslog(at, berlin.clone()))
        };
        let texts = |file: &str, syslog: &str| (file.to_owned(), syslog.to_owned());
        assert_eq!(stamps("2026-03-29T00:59:59Z"), texts("2026-03-29 01:59:59", "Mar 29 01:59:59"));
        assert_eq!(stamps("2026-03-29T01:00:00Z"), texts("2026-03-29 03:00:00", "Mar 29 03:00:00"));
        let machines = |text: &str| for_machines(text.parse().unwrap(), berlin.clone());
        assert_eq!(machines("2026-03-29T00:59:59.5Z"), "2026-03-29T01:59:59.500000+01:00");
        assert_eq!(machines("2026-03-29T01:00:00Z"), "2026-03-29T03:00:00.000000+02:00");
        assert_eq!(stamps("2026-11-02T23:05:06Z"), texts("2026-11-03 00:05:06", "Nov  3 00:05:06"));
    }
}
