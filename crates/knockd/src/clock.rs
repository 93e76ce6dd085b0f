//! The clock that the daemon goes by.

use std::time::Duration;

use knock_core::moment::Moment;
use rustix::{
    event::Timespec,
    time::{ClockId, clock_gettime},
};

/// Now, on the clock that nobody sets (`CLOCK_MONOTONIC` in `clock_gettime(2)`).
#[must_use]
pub fn now() -> Moment {
    let time = clock_gettime(ClockId::Monotonic);
    let span = Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    );
    Moment::default().after(span)
}

/// How long poll(2) may wait until `deadline`; without one, for ever.
#[must_use]
pub fn wait_until(deadline: Option<Moment>) -> Option<Timespec> {
    let span = deadline?.since(now());
    Timespec::try_from(span).ok()
}
