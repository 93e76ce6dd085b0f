//! For how many sources the kernel has doors open.

use std::{collections::BTreeMap, sync::Arc};

use knock_core::{config::DoorName, moment::Moment};

use super::guard::Guard;
use crate::firewall::Firewall;

/// The doors at which the kernel lets in. How many are in sets of the administrator is known; who is let in where we
/// guard, only the kernel knows.
#[derive(Clone, Debug)]
pub struct LetIn {
    guarded: Vec<DoorName>,
    in_sets: BTreeMap<Arc<str>, u64>,
}

/// So many of a door; none if the kernel that knows did not say so.
pub type Counted = BTreeMap<Arc<str>, Option<u64>>;

impl LetIn {
    /// Those of this guard.
    #[must_use]
    pub fn of(guard: &Guard, now: Moment) -> Self {
        let mut in_sets = BTreeMap::<_, u64>::new();
        for (door, ..) in guard.in_sets(now) {
            let count = in_sets.entry(Arc::clone(door)).or_default();
            *count = count.saturating_add(1);
        }
        Self { guarded: guard.guarded().cloned().collect(), in_sets }
    }

    /// Asks the kernel and counts. That may take long, and is not for the monitor.
    #[must_use]
    pub fn count(self) -> Counted {
        let mut counted: Counted =
            self.in_sets.into_iter().map(|(door, count)| (door, Some(count))).collect();
        let mut firewall = if self.guarded.is_empty() { None } else { Firewall::open().ok() };
        for door in self.guarded {
            let openings = firewall.as_mut().and_then(|firewall| firewall.openings(&door).ok());
            let count = openings.map(|openings| u64::try_from(openings.len()).unwrap_or(u64::MAX));
            counted.insert(door.as_str().into(), count);
        }
        counted
    }
}
