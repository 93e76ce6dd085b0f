//! Doors that stand open for somebody, from the knock to the end of the stop command.
//!
//! Nothing is run or written here: every call returns what is to be done. What is to be closed is noted in the journal
//! before anything is run that opens it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use knock_core::{config::Reknock, moment::Moment};

use super::job::Job;
use crate::journal::OpeningId;

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
    /// Note that this opening has begun, and say with [`Openings::noted`] or [`Openings::refused`] what came of it.
    NoteOpened(OpeningId, Opening),
    /// Note how long an opening lasts from now.
    NoteLasts(OpeningId, Duration),
    /// Note that an opening is over.
    NoteClosed(OpeningId),
    /// End what still runs of an opening before it is closed.
    EndRemains(OpeningId, Arc<str>, IpAddr),
    /// Run a command.
    Run(Job),
    /// Say that an opening's time is over.
    SayTimeout(Arc<str>, IpAddr),
    /// Say that a door is open for this time from now on.
    SayOpened(Arc<str>, IpAddr, Duration),
    /// Say that an opening lasts longer; for which time from now on, if that is known.
    SayExtended(Arc<str>, IpAddr, Option<Duration>),
    /// Say that a door is closed.
    SayClosed(Arc<str>, IpAddr),
    /// Say that a door is not opened, as too many wait for it or another.
    SayTooMany(Arc<str>, IpAddr),
}

impl Deed {
    /// The opening that begins with it.
    #[must_use]
    pub fn begun(&self) -> Option<OpeningId> {
        match self {
            Self::NoteOpened(id, opening) if opening.start.is_some() => Some(*id),
            Self::Run(job) if !job.closes => Some(job.opening),
            _ => None,
        }
    }
}

/// All openings.
#[derive(Debug)]
pub struct Openings {
    next: u64,
    states: BTreeMap<OpeningId, State>,
    closing_times: BTreeSet<(Moment, OpeningId)>,
    /// The latest opening of a door for a source.
    latest: BTreeMap<(Arc<str>, usize, IpAddr), OpeningId>,
    /// Openings that begin when another has been closed: by that other.
    successors: BTreeMap<OpeningId, OpeningId>,
    /// How many are not open yet.
    waiting: usize,
}

/// The most openings that wait for the journal or their start command. Beyond, somebody who knows a sequence plays with
/// it, or the commands have long stopped to keep up.
const MOST_WAITING: usize = 8192;

#[derive(Debug)]
struct State {
    opening: Opening,
    phase: Phase,
    /// Whether the daemon of before has begun it: nobody knows if it was ever open, or is still.
    is_old: bool,
    /// Whether a start command may still run: our own that hangs, or one of the daemon of before.
    may_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is to be noted before anything else.
    Noting,
    /// It begins when the one before it is closed.
    Queued,
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
    /// None yet; those to come are numbered from `first` on.
    #[must_use]
    pub fn new(first: OpeningId) -> Self {
        Self {
            next: first.0,
            states: BTreeMap::new(),
            closing_times: BTreeSet::new(),
            latest: BTreeMap::new(),
            successors: BTreeMap::new(),
            waiting: 0,
        }
    }

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
    ///
    /// What the daemon of before has opened is closed first: whether it is open at all, nobody knows. When too many wait
    /// already it is not opened.
    pub fn open(&mut self, now: Moment, opening: Opening, reknock: Reknock) -> Vec<Deed> {
        if reknock == Reknock::Extend
            && let Some(mut deeds) = self.extend(now, &opening)
        {
            let left = deeds.iter().find_map(|deed| match deed {
                Deed::NoteLasts(_, left) => Some(*left),
                _ => None,
            });
            deeds.push(Deed::SayExtended(opening.door, opening.source, left));
            return deeds;
        }
        if self.waiting >= MOST_WAITING {
            return vec![Deed::SayTooMany(opening.door, opening.source)];
        }
        let id = OpeningId(self.next);
        self.next = self.next.wrapping_add(1);
        let before = self.latest.insert(opening.key(), id);
        let mut deeds = Vec::new();
        if reknock == Reknock::Extend
            && let Some(old) = before.filter(|old| self.is_still_open_from_before(*old, &opening))
        {
            deeds = self.close(old);
            self.successors.insert(old, id);
        }
        let has_end = opening.stop.is_some();
        let noting = has_end.then(|| Deed::NoteOpened(id, opening.clone()));
        self.states.insert(id, State { opening, phase: Phase::Noting, is_old: false, may_run: false });
        self.waiting += 1;
        deeds.extend(noting.map_or_else(|| self.noted(now, id), |deed| vec![deed]));
        deeds
    }

