//! Openings that somebody ends or extends before their time.

use std::{net::IpAddr, sync::Arc, time::Duration};

use knock_core::moment::Moment;

use super::{Deed, Openings, Phase, State};
use crate::journal::OpeningId;

impl Openings {
    /// Whether a door is open for a source, or about to be; so many of the same name stand before it.
    #[must_use]
    pub fn has(&self, door: &str, ordinal: usize, source: IpAddr) -> bool {
        let is_it = |state: &State| state.opening.ordinal == ordinal && state.is_of(door, Some(source));
        self.states.values().any(is_it)
    }

    /// How long the longest of what doors of this name have open for this source stays so from now on; none if none is
    /// open.
    #[must_use]
    pub fn left(&self, now: Moment, door: &str, source: IpAddr) -> Option<Duration> {
        let until =
            self.ids_of(door, Some(source)).into_iter().filter_map(|id| match self.states.get(&id)?.phase {
                Phase::Open(until) => Some(until),
                _ => None,
            });
        until.max().map(|until| until.since(now))
    }

    /// Whether doors of this name have something open or opening for this source, or for any, that is not to be closed
    /// already.
    #[must_use]
    pub fn can_be_closed(&self, door: &str, source: Option<IpAddr>) -> bool {
        let mut those = self.ids_of(door, source).into_iter().filter_map(|id| self.states.get(&id));
        those.any(|state| !matches!(state.phase, Phase::StartingToClose | Phase::Stopping))
    }

    /// Closes what doors of this name have open, for this source or for all. What has not begun never does; what is
    /// being opened is closed when that is done. Tells how many.
    pub fn close_by_hand(&mut self, door: &str, source: Option<IpAddr>) -> (usize, Vec<Deed>) {
        let mut deeds = Vec::new();
        let ids = self.ids_of(door, source);
        let mut count = 0;
        for id in ids {
            let Some(state) = self.states.get_mut(&id) else { continue };
            match state.phase {
                Phase::Noting | Phase::Queued => deeds.extend(self.end(id)),
                Phase::Starting => state.enter(Phase::StartingToClose, &mut self.waiting),
                Phase::Open(_) => deeds.extend(self.close(id)),
                Phase::StartingToClose | Phase::Stopping => continue,
            }
            count += 1;
        }
        (count, deeds)
    }

    /// Has what doors of this name have open for this source stay so for longer. Tells how long the longest does from now
    /// on; none if none is open.
    pub fn extend_by_hand(
        &mut self,
        now: Moment,
        door: &str,
        source: IpAddr,
        by: Duration,
    ) -> (Option<Duration>, Vec<Deed>) {
        let (mut longest, mut deeds) = (None, Vec::new());
        for id in self.ids_of(door, Some(source)) {
            let Some(state) = self.states.get_mut(&id) else { continue };
            let Phase::Open(until) = state.phase else { continue };
            let later = until.after(by);
            state.enter(Phase::Open(later), &mut self.waiting);
            self.closing_times.remove(&(until, id));
            self.closing_times.insert((later, id));
            let left = later.since(now);
            deeds.push(Deed::NoteLasts(id, left));
            deeds.push(Deed::SayExtended(Arc::clone(&state.opening.door), source, Some(left)));
            longest = longest.max(Some(left));
        }
        (longest, deeds)
    }

    fn ids_of(&self, door: &str, source: Option<IpAddr>) -> Vec<OpeningId> {
        let those =
            self.states.iter().filter(|(_, state)| state.opening.stop.is_some() && state.is_of(door, source));
        those.map(|(id, _)| *id).collect()
    }
}

impl State {
    fn is_of(&self, door: &str, source: Option<IpAddr>) -> bool {
        self.opening.door.as_ref() == door && source.is_none_or(|source| self.opening.source == source)
    }
}
