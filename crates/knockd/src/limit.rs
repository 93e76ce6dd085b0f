//! How much of one kind may be said before the rest is only counted.

use std::{collections::BTreeMap, time::Duration};

use knock_core::moment::Moment;

/// A token bucket for every kind, and the count of what found its bucket empty.
///
/// The caller asks before it says something; what always has to be said isn't asked for. Kinds don't share anything:
/// a flood of one takes nothing from another. A kind that is as if nothing had ever come of it is forgotten when a new
/// one comes: memory is bounded by the number of kinds that there are at a time.
#[derive(Debug)]
pub struct Limit<K> {
    rate: Rate,
    buckets: BTreeMap<K, Bucket>,
}

/// How much passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What one thing costs: the reciprocal of how many of a kind pass in the long run.
    pub every: Duration,
    /// How many of a kind pass at once after a quiet time.
    pub burst: u32,
}

impl Rate {
    /// Lines of the log of each kind that a flood is made of: 40 a second, 600 at once. Of the five kinds that there are,
    /// two to four go together in a flood; with some 52 bytes a line these write 250 to 500 kB a minute, and 31 kB of
    /// each once at the beginning. A host that is only busy stays below.
    pub const LINES: Self = Self { every: Duration::from_millis(25), burst: 600 };

    /// The same lines as JSON objects, of some 150 to 250 bytes: 10 a second, 300 at once. Four kinds together write half
    /// a megabyte in a minute, and 200 kB once at the beginning.
    pub const OBJECTS: Self = Self { every: Duration::from_millis(100), burst: 300 };
}

/// What was left out of one kind since it was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut<K> {
    /// Of what kind.
    pub kind: K,
    /// How many, at least 1.
    pub count: u64,
}

#[derive(Debug, Default)]
struct Bucket {
    /// When it will be full again if nothing more passes.
    full_at: Moment,
    left_out: Option<Flood>,
}

#[derive(Clone, Copy, Debug)]
struct Flood {
    count: u64,
    first: Moment,
    last: Moment,
}

impl<K: Copy + Ord> Limit<K> {
    /// Full buckets.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: BTreeMap::new() }
    }

    /// Lets as much pass as this from now on.
    pub fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Whether one more of this kind passes; if not, it is counted.
    pub fn passes(&mut self, kind: K, now: Moment) -> bool {
        let rate = self.rate;
        if !self.buckets.contains_key(&kind) {
            self.buckets.retain(|_, bucket| bucket.full_at > now || bucket.left_out.is_some());
        }
        let bucket = self.buckets.entry(kind).or_default();
        let full_at = bucket.full_at.max(now).after(rate.every);
        if full_at.since(now) > rate.every.saturating_mul(rate.burst) {
            bucket.count(1, now);
            return false;
        }
        bucket.full_at = full_at;
        true
    }

    /// Counts what was left out without asking.
    pub fn count(&mut self, kind: K, count: u64, now: Moment) {
        if count > 0 {
            self.buckets.entry(kind).or_default().count(count, now);
        }
    }

    /// When [`Limit::due`] has something to tell, if nothing more is left out until then.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        self.buckets.values().filter_map(|bucket| Some(bucket.left_out?.due())).min()
    }

    /// What was left out of a kind, once its flood has ended or has been going on for five seconds.
    pub fn due(&mut self, now: Moment) -> Option<LeftOut<K>> {
        self.take(|flood| flood.due() <= now)
    }

    /// What was left out of a kind, whether or not it is due.
    pub fn rest(&mut self) -> Option<LeftOut<K>> {
        self.take(|_| true)
    }

    fn take(&mut self, wanted: impl Fn(Flood) -> bool) -> Option<LeftOut<K>> {
        let (kind, bucket) =
            self.buckets.iter_mut().find(|(_, bucket)| bucket.left_out.is_some_and(&wanted))?;
        Some(LeftOut { kind: *kind, count: bucket.left_out.take()?.count })
    }
}