    /// Takes in that an opening is noted: now it may begin.
    pub fn noted(&mut self, now: Moment, id: OpeningId) -> Vec<Deed> {
        let has_to_wait = self.successors.values().any(|successor| *successor == id);
        match self.states.get_mut(&id) {
            Some(state) if state.phase == Phase::Noting && has_to_wait => {
                state.enter(Phase::Queued, &mut self.waiting);
            }
            Some(state) if state.phase == Phase::Noting => return self.start(now, id),
            _ => {}
        }
        Vec::new()
    }

    fn start(&mut self, now: Moment, id: OpeningId) -> Vec<Deed> {
        let Some(state) = self.states.get_mut(&id) else { return Vec::new() };
        state.enter(Phase::Starting, &mut self.waiting);
        match state.opening.start.clone() {
            Some(command) => vec![Deed::Run(state.job(id, command, false))],
            None => self.started(now, id),
        }
    }

    /// Takes in that an opening could not be noted, so that nobody could promise that it is closed: it never begins.
    pub fn refused(&mut self, id: OpeningId) -> Option<Opening> {
        self.forget(id)
    }

    /// Takes up an opening from before the daemon was started, which is to be closed in `left`.
    pub fn take_up(&mut self, now: Moment, id: OpeningId, opening: Opening, left: Duration) {
        let until = now.after(left);
        self.latest.insert(opening.key(), id);
        self.states.insert(id, State { opening, phase: Phase::Open(until), is_old: true, may_run: true });
        self.closing_times.insert((until, id));
    }

    /// Takes in that the start command of an opening has ended, however it did.
    pub fn started(&mut self, now: Moment, id: OpeningId) -> Vec<Deed> {
        let Some(state) = self.states.get_mut(&id) else { return Vec::new() };
        let mut at_least = now;
        match state.phase {
            _ if state.opening.stop.is_none() => return self.end(id),
            // Its end was not waited for.
            Phase::Stopping => return Vec::new(),
            Phase::StartingToClose => return self.close(id),
            Phase::Open(until) => {
                self.closing_times.remove(&(until, id));
                // Somebody may have extended it.
                at_least = until;
            }
            _ => {}
        }
        state.may_run = false;
        self.stands_open(now, id, at_least)
    }

    /// Takes in that the start command of an opening does not end. The door may be open: its time counts from now, and
    /// what still runs then is ended before it is closed; at once if that was to be done when it has ended.
    pub fn hangs(&mut self, now: Moment, id: OpeningId) -> Vec<Deed> {
        let is_to_be_closed = |state: &&mut State| state.opening.stop.is_some();
        let Some(state) = self.states.get_mut(&id).filter(is_to_be_closed) else { return Vec::new() };
        match state.phase {
            Phase::Starting => {
                state.may_run = true;
                self.stands_open(now, id, now)
            }
            Phase::StartingToClose => {
                state.may_run = true;
                self.close(id)
            }
            Phase::Noting | Phase::Queued | Phase::Open(_) | Phase::Stopping => Vec::new(),
        }
    }

    /// Takes in that the stop command of an opening has ended, however it did.
    pub fn stopped(&mut self, now: Moment, id: OpeningId) -> Vec<Deed> {
        let closed =
            self.states.get(&id).map(|State { opening, .. }| (Arc::clone(&opening.door), opening.source));
        let mut deeds = self.end(id);
        deeds.extend(closed.map(|(door, source)| Deed::SayClosed(door, source)));
        let successor = self.successors.remove(&id);
        let is_next = |id: &OpeningId| self.states.get(id).is_some_and(|state| state.phase == Phase::Queued);
        if let Some(next) = successor.filter(is_next) {
            deeds.extend(self.start(now, next));
        }
        deeds
    }

