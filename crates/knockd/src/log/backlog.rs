//! How much has been said that is not yet written.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::kind::Kind;

/// Bounds the queue between those who speak and the thread that writes.
///
/// Only lines that may be left out count. The others are rare, each stands for an opening or a command, and all of
/// them are wanted.
#[derive(Debug)]
pub(super) struct Backlog {
    queued: AtomicUsize,
    missed: [(Kind, AtomicU64); Kind::ALL.len()],
}

impl Backlog {
    /// Nothing queued.
    pub(super) fn new() -> Self {
        Self { queued: AtomicUsize::new(0), missed: Kind::ALL.map(|kind| (kind, AtomicU64::new(0))) }
    }

    /// Whether there is room for a line of this kind; it is then counted as queued, else as missed.
    pub(super) fn admits(&self, kind: Kind) -> bool {
        if self.queued.load(Ordering::Relaxed) < CAPACITY {
            self.queued.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        for (_, count) in self.missed.iter().filter(|(other, _)| *other == kind) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        false
    }

    /// Notes that a line was taken from the queue.
    pub(super) fn taken(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    /// What was missed since this was last asked.
    pub(super) fn missed(&self) -> impl Iterator<Item = (Kind, u64)> {
        self.missed.iter().map(|(kind, count)| (*kind, count.swap(0, Ordering::Relaxed)))
    }
}

/// The most lines queued, some megabytes.
const CAPACITY: usize = 8192;

#[cfg(test)]
mod tests {
    use knock_core::event;

    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let backlog = Backlog::new();
        let admitted =
            (0..CAPACITY + 7).filter(|_| backlog.admits(Kind::Attempt(event::Kind::Stage))).count();
        assert_eq!(admitted, CAPACITY);
        assert!(!backlog.admits(Kind::Text));
        backlog.taken();
        assert!(backlog.admits(Kind::Text));
        let missed = |backlog: &Backlog| backlog.missed().filter(|(_, count)| *count > 0).collect::<Vec<_>>();
        assert_eq!(missed(&backlog), [(Kind::Attempt(event::Kind::Stage), 7), (Kind::Text, 1)]);
        assert_eq!(missed(&backlog), []);
    }
}
