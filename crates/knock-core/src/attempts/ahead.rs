//! Looking ahead: what the next hits need of the table is fetched for all of them at once.
//!
//! With many attempts alive nothing that a hit touches is in a cache, and it waits for memory longer than it works. A
//! processor fetches many places in the time of one, but only those that it need not fetch another to find. So each step
//! is taken here for all sources before the next one is for any.

use std::{hint::black_box, net::IpAddr};

use super::{Attempts, Slot, list::Links, place};

/// So many entries of a chain are looked at; with two buckets or more for each attempt few chains are longer.
const CHAIN: usize = 2;

impl Attempts {
    /// The most sources that are looked at: what they need fits into the nearest caches.
    pub(crate) const AHEAD: usize = 32;

    /// Brings near what is to be touched when these sources hit. Changes nothing.
    pub(crate) fn look_ahead(&self, sources: impl Iterator<Item = IpAddr>) {
        let mut slots = [None; Self::AHEAD];
        let mut count = 0;
        for (slot, source) in slots.iter_mut().zip(sources) {
            *slot = self.first_in_bucket(source);
            count += 1;
        }
        let slots = slots.get_mut(..count).unwrap_or_default();
        for _ in 0..CHAIN {
            for slot in &*slots {
                self.fetch(*slot);
            }
            for slot in &mut *slots {
                let Some(entry) = slot.and_then(|slot| self.entries.get(place(slot))) else { continue };
                let neighbours = [entry.by_age, entry.by_stage].map(Links::both);
                for neighbour in neighbours.as_flattened() {
                    self.fetch(*neighbour);
                }
                *slot = entry.next_in_bucket;
            }
        }
        if self.alive + count > self.capacity {
            self.look_at_first(count);
        }
    }

    /// The same for those that give way to so many newcomers. Each of them tells which one is next, so these do come one
    /// after the other.
    fn look_at_first(&self, count: usize) {
        let mut next = self.stages.iter().find_map(|list| list.first());
        for _ in 0..count {
            let Some(entry) = next.and_then(|slot| self.entries.get(place(slot))) else { return };
            black_box(self.first_in_bucket(entry.attempt.source));
            self.fetch(entry.next_in_bucket);
            self.fetch(entry.previous_in_bucket);
            [_, next] = entry.by_stage.both();
        }
    }

    /// Reads from an entry, which is one cache line, to no other end.
    fn fetch(&self, slot: Option<Slot>) {
        #[cfg(test)]
        self.fetched.borrow_mut().extend(slot);
        black_box(slot.and_then(|slot| self.entries.get(place(slot))).map(|entry| entry.attempt.stage));
    }
}
