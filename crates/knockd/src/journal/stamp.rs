//! Points in time that a later daemon understands, even one after a reboot.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use knock_core::moment::Moment;
use serde::{Deserialize, Serialize};

use crate::clock;

/// A point in time, by the clock that nobody sets and, for the time after a reboot, by the wall clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Which boot the first clock counts from (`/proc/sys/kernel/random/boot_id`, random(4)). Empty if unknown.
    boot: Box<str>,
    /// Milliseconds since then, those in suspend among them (`CLOCK_BOOTTIME`, `clock_gettime(2)`).
    boot_ms: u64,
    /// Milliseconds since 1970 (`CLOCK_REALTIME`).
    wall_ms: u64,
}

/// Tells the time in stamps.
#[derive(Debug)]
pub struct Clock {
    boot: Box<str>,
}

impl Clock {
    /// The clock of this boot.
    #[must_use]
    pub fn new() -> Self {
        // Without it every stamp of before is told by the wall clock.
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self { boot: id.trim().into() }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Stamp {
        Stamp {
            boot: self.boot.clone(),
            boot_ms: millis(clock::now().since(Moment::default())),
            wall_ms: millis(since_1970()),
        }
    }
}

impl Stamp {
    /// The point in time `span` later.
    #[must_use]
    pub fn after(&self, span: Duration) -> Self {
        let span = millis(span);
        Self {
            boot: self.boot.clone(),
            boot_ms: self.boot_ms.saturating_add(span),
            wall_ms: self.wall_ms.saturating_add(span),
        }
    }

    /// How long it is from `now` until then, 0 if it has passed. After a reboot it is never more than `longest`: somebody
    /// may have set the wall clock back.
    #[must_use]
    pub fn left(&self, now: &Self, longest: Duration) -> Duration {
        let between = |then: u64, now| Duration::from_millis(then.saturating_sub(now));
        if !self.boot.is_empty() && self.boot == now.boot {
            return between(self.boot_ms, now.boot_ms);
        }
        between(self.wall_ms, now.wall_ms).min(longest)
    }
}

/// By the wall clock: the only one that a reboot doesn't begin anew.
#[expect(clippy::disallowed_methods, reason = "it only counts after a reboot, and lengthens nothing")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAY: Duration = Duration::from_secs(30);

    fn stamp(boot: &str, boot_ms: u64, wall_ms: u64) -> Stamp {
        Stamp { boot: boot.into(), boot_ms, wall_ms }
    }

    fn left(until: &Stamp, now: &Stamp) -> u128 {
        until.left(now, STAY).as_millis()
    }

    #[test]
    fn the_wall_clock_means_nothing_within_a_boot() {
        let until = stamp("a", 5_000, 1_700_000_005_000).after(STAY);
        for wall in [0, 1_700_000_000_000, u64::MAX] {
            assert_eq!(left(&until, &stamp("a", 5_000, wall)), 30_000);
            assert_eq!(left(&until, &stamp("a", 34_999, wall)), 1);
            assert_eq!(left(&until, &stamp("a", 35_000, wall)), 0);
            assert_eq!(left(&until, &stamp("a", u64::MAX, wall)), 0);
        }
    }

    #[test]
    fn after_a_reboot_the_wall_clock_counts_but_never_for_longer_than_the_door_stays_open() {
        let until = stamp("a", 5_000, 1_700_000_000_000).after(STAY);
        for (wall, wanted) in [
            (1_700_000_000_000, 30_000),
            (1_700_000_020_000, 10_000),
            (1_700_000_030_000, 0),
            (1_900_000_000_000, 0),
            // Set back, to a machine's first second even.
            (1_600_000_000_000, 30_000),
            (0, 30_000),
        ] {
            assert_eq!(left(&until, &stamp("b", 1, wall)), wanted, "{wall}");
        }
    }

    #[test]
    fn what_was_extended_lasts_within_a_boot() {
        let until = stamp("a", 5_000, 1_700_000_000_000).after(20 * STAY);
        assert_eq!(left(&until, &stamp("a", 6_000, 1_700_000_001_000)), 599_000);
        assert_eq!(left(&until, &stamp("b", 1, 1_700_000_001_000)), 30_000);
    }

    #[test]
    fn boots_without_a_name_are_never_the_same() {
        let until = stamp("", 5_000, 1_000).after(STAY);
        assert_eq!(left(&until, &stamp("", 5_000, 21_000)), 10_000);
    }

    #[test]
    fn time_goes_on() {
        let clock = Clock::new();
        let now = clock.now();
        assert!(!now.boot.is_empty() && now.boot_ms > 0 && now.wall_ms > 1_700_000_000_000, "{now:?}");
        let until = now.after(STAY);
        let left = until.left(&clock.now(), Duration::MAX);
        assert!(left <= STAY && left > STAY / 2, "{left:?}");
    }
}
