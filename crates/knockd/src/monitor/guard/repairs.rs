//! When what somebody else has changed of our table is put right.
//!
//! At once, as long as that is not needed all the time: until then nothing guards the ports. But who changes it may be as
//! stubborn as we are, so from then on there are pauses.

use std::time::Duration;

use knock_core::moment::Moment;

use crate::limit::{Limit, Rate};

/// How many repairs are made at once, and how many in the long run.
const AT_ONCE: Rate = Rate { every: Duration::from_secs(10), burst: 8 };

/// How long each of the others waits: longer each time, until one may be made at once again.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The next repair, if one is needed.
#[derive(Debug)]
pub struct Repairs {
    at_once: Limit<()>,
    pause: Duration,
    due: Option<Moment>,
}

impl Default for Repairs {
    fn default() -> Self {
        Self { at_once: Limit::new(AT_ONCE), pause: SHORTEST_PAUSE, due: None }
    }
}

impl Repairs {
    /// Takes in that a repair is needed, and tells how long it has to wait. None if one was needed already.
    pub fn need(&mut self, now: Moment) -> Option<Duration> {
        if self.due.is_some() {
            return None;
        }
        if self.at_once.passes((), now) {
            self.pause = SHORTEST_PAUSE;
            self.due = Some(now);
            return Some(Duration::ZERO);
        }
        Some(self.put_off(now))
    }

    /// Takes in that a repair has failed, and tells when it is tried again.
    pub fn failed(&mut self, now: Moment) -> Duration {
        self.put_off(now)
    }

    /// When one is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.due
    }

    /// Whether one is due, which is so once.
    pub fn take_due(&mut self, now: Moment) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    /// Takes in that there is nothing to repair any more.
    pub fn forget(&mut self) {
        self.due = None;
    }

    fn put_off(&mut self, now: Moment) -> Duration {
        let pause = self.pause;
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        self.due = Some(now.after(pause));
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default().after(Duration::from_secs(seconds))
    }

    /// Whether it was at once, and when not, after how many seconds.
    fn repaired(repairs: &mut Repairs, now: Moment) -> u64 {
        let pause = repairs.need(now).unwrap();
        assert_eq!(repairs.need(now), None);
        assert_eq!(repairs.next_deadline(), Some(now.after(pause)));
        assert_eq!(repairs.take_due(now), pause.is_zero());
        assert_eq!(repairs.take_due(now.after(pause)), !pause.is_zero());
        assert_eq!(repairs.next_deadline(), None);
        pause.as_secs()
    }

    #[test]
    fn the_first_are_made_at_once_and_then_there_are_pauses() {
        let mut repairs = Repairs::default();
        let pauses: Vec<_> = (0..12).map(|_| repaired(&mut repairs, at(1))).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8]);
        // One is back, and with it the shortest pause.
        let pauses: Vec<_> = (0..3).map(|_| repaired(&mut repairs, at(11))).collect();
        assert_eq!(pauses, [0, 1, 2]);
        let pauses: Vec<_> = (0..9).map(|_| repaired(&mut repairs, at(1000))).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn whoever_changes_it_all_the_time_has_few_repairs_made() {
        let mut repairs = Repairs::default();
        let (mut now, mut made, mut longest) = (at(0), 0, Duration::ZERO);
        while now < at(3600) {
            let pause = repairs.need(now).unwrap();
            longest = longest.max(pause);
            now = now.after(pause);
            assert!(repairs.take_due(now));
            made += 1;
        }
        assert!((500..2000).contains(&made), "{made}");
        assert_eq!(longest, LONGEST_PAUSE);
    }

    #[test]
    fn a_repair_that_fails_is_tried_again() {
        let mut repairs = Repairs::default();
        repairs.need(at(0));
        for (now, pause) in [(0, 1), (1, 2), (3, 4), (7, 8), (15, 8)] {
            assert!(repairs.take_due(at(now)));
            assert_eq!(repairs.failed(at(now)).as_secs(), pause);
        }
        repairs.forget();
        assert_eq!(repairs.next_deadline(), None);
    }
}
