//! How long the monitor bears a watcher that owes it something.
//!
//! Only time in which the monitor itself ran counts. When both were stopped, or the whole machine was, the watcher has
//! had no more of it than we had.

use std::{collections::BTreeMap, time::Duration};

use knock_core::moment::Moment;
use thiserror::Error;

/// What a watcher owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Debt {
    /// To take its orders.
    #[error("it does not take its orders")]
    Orders,
    /// To answer a question.
    #[error("it does not answer")]
    Answer,
    /// To go on: somebody has stopped it (`SIGSTOP`).
    #[error("it was stopped and does not go on")]
    Life,
}

/// What is owed now, and how much of it has been paid so far: whatever grows when there is progress.
pub type Owed = (Debt, u64);

/// The debts and how old they are.
#[derive(Debug, Default)]
pub struct Patience {
    seen: Moment,
    waits: BTreeMap<Debt, Wait>,
}

#[derive(Debug)]
struct Wait {
    paid: u64,
    since_progress: Duration,
    altogether: Duration,
}

impl Patience {
    /// Takes in what is owed at the time `now`. Returns what has been owed for too long.
    ///
    /// To be called whenever something has changed, and at [`Patience::next_deadline`].
    pub fn watch(&mut self, now: Moment, owed: &[Owed]) -> Option<Debt> {
        let step = now.since(self.seen).min(TICK);
        self.seen = now;
        self.waits.retain(|debt, _| owed.iter().any(|(other, _)| other == debt));
        for &(debt, paid) in owed {
            match self.waits.get_mut(&debt) {
                Some(wait) => wait.go_on(paid, step),
                None => drop(self.waits.insert(debt, Wait::begin(paid))),
            }
        }
        let overdue = |(debt, wait): (&Debt, &Wait)| wait.is_over(*debt).then_some(*debt);
        self.waits.iter().find_map(overdue)
    }

    /// When to look again; none while nothing is owed.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        (!self.waits.is_empty()).then(|| self.seen.after(TICK))
    }
}

impl Wait {
    fn begin(paid: u64) -> Self {
        Self { paid, since_progress: Duration::ZERO, altogether: Duration::ZERO }
    }

    fn go_on(&mut self, paid: u64, step: Duration) {
        self.since_progress =
            if paid == self.paid { self.since_progress.saturating_add(step) } else { Duration::ZERO };
        self.altogether = self.altogether.saturating_add(step);
        self.paid = paid;
    }

    fn is_over(&self, debt: Debt) -> bool {
        match debt {
            Debt::Orders => self.since_progress >= PATIENCE || self.altogether >= LONG_PATIENCE,
            Debt::Answer => self.since_progress >= PATIENCE,
            Debt::Life => self.altogether >= SHORT_PATIENCE,
        }
    }
}

/// So long a watcher that works may take: it does everything else in milliseconds, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// So long there may be orders that it has not taken, even if it takes one from time to time.
const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// So long it may be stopped: whoever stops and continues both of us does not hit both at the same moment.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);

/// So often a debt is looked at, and no more than this counts at a time: what is longer we were away ourselves.
const TICK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    /// Wakes up as often as the monitor does, until the patience is over or the time is.
    fn awake(patience: &mut Patience, from: u64, until: u64, owed: &[Owed]) -> Option<(u64, Debt)> {
        let mut ticks = (from..=until).step_by(1000);
        ticks.find_map(|now| Some((now, patience.watch(at(now), owed)?)))
    }

    #[test]
    fn ten_seconds_without_an_answer_are_too_long() {
        let mut patience = Patience::default();
        assert_eq!(patience.next_deadline(), None);
        assert_eq!(awake(&mut patience, 5000, 60_000, &[(Debt::Answer, 7)]), Some((15_000, Debt::Answer)));
        assert_eq!(patience.next_deadline(), Some(at(16_000)));
        assert_eq!(patience.watch(at(15_500), &[]), None);
        assert_eq!(patience.next_deadline(), None, "at rest there is nothing to look at");
    }

    #[test]
    fn each_answer_begins_it_anew() {
        let mut patience = Patience::default();
        for answers in 0..100 {
            let from = answers * 9000;
            assert_eq!(awake(&mut patience, from, from + 8999, &[(Debt::Answer, answers)]), None);
        }
        assert_eq!(patience.watch(at(1_000_000), &[]), None);
        // A question long after that starts from nothing.
        assert_eq!(patience.watch(at(2_000_000), &[(Debt::Answer, 100)]), None);
        assert_eq!(patience.watch(at(2_009_000), &[(Debt::Answer, 100)]), None);
    }

    #[test]
    fn only_time_in_which_we_ran_ourselves_counts() {
        let mut patience = Patience::default();
        assert_eq!(awake(&mut patience, 0, 4000, &[(Debt::Answer, 0)]), None);
        // An hour in which both were stopped.
        assert_eq!(patience.watch(at(3_600_000), &[(Debt::Answer, 0)]), None);
        assert_eq!(
            awake(&mut patience, 3_601_000, 3_700_000, &[(Debt::Answer, 0)]),
            Some((3_605_000, Debt::Answer)),
            "five seconds before, one for the hour, four after"
        );
        let mut patience = Patience::default();
        for hour in 0..2 {
            assert_eq!(patience.watch(at(hour * 3_600_000), &[(Debt::Life, 0)]), None);
        }
        assert_eq!(patience.watch(at(3_600_500), &[(Debt::Life, 0)]), None);
        assert_eq!(patience.watch(at(3_600_600), &[]), None, "it was continued a little later than we were");
    }

    #[test]
    fn orders_may_take_as_long_as_they_are_taken_but_not_for_ever() {
        let mut patience = Patience::default();
        assert_eq!(awake(&mut patience, 0, 60_000, &[(Debt::Orders, 0)]), Some((10_000, Debt::Orders)));
        let mut patience = Patience::default();
        let overdue = (0..200).find_map(|second| {
            Some((second, patience.watch(at(second * 1000), &[(Debt::Orders, second / 9)])?))
        });
        assert_eq!(overdue, Some((60, Debt::Orders)));
    }

    #[test]
    fn a_watcher_that_was_stopped_has_two_seconds() {
        let mut patience = Patience::default();
        let owed = [(Debt::Answer, 0), (Debt::Life, 0)];
        assert_eq!(awake(&mut patience, 0, 60_000, &owed), Some((2000, Debt::Life)));
    }
}
