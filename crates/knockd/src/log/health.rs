//! Whether an output takes lines.

use std::time::Duration;

use knock_core::moment::Moment;

/// Remembers a failure so that it is told once and that a dead output isn't tried for every line.
#[derive(Debug)]
pub(super) struct Health {
    pause: Duration,
    /// When to try again, if it failed last time.
    sick_until: Option<Moment>,
    lost: u64,
}

impl Health {
    /// A healthy output that, once it has failed, is left alone for `pause` after each try.
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, sick_until: None, lost: 0 }
    }

    /// Whether it failed when it was last tried.
    pub(super) fn is_sick(&self) -> bool {
        self.sick_until.is_some()
    }

    /// Whether to try it with so many lines; if not, they count as lost.
    pub(super) fn may_try(&mut self, now: Moment, lines: u64) -> bool {
        let may = self.sick_until.is_none_or(|until| until <= now);
        if !may {
            self.lost = self.lost.saturating_add(lines);
        }
        may
    }

    /// Notes that it has not taken so many lines. Whether that is news.
    pub(super) fn failed(&mut self, now: Moment, lines: u64) -> bool {
        let is_news = self.sick_until.is_none();
        self.sick_until = Some(now.after(self.pause));
        self.lost = self.lost.saturating_add(lines);
        is_news
    }

    /// Notes that it has taken a line. If it had not before, how many are lost.
    pub(super) fn worked(&mut self) -> Option<u64> {
        self.sick_until.take()?;
        Some(std::mem::take(&mut self.lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_beginning_and_the_end_of_a_failure() {
        let at = |secs: u64| Moment::from_nanos(secs * 1_000_000_000);
        let mut health = Health::new(Duration::from_secs(5));
        assert!(health.may_try(at(0), 1));
        assert_eq!(health.worked(), None);
        assert!(health.failed(at(0), 1));
        assert!(!health.may_try(at(4), 5));
        assert!(health.may_try(at(5), 1));
        assert!(!health.failed(at(5), 1));
        assert!(health.may_try(at(10), 1));
        assert_eq!(health.worked(), Some(7));
        assert_eq!(health.worked(), None);
        assert!(health.failed(at(11), 1));
    }
}
