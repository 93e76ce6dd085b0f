//! The table of attempts: how far each source has come with each door, in memory that is fixed at the start.
//!
//! Every attempt stands in three orders at once: in the chain of its hash bucket, to be found by its source; among the
//! attempts with the same time limit, by age, so that the next one to run out is always at a head; and among the
//! attempts at the same stage, in the order in which they reached it, so that the one to give way is at a head too.
//! To find the attempts of a source costs as much as it has attempts. Every other step costs the same however many are
//! alive; those that look for a time limit grow with the number of different limits.

mod ahead;
mod list;

use std::{
    hash::BuildHasher,
    net::IpAddr,
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use foldhash::quality::FixedState;

use self::list::{Links, List, Order};
use crate::{door::DoorNumber, hit::Segment, moment::Moment, sequence::Sequence};

/// So many hash buckets there are for each attempt, or up to twice that, so that few attempts share one: to pass by
/// another one's entry costs as much as to find one's own.
const BUCKETS_EACH: usize = 2;

/// The place of an attempt in the table, counted from 1.
pub(crate) type Slot = NonZeroU32;

/// How far one source has come with one door.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) source: IpAddr,
    pub(crate) door: DoorNumber,
    /// The knocks made so far, at least one; none marks an entry of the table that is free.
    pub(crate) stage: u8,
    /// The first moment at which it is over.
    pub(crate) deadline: Moment,
    /// The segment that made the last step, unless that was a datagram.
    pub(crate) last: Option<Step>,
}

/// What tells a segment that made a step from others to the same port.
///
/// Its source port and its sequence number in one number that is never 0, for an attempt is to be small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step(NonZeroU64);

impl From<Segment> for Step {
    fn from(segment: Segment) -> Self {
        let number = u64::from(segment.source_port) << 48 | u64::from(segment.sequence) << 16;
        Self(NonZeroU64::MIN | number)
    }
}

/// An attempt and its place in the three orders, in one cache line: with many alive a hit costs what it takes to fetch these.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Entry {
    attempt: Attempt,
    next_in_bucket: Option<Slot>,
    previous_in_bucket: Option<Slot>,
    by_age: Links,
    by_stage: Links,
}

/// The attempts that share a time limit, the oldest first.
#[derive(Debug)]
struct Class {
    limit: Duration,
    attempts: List,
}

/// All attempts alive.
#[derive(Debug)]
pub(crate) struct Attempts {
    entries: Vec<Entry>,
    capacity: usize,
    /// The most attempts that may be beyond stage 1: a share of the table always remains for first knocks.
    advanced_limit: usize,
    advanced: usize,
    alive: usize,
    /// Entries to use again, chained by `next_in_bucket`.
    free: Option<Slot>,
    buckets: Vec<Option<Slot>>,
    hasher: FixedState,
    classes: Vec<Class>,
    /// The attempts at stage n + 1, those that reached it first in front.
    stages: [List; Sequence::MAX_KNOCKS],
    /// How many entries have been looked at.
    #[cfg(test)]
    pub(crate) looks: std::cell::Cell<usize>,
    /// What was looked at ahead.
    #[cfg(test)]
    fetched: std::cell::RefCell<Vec<Slot>>,
}

impl Attempts {
    /// A table for at most `capacity` attempts (at least 2). Memory is taken from the system as it is first used.
    pub(crate) fn new(capacity: usize, seed: u64) -> Self {
        let capacity = capacity.clamp(2, u32::MAX as usize - 1);
        Self {
            entries: Vec::with_capacity(capacity),
            capacity,
            advanced_limit: capacity - (capacity / 4).max(1),
            advanced: 0,
            alive: 0,
            free: None,
            buckets: vec![None; BUCKETS_EACH * capacity.next_power_of_two()],
            hasher: FixedState::with_seed(seed),
            classes: Vec::new(),
            stages: [List::default(); Sequence::MAX_KNOCKS],
            #[cfg(test)]
            looks: std::cell::Cell::default(),
            #[cfg(test)]
            fetched: std::cell::RefCell::default(),
        }
    }

    /// How many attempts are alive.
    pub(crate) fn len(&self) -> usize {
        self.alive
    }

    /// The attempts of one source.
    pub(crate) fn of(&self, source: IpAddr) -> impl Iterator<Item = (Slot, &Attempt)> {
        let mut next = self.first_in_bucket(source);
        std::iter::from_fn(move || {
            let slot = next?;
            let entry = self.entry(slot)?;
            next = entry.next_in_bucket;
            Some((slot, &entry.attempt))
        })
        .filter(move |(_, attempt)| attempt.source == source)
    }

    /// The attempt in a slot, unless that is free. The slot may have gone to another attempt since it was found.
    pub(crate) fn at(&self, slot: Slot) -> Option<&Attempt> {
        self.entry(slot).map(|entry| &entry.attempt).filter(|attempt| attempt.stage > 0)
    }

    /// Takes in an attempt at stage 1 that may live for `limit`; returns the one that gave way to it.
    pub(crate) fn start(&mut self, attempt: Attempt, limit: Duration) -> Option<Attempt> {
        let gave_way = if self.alive < self.capacity { None } else { self.remove_first_from(1) };
        let class = self.class(limit);
        let entry = Entry {
            attempt,
            next_in_bucket: None,
            previous_in_bucket: None,
            by_age: Links::default(),
            by_stage: Links::default(),
        };
        let slot = self.store(entry)?;
        self.join_bucket(attempt.source, slot);
        if let Some(class) = self.classes.get_mut(class) {
            class.attempts.push(&mut self.entries, Order::Age, slot);
        }
        self.join_stage(attempt.stage, slot);
        self.alive += 1;
        gave_way
    }

