//! Doors that stand open for somebody, from the start command to the end of the stop command.
//!
//! Nothing is run here: every call returns what is to be done.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use knock_core::{config::Reknock, moment::Moment};

use super::job::{Job, OpeningId};

/// What is to be opened, for whom, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The name of the door.
    pub door: Arc<str>,
    /// How many doors of the same name stand before it in the configuration.
    pub ordinal: usize,
    /// For whom it opens.
    pub source: IpAddr,
    /// What opens it.
    pub start: Option<String>,
    /// What closes it.
    pub stop: Option<String>,
    /// How long it stays open after the start command has ended.
    pub stay: Duration,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Run a command.
    Run(Job),
    /// Say that an opening's time is over.
    SayTimeout(Arc<str>, IpAddr),
    /// Say that an opening lasts longer.
    SayExtended(Arc<str>, IpAddr),
}

/// All openings.
#[derive(Debug, Default)]
pub struct Openings {
    next: u64,
    states: BTreeMap<OpeningId, State>,
    closing_times: BTreeSet<(Moment, OpeningId)>,
    /// The latest opening of a door for a source.
    latest: BTreeMap<(Arc<str>, usize, IpAddr), OpeningId>,
}

#[derive(Debug)]
struct State {
    opening: Opening,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The start command runs, or waits to.
    Starting,
    /// The start command runs still, and the stop command is to follow at once.
    StartingToClose,
    /// It stands open until this moment.
    Open(Moment),
    /// The stop command runs, or waits to.
    Stopping,
}

impl Openings {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// When [`Openings::close_due`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.closing_times.first().map(|(moment, _)| *moment)
    }

    /// Opens a door for somebody, or keeps it open longer if that is the door's way.
    pub fn open(&mut self, now: Moment, opening: Opening, reknock: Reknock) -> Vec<Deed> {
        if reknock == Reknock::Extend && self.extend(now, &opening) {
            return vec![Deed::SayExtended(opening.door, opening.source)];
        }
        let id = OpeningId(self.next);
        self.next += 1;
        self.latest.insert(opening.key(), id);
        let start = opening.start.clone();
        let state = State { opening, phase: Phase::Starting };
        let deeds = start.map(|command| Deed::Run(state.job(id, command, false))).into_iter().collect();
        let is_started = state.opening.start.is_none();
        self.states.insert(id, state);
        if is_started {
            return self.ended(now, id);
        }
        deeds
    }

    /// Takes in that the command of an opening has ended, however it did.
    pub fn ended(&mut self, now: Moment, id: OpeningId) -> Vec<Deed> {
        let Some(state) = self.states.get_mut(&id) else { return Vec::new() };
        if state.phase == Phase::Stopping || state.opening.stop.is_none() {
            self.forget(id);
            return Vec::new();
        }
        if state.phase == Phase::StartingToClose {
            return self.close(id).into_iter().collect();
        }
        let until = now.after(state.opening.stay);
        state.phase = Phase::Open(until);
        self.closing_times.insert((until, id));
        Vec::new()
    }

    /// Takes in that the command of an opening was never run: there is nothing to close.
    pub fn abandon(&mut self, id: OpeningId) {
        self.forget(id);
    }

    /// Closes what has been open long enough.
    pub fn close_due(&mut self, now: Moment) -> Vec<Deed> {
        let mut deeds = Vec::new();
        while let Some((_, id)) = self.closing_times.first().copied().filter(|(until, _)| *until <= now) {
            if let Some(State { opening, .. }) = self.states.get(&id) {
                deeds.push(Deed::SayTimeout(opening.door.clone(), opening.source));
            }
            deeds.extend(self.close(id));
        }
        deeds
    }

    /// Closes everything, whatever its time.
    pub fn close_all(&mut self) -> Vec<Deed> {
        for state in self.states.values_mut().filter(|state| state.phase == Phase::Starting) {
            state.phase = Phase::StartingToClose;
        }
        let open: Vec<OpeningId> = self.closing_times.iter().map(|(_, id)| *id).collect();
        open.into_iter().filter_map(|id| self.close(id)).collect()
    }

    /// Closes even what is still being opened: its start command has had its time.
    pub fn close_hanging(&mut self) -> Vec<Deed> {
        let hanging = self.states.iter().filter(|(_, state)| state.phase == Phase::StartingToClose);
        let hanging: Vec<OpeningId> = hanging.map(|(id, _)| *id).collect();
        hanging.into_iter().filter_map(|id| self.close(id)).collect()
    }

    /// What is open, or being opened or closed, and would have to be closed.
    pub fn unclosed(&self) -> impl Iterator<Item = &Opening> {
        self.states.values().map(|state| &state.opening).filter(|opening| opening.stop.is_some())
    }

    /// Moves the closing time of the latest opening; false if there is none that is still to be closed.
    fn extend(&mut self, now: Moment, wanted: &Opening) -> bool {
        let Some(id) = self.latest.get(&wanted.key()) else { return false };
        let Some(state) = self.states.get_mut(id) else { return false };
        match state.phase {
            Phase::Starting => true,
            Phase::StartingToClose | Phase::Stopping => false,
            Phase::Open(until) => {
                let later = now.after(wanted.stay).max(until);
                state.phase = Phase::Open(later);
                self.closing_times.remove(&(until, *id));
                self.closing_times.insert((later, *id));
                true
            }
        }
    }

    fn close(&mut self, id: OpeningId) -> Option<Deed> {
        let state = self.states.get_mut(&id)?;
        if let Phase::Open(until) = state.phase {
            self.closing_times.remove(&(until, id));
        }
        state.phase = Phase::Stopping;
        let command = state.opening.stop.clone()?;
        Some(Deed::Run(state.job(id, command, true)))
    }

    fn forget(&mut self, id: OpeningId) {
        let Some(State { opening, phase }) = self.states.remove(&id) else { return };
        if let Phase::Open(until) = phase {
            self.closing_times.remove(&(until, id));
        }
        let key = opening.key();
        if self.latest.get(&key) == Some(&id) {
            self.latest.remove(&key);
        }
    }
}

