//! The one clock that the daemon goes by.

mod alarm;

use std::time::Duration;

use knock_core::moment::Moment;
use rustix::time::{ClockId, clock_gettime};

pub use self::alarm::Alarm;

/// Now, on the clock that nobody sets and that goes on while the machine sleeps (`CLOCK_BOOTTIME` in
/// `clock_gettime(2)`). All processes in the same time namespace count from the same origin.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock that is to be used instead")]
pub fn now() -> Moment {
    let time = clock_gettime(ClockId::Boottime);
    let span = Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    );
    Moment::default().after(span)
}