    /// Brings an attempt one stage up; returns the one that gave way to it.
    pub(crate) fn advance(&mut self, slot: Slot, last: Option<Step>) -> Option<Attempt> {
        let stage = self.at(slot)?.stage;
        self.leave_stage(stage, slot);
        let gave_way = if self.advanced < self.advanced_limit { None } else { self.remove_first_from(2) };
        let attempt = &mut self.entries.get_mut(place(slot))?.attempt;
        attempt.stage = stage.saturating_add(1);
        attempt.last = last;
        self.join_stage(stage.saturating_add(1), slot);
        gave_way
    }

    /// Ends an attempt.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Attempt> {
        let attempt = *self.at(slot)?;
        let entry = *self.entry(slot)?;
        self.leave_bucket(&entry);
        self.leave_class(slot);
        self.leave_stage(attempt.stage, slot);
        self.alive -= 1;
        let free = self.entries.get_mut(place(slot))?;
        free.attempt.stage = 0;
        free.next_in_bucket = self.free.replace(slot);
        Some(attempt)
    }

    /// When the next attempt runs out.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.oldest().map(|(deadline, _)| deadline)
    }

    /// Ends one attempt whose time is over at `now`, the longest overdue first.
    pub(crate) fn expire_one(&mut self, now: Moment) -> Option<Attempt> {
        let (deadline, slot) = self.oldest()?;
        if now < deadline {
            return None;
        }
        self.remove(slot)
    }

    fn oldest(&self) -> Option<(Moment, Slot)> {
        self.classes
            .iter()
            .filter_map(|class| {
                let slot = class.attempts.first()?;
                Some((self.entry(slot)?.attempt.deadline, slot))
            })
            .min()
    }

    /// Ends the attempt that has been longest at the lowest occupied stage from `stage` on.
    fn remove_first_from(&mut self, stage: usize) -> Option<Attempt> {
        let slot = self.stages.iter().skip(stage - 1).find_map(|list| list.first())?;
        self.remove(slot)
    }

    fn leave_class(&mut self, slot: Slot) {
        let Some(links) = list::take_out(&mut self.entries, Order::Age, slot) else { return };
        // An entry has no room for the number of its class, and only at an end of its list does it matter which that is.
        if links.both().contains(&None)
            && let Some(class) = self.classes.iter_mut().find(|class| class.attempts.ends_with(slot))
        {
            class.attempts.mend(links);
        }
    }

    fn join_stage(&mut self, stage: u8, slot: Slot) {
        self.advanced += usize::from(stage > 1);
        if let Some(list) = self.stages.get_mut(usize::from(stage).saturating_sub(1)) {
            list.push(&mut self.entries, Order::Stage, slot);
        }
    }

    fn leave_stage(&mut self, stage: u8, slot: Slot) {
        self.advanced -= usize::from(stage > 1);
        let Some(links) = list::take_out(&mut self.entries, Order::Stage, slot) else { return };
        if let Some(list) = self.stages.get_mut(usize::from(stage).saturating_sub(1)) {
            list.mend(links);
        }
    }

    fn join_bucket(&mut self, source: IpAddr, slot: Slot) {
        let Some(head) = self.bucket(source).and_then(|bucket| self.buckets.get_mut(bucket)) else { return };
        let next = head.replace(slot);
        if let Some(entry) = self.entries.get_mut(place(slot)) {
            entry.next_in_bucket = next;
        }
        if let Some(next) = next.and_then(|next| self.entries.get_mut(place(next))) {
            next.previous_in_bucket = Some(slot);
        }
    }

    fn leave_bucket(&mut self, entry: &Entry) {
        let link = match entry.previous_in_bucket {
            None => self.bucket(entry.attempt.source).and_then(|bucket| self.buckets.get_mut(bucket)),
            Some(previous) => self.entries.get_mut(place(previous)).map(|entry| &mut entry.next_in_bucket),
        };
        if let Some(link) = link {
            *link = entry.next_in_bucket;
        }
        if let Some(next) = entry.next_in_bucket.and_then(|next| self.entries.get_mut(place(next))) {
            next.previous_in_bucket = entry.previous_in_bucket;
        }
    }

    fn entry(&self, slot: Slot) -> Option<&Entry> {
        #[cfg(test)]
        self.looks.set(self.looks.get() + 1);
        self.entries.get(place(slot))
    }

    fn store(&mut self, entry: Entry) -> Option<Slot> {
        if let Some(slot) = self.free {
            let free = self.entries.get_mut(place(slot))?;
            self.free = free.next_in_bucket;
            *free = entry;
            return Some(slot);
        }
        self.entries.push(entry);
        u32::try_from(self.entries.len()).ok().and_then(NonZeroU32::new)
    }

    /// The class with this limit; one that nobody is in is taken over for a new limit.
    fn class(&mut self, limit: Duration) -> usize {
        let found = self.classes.iter().position(|class| class.limit == limit);
        let unused = || self.classes.iter().position(|class| class.attempts.first().is_none());
        let index = found.or_else(unused).unwrap_or(self.classes.len());
        match self.classes.get_mut(index) {
            Some(class) => class.limit = limit,
            None => self.classes.push(Class { limit, attempts: List::default() }),
        }
        index
    }

    fn first_in_bucket(&self, source: IpAddr) -> Option<Slot> {
        self.bucket(source).and_then(|bucket| *self.buckets.get(bucket)?)
    }

    fn bucket(&self, source: IpAddr) -> Option<usize> {
        let mask = self.buckets.len().checked_sub(1)?;
        usize::try_from(self.hasher.hash_one(source) & mask as u64).ok()
    }
}

/// Where the entry of a slot is stored.
fn place(slot: Slot) -> usize {
    slot.get() as usize - 1
}

#[cfg(test)]
mod tests;