    /// Takes in that the command of an opening was never run: there is nothing to close.
    pub fn abandon(&mut self, id: OpeningId) -> Vec<Deed> {
        self.end(id)
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

    /// Closes everything, whatever its time. What is not even noted never begins.
    pub fn close_all(&mut self) -> Vec<Deed> {
        let is_unbegun = |state: &State| matches!(state.phase, Phase::Noting | Phase::Queued);
        let unbegun = self.states.iter().filter(|(_, state)| is_unbegun(state));
        let unbegun: Vec<OpeningId> = unbegun.map(|(id, _)| *id).collect();
        let mut deeds: Vec<Deed> = unbegun.into_iter().flat_map(|id| self.end(id)).collect();
        for state in self.states.values_mut().filter(|state| state.phase == Phase::Starting) {
            state.enter(Phase::StartingToClose, &mut self.waiting);
        }
        let open: Vec<OpeningId> = self.closing_times.iter().map(|(_, id)| *id).collect();
        deeds.extend(open.into_iter().flat_map(|id| self.close(id)));
        deeds
    }

    /// Closes even what is still being opened: its start command has had its time.
    pub fn close_hanging(&mut self) -> Vec<Deed> {
        let hanging = self.states.iter().filter(|(_, state)| state.phase == Phase::StartingToClose);
        let hanging: Vec<OpeningId> = hanging.map(|(id, _)| *id).collect();
        for id in &hanging {
            if let Some(state) = self.states.get_mut(id) {
                state.may_run = true;
            }
        }
        hanging.into_iter().flat_map(|id| self.close(id)).collect()
    }

    /// What is open, or being opened or closed, and would have to be closed.
    pub fn unclosed(&self) -> impl Iterator<Item = &Opening> {
        self.states.values().map(|state| &state.opening).filter(|opening| opening.stop.is_some())
    }

    /// Moves the closing time of the latest opening; nothing if there is none that is still to be closed.
    fn extend(&mut self, now: Moment, wanted: &Opening) -> Option<Vec<Deed>> {
        let id = *self.latest.get(&wanted.key())?;
        let state = self.states.get_mut(&id).filter(|state| !state.is_old)?;
        if (&state.opening.start, &state.opening.stop) != (&wanted.start, &wanted.stop) {
            // A reload has changed what the door does: this opening is another.
            return None;
        }
        match state.phase {
            Phase::Noting | Phase::Queued | Phase::Starting => Some(Vec::new()),
            Phase::StartingToClose | Phase::Stopping => None,
            Phase::Open(until) => {
                let later = now.after(wanted.stay).max(until);
                state.enter(Phase::Open(later), &mut self.waiting);
                self.closing_times.remove(&(until, id));
                self.closing_times.insert((later, id));
                Some(vec![Deed::NoteLasts(id, later.since(now))])
            }
        }
    }

    /// Its time counts from now.
    fn stands_open(&mut self, now: Moment, id: OpeningId, at_least: Moment) -> Vec<Deed> {
        let Some(state) = self.states.get_mut(&id) else { return Vec::new() };
        let Opening { door, source, stay, .. } = &state.opening;
        let (door, source, stay) = (Arc::clone(door), *source, *stay);
        let until = now.after(stay).max(at_least);
        let left = until.since(now);
        state.enter(Phase::Open(until), &mut self.waiting);
        self.closing_times.insert((until, id));
        vec![Deed::NoteLasts(id, left), Deed::SayOpened(door, source, left)]
    }

    fn is_still_open_from_before(&self, id: OpeningId, wanted: &Opening) -> bool {
        let state = self.states.get(&id).filter(|state| state.is_old && state.opening.stop == wanted.stop);
        state.is_some_and(|state| matches!(state.phase, Phase::Open(_) | Phase::Stopping))
    }

    fn close(&mut self, id: OpeningId) -> Vec<Deed> {
        let Some(state) = self.states.get_mut(&id) else { return Vec::new() };
        match state.phase {
            Phase::Stopping => return Vec::new(),
            Phase::Open(until) => _ = self.closing_times.remove(&(until, id)),
            _ => {}
        }
        state.enter(Phase::Stopping, &mut self.waiting);
        let Opening { door, source, .. } = &state.opening;
        let remains = state.may_run.then(|| Deed::EndRemains(id, Arc::clone(door), *source));
        let stop = state.opening.stop.clone().map(|command| Deed::Run(state.job(id, command, true)));
        remains.into_iter().chain(stop).collect()
    }

    /// It is over.
    fn end(&mut self, id: OpeningId) -> Vec<Deed> {
        let noted = self.forget(id).filter(|opening| opening.stop.is_some());
        noted.map(|_| Deed::NoteClosed(id)).into_iter().collect()
    }

    fn forget(&mut self, id: OpeningId) -> Option<Opening> {
        let State { opening, phase, .. } = self.states.remove(&id)?;
        self.waiting -= usize::from(phase.waits());
        if let Phase::Open(until) = phase {
            self.closing_times.remove(&(until, id));
        }
        let key = opening.key();
        if self.latest.get(&key) == Some(&id) {
            self.latest.remove(&key);
        }
        Some(opening)
    }
}

impl Opening {
    /// What all openings of this door for this source have in common.
    fn key(&self) -> (Arc<str>, usize, IpAddr) {
        (Arc::clone(&self.door), self.ordinal, self.source)
    }
}

impl Phase {
    /// Whether it is on the way to being open.
    fn waits(self) -> bool {
        matches!(self, Self::Noting | Self::Queued | Self::Starting)
    }
}

impl State {
    fn enter(&mut self, phase: Phase, waiting: &mut usize) {
        *waiting -= usize::from(self.phase.waits());
        *waiting += usize::from(phase.waits());
        self.phase = phase;
    }

    fn job(&self, id: OpeningId, command: String, closes: bool) -> Job {
        Job { opening: id, door: self.opening.door.clone(), source: self.opening.source, closes, command }
    }
}

mod by_hand;
mod list;
#[cfg(test)]
mod tests;