impl Opening {
    /// What all openings of this door for this source have in common.
    fn key(&self) -> (Arc<str>, usize, IpAddr) {
        (Arc::clone(&self.door), self.ordinal, self.source)
    }
}

impl State {
    fn job(&self, id: OpeningId, command: String, closes: bool) -> Job {
        Job { opening: id, door: self.opening.door.clone(), source: self.opening.source, closes, command }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAY: Duration = Duration::from_secs(5);

    fn opening(start: Option<&str>, stop: Option<&str>) -> Opening {
        Opening {
            door: "ssh".into(),
            ordinal: 0,
            source: "192.0.2.7".parse().unwrap(),
            start: start.map(str::to_owned),
            stop: stop.map(str::to_owned),
            stay: STAY,
        }
    }

    fn at(second: u64) -> Moment {
        Moment::from_nanos(second * 1_000_000_000)
    }

    /// The deeds in short: the number of the opening and its command.
    fn short(deeds: &[Deed]) -> Vec<String> {
        deeds
            .iter()
            .map(|deed| match deed {
                Deed::Run(job) => format!("{} {}", job.opening.0, job.command),
                Deed::SayTimeout(door, _) => format!("{door} timeout"),
                Deed::SayExtended(door, _) => format!("{door} extended"),
            })
            .collect()
    }

    #[test]
    fn stop_follows_start_after_the_doors_time() {
        let mut openings = Openings::default();
        let deeds = openings.open(at(0), opening(Some("start"), Some("stop")), Reknock::Again);
        assert_eq!(short(&deeds), ["0 start"]);
        assert_eq!(openings.next_deadline(), None);
        assert!(openings.ended(at(3), OpeningId(0)).is_empty());
        assert_eq!(openings.next_deadline(), Some(at(8)));
        assert!(openings.close_due(at(7)).is_empty());
        assert_eq!(short(&openings.close_due(at(8))), ["ssh timeout", "0 stop"]);
        assert!(openings.ended(at(9), OpeningId(0)).is_empty());
        assert!(openings.is_empty());
    }

    #[test]
    fn what_has_no_stop_command_is_over_with_its_start_command() {
        let mut openings = Openings::default();
        openings.open(at(0), opening(Some("start"), None), Reknock::Again);
        assert!(openings.ended(at(1), OpeningId(0)).is_empty());
        assert!(openings.open(at(2), opening(None, None), Reknock::Again).is_empty());
        assert!(openings.is_empty());
    }

    #[test]
    fn what_has_no_start_command_is_closed_all_the_same() {
        let mut openings = Openings::default();
        assert!(openings.open(at(0), opening(None, Some("stop")), Reknock::Again).is_empty());
        assert_eq!(short(&openings.close_due(at(5))), ["ssh timeout", "0 stop"]);
    }

    #[test]
    fn two_knocks_open_twice_and_close_twice() {
        let mut openings = Openings::default();
        for _ in 0..2 {
            openings.open(at(0), opening(Some("start"), Some("stop")), Reknock::Again);
        }
        openings.ended(at(0), OpeningId(0));
        openings.ended(at(1), OpeningId(1));
        assert_eq!(short(&openings.close_due(at(5))), ["ssh timeout", "0 stop"]);
        assert_eq!(short(&openings.close_due(at(6))), ["ssh timeout", "1 stop"]);
    }

    #[test]
    fn a_door_that_extends_only_moves_its_closing_time() {
        let mut openings = Openings::default();
        let knock = || opening(Some("start"), Some("stop"));
        openings.open(at(0), knock(), Reknock::Extend);
        assert_eq!(short(&openings.open(at(0), knock(), Reknock::Extend)), ["ssh extended"]);
        openings.ended(at(0), OpeningId(0));
        assert_eq!(short(&openings.open(at(4), knock(), Reknock::Extend)), ["ssh extended"]);
        assert_eq!(openings.next_deadline(), Some(at(9)));
        assert_eq!(short(&openings.close_due(at(9))), ["ssh timeout", "0 stop"]);
        // It is being closed: this one has to be opened anew.
        assert_eq!(short(&openings.open(at(9), knock(), Reknock::Extend)), ["1 start"]);
        openings.ended(at(10), OpeningId(0));
        assert_eq!(short(&openings.open(at(10), knock(), Reknock::Extend)), ["ssh extended"]);
    }

    #[test]
    fn everything_can_be_closed_at_once() {
        let mut openings = Openings::default();
        openings.open(at(0), opening(Some("start"), Some("stop")), Reknock::Again);
        openings.open(at(0), opening(Some("start"), Some("stop")), Reknock::Again);
        openings.open(at(0), opening(Some("start"), Some("stop")), Reknock::Again);
        openings.ended(at(0), OpeningId(0));
        assert_eq!(short(&openings.close_all()), ["0 stop"]);
        assert_eq!(short(&openings.ended(at(1), OpeningId(1))), ["1 stop"]);
        openings.abandon(OpeningId(2));
        openings.ended(at(2), OpeningId(0));
        openings.ended(at(2), OpeningId(1));
        assert!(openings.is_empty() && openings.next_deadline().is_none());
    }

    #[test]
    fn what_never_ends_to_open_is_closed_at_the_end() {
        let mut openings = Openings::default();
        openings.open(at(0), opening(Some("start"), Some("stop")), Reknock::Again);
        assert!(openings.close_all().is_empty());
        assert_eq!(openings.unclosed().count(), 1);
        assert_eq!(short(&openings.close_hanging()), ["0 stop"]);
        assert!(openings.ended(at(1), OpeningId(0)).is_empty());
        assert_eq!(openings.unclosed().count(), 0);
    }
}
