//! The one clock that the daemon goes by.

mod alarm;

use std::time::Duration;

use knock_core::moment::Moment;
use rustix::time::{ClockId, clock_gettime};

pub use self::alarm::Alarm;

/// Now, on the clock that nobody sets and that goes on while the machine sleeps (`CLOCK_BOOTTIME` in
/// `clock_gettime(2)`). All processes in the same time namespace count from the same origin.
#[must_use]
pub fn now() -> Moment {
    Moment::default().after(read(ClockId::Boottime))
}

/// Now, on the clock by which systemd compares (`CLOCK_MONOTONIC`): for its ears only, it stands still while the machine
/// sleeps.
#[must_use]
pub fn monotonic() -> Duration {
    read(ClockId::Monotonic)
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that is to be used instead")]
fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}
