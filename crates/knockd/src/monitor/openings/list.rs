//! What is open, as others see it.

use std::net::IpAddr;

use knock_core::moment::Moment;

use super::{Opening, Openings, Phase, State};
use crate::control::protocol::{self, OpeningShown, millis};

impl Openings {
    /// Those of this door and this source, or of any. Those beyond `most` are only counted.
    #[must_use]
    pub fn list(
        &self,
        now: Moment,
        door: Option<&str>,
        source: Option<IpAddr>,
        most: usize,
    ) -> (Vec<OpeningShown>, u64) {
        let is_wanted = |opening: &Opening| {
            door.is_none_or(|door| opening.door.as_ref() == door)
                && source.is_none_or(|source| opening.source == source)
        };
        let mut wanted =
            self.states.values().filter(|state| state.opening.stop.is_some() && is_wanted(&state.opening));
        let shown = wanted.by_ref().take(most).map(|state| state.shown(now)).collect();
        (shown, u64::try_from(wanted.count()).unwrap_or(u64::MAX))
    }

    /// Whether any door of this name is open for anybody, or about to be or to be closed.
    #[must_use]
    pub fn are_at(&self, door: &str) -> bool {
        self.states.values().any(|state| state.opening.stop.is_some() && state.opening.door.as_ref() == door)
    }

    /// For how many a door is open, or about to be or to be closed; so many of the same name stand before it.
    #[must_use]
    pub fn count(&self, door: &str, ordinal: usize) -> u64 {
        let is_its = |state: &&State| state.opening.ordinal == ordinal && state.opening.door.as_ref() == door;
        let its = self.states.values().filter(|state| state.opening.stop.is_some()).filter(is_its);
        u64::try_from(its.count()).unwrap_or(u64::MAX)
    }
}

impl State {
    fn shown(&self, now: Moment) -> OpeningShown {
        let (phase, left) = match self.phase {
            Phase::Noting | Phase::Queued | Phase::Starting => (protocol::Phase::Opening, None),
            Phase::Open(until) => (protocol::Phase::Open, Some(until.since(now))),
            Phase::StartingToClose | Phase::Stopping => (protocol::Phase::Closing, None),
        };
        OpeningShown {
            door: self.opening.door.as_ref().to_owned(),
            source: self.opening.source,
            phase,
            left_ms: left.map(millis),
            by_kernel: false,
        }
    }
}
