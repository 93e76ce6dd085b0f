//! Points in time that somebody else reads from a clock.

use std::time::Duration;

/// A point on a clock that never goes back: nanoseconds since an origin that the caller chooses.
///
/// The daemon counts on a clock that nobody sets, a replayed capture from the capture's own time stamps.
/// The range is 584 years; arithmetic stops at its ends instead of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The last moment there is.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How much time has passed since `earlier`; nothing if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let start = Moment::from_nanos(5);
        assert_eq!(start.after(Duration::from_nanos(7)), Moment::from_nanos(12));
        assert_eq!(start.after(Duration::MAX), Moment::MAX);
        assert_eq!(start.since(Moment::MAX), Duration::ZERO);
        assert_eq!(Moment::from_nanos(12).since(start), Duration::from_nanos(7));
    }
}