impl Bucket {
    fn count(&mut self, count: u64, now: Moment) {
        let so_far = self.left_out.map_or(0, |so_far| so_far.count);
        let first = self.left_out.map_or(now, |so_far| so_far.first);
        self.left_out = Some(Flood { count: so_far.saturating_add(count), first, last: now });
    }
}

impl Flood {
    fn due(self) -> Moment {
        self.last.after(ENDED_AFTER).min(self.first.after(TOLD_AFTER))
    }
}

/// A flood is over when nothing has been left out for so long.
const ENDED_AFTER: Duration = Duration::from_secs(1);

/// So long a flood goes on without being told of.
const TOLD_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { every: Duration::from_millis(10), burst: 1000 };

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    fn passed(limit: &mut Limit<char>, kind: char, count: u32, now: Moment) -> usize {
        (0..count).filter(|_| limit.passes(kind, now)).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut limit = Limit::new(RATE);
        assert_eq!(passed(&mut limit, 'a', 5000, at(0)), 1000);
        assert_eq!(passed(&mut limit, 'a', 5000, at(500)), 50);
        assert_eq!(passed(&mut limit, 'b', 1, at(500)), 1, "kinds share nothing");
        assert_eq!(
            passed(&mut limit, 'a', 5000, at(3_600_000)),
            1000,
            "a bucket never holds more than a burst"
        );
    }

    #[test]
    fn a_million_in_ten_seconds_leave_a_count_every_five() {
        let mut limit = Limit::new(RATE);
        let (mut passed, mut told) = (0, Vec::new());
        for place in 0..1_000_000_u64 {
            let now = Moment::from_nanos(place * 10_000);
            passed += u64::from(limit.passes('a', now));
            told.extend(std::iter::from_fn(|| limit.due(now)));
        }
        assert_eq!(passed, 1000 + 999);
        assert_eq!(told.len(), 1);
        told.extend(limit.due(at(10_999)));
        assert_eq!(told.len(), 2, "the flood has ended");
        assert_eq!(told.iter().map(|left_out| left_out.count).sum::<u64>(), 1_000_000 - passed);
        assert_eq!(limit.next_due(), None);
    }

    #[test]
    fn tells_when_the_flood_has_ended() {
        let mut limit = Limit::new(Rate { every: Duration::from_secs(1), burst: 1 });
        assert_eq!(passed(&mut limit, 'a', 4, at(100)), 1);
        limit.count('b', 7, at(200));
        limit.count('c', 0, at(200));
        assert_eq!(limit.next_due(), Some(at(1100)));
        assert_eq!(limit.due(at(1099)), None);
        assert_eq!(limit.due(at(1100)), Some(LeftOut { kind: 'a', count: 3 }));
        assert_eq!(limit.due(at(1100)), None);
        assert_eq!(limit.rest(), Some(LeftOut { kind: 'b', count: 7 }));
        assert_eq!(limit.rest(), None);
    }

    #[test]
    fn kinds_of_which_nothing_is_left_are_forgotten() {
        let mut limit = Limit::new(RATE);
        for kind in 0..100_u64 {
            assert!(limit.passes(kind, at(kind * 10)));
        }
        assert_eq!(limit.buckets.len(), 1);
        limit.count(100, 1, at(990));
        passed_all(&mut limit, 101, at(990));
        assert!(limit.passes(102, at(2000)));
        assert_eq!(limit.buckets.keys().collect::<Vec<_>>(), [&100, &101, &102], "something is left of all");
    }

    fn passed_all(limit: &mut Limit<u64>, kind: u64, now: Moment) {
        assert_eq!((0..2000).filter(|_| limit.passes(kind, now)).count(), 1000);
    }

    #[test]
    fn a_clock_that_goes_back_frees_nothing() {
        let mut limit = Limit::new(Rate { every: Duration::from_secs(1), burst: 2 });
        assert_eq!(passed(&mut limit, 'a', 3, at(9000)), 2);
        assert_eq!(passed(&mut limit, 'a', 3, at(0)), 0);
    }
}
