//! The monotonic clock.

use std::time::Instant;

use knock_core::moment::Moment;

/// Counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    /// A clock that starts now.
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time on it.
    pub(super) fn now(self) -> Moment {
        Moment::default().after(self.0.elapsed())
    }
}
