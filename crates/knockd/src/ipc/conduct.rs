//! How a watcher behaves, held against what an honest one can do.

use knock_core::{
    door::{Door, DoorNumber},
    event::{Event, Kind, What},
    host,
    moment::Moment,
};
use thiserror::Error;

use super::{Report, pace};
use crate::limit::Limit;

/// What one watcher has said and was asked so far. It knows nothing of packets: it finds out what can't be true and what
/// is too much, not what is a lie.
#[derive(Debug)]
pub struct Conduct {
    /// Whether it was told to explain why hits did nothing.
    explains: bool,
    is_confined: bool,
    unanswered: u32,
    answers: u64,
    events: Limit<Kind>,
    openings: Limit<Share>,
    sums: Limit<Sum>,
}

/// What no honest watcher does. Who does it was taken over, or is broken, and can't be believed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Misconduct {
    /// Something before [`Report::Confined`], or that twice, or an answer to no question.
    #[error("a report out of turn")]
    OutOfTurn,
    /// It was not told to explain.
    #[error("an explanation that nobody asked for")]
    Unasked,
    /// An attempt can't be at that stage, or a door open after so many knocks.
    #[error("an impossible stage")]
    Stage,
    /// Nobody can knock from there.
    #[error("an impossible source")]
    Source,
    /// An honest watcher would have left them out.
    #[error("more {0} than there can be")]
    TooMany(&'static str),
}

/// Openings that share a bucket.
///
/// The number of a one-time door changes with every opening, and these are not to be given a bucket each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    Door(DoorNumber),
    OneTime,
    /// Doors that stand no more, or never did.
    Unknown,
}

/// Reports of how much there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sum {
    LeftOut(Kind),
    Dropped,
    Lost,
    Deaf,
}

impl Conduct {
    /// Of a watcher that was just started, and told to explain why hits did nothing or not to.
    #[must_use]
    pub fn new(explains: bool) -> Self {
        Self {
            explains,
            is_confined: false,
            unanswered: 0,
            answers: 0,
            events: Limit::new(pace::BORNE_EVENTS),
            openings: Limit::new(pace::BORNE_OPENINGS),
            sums: Limit::new(pace::BORNE_SUMS),
        }
    }

    /// Takes in that it was asked [`super::Order::Confirm`].
    pub fn ask(&mut self) {
        self.unanswered = self.unanswered.saturating_add(1);
    }

    /// Whether it has said what it has given up.
    #[must_use]
    pub fn is_confined(&self) -> bool {
        self.is_confined
    }

    /// Whether it was asked something that it has not answered.
    #[must_use]
    pub fn owes_answer(&self) -> bool {
        self.unanswered > 0
    }

    /// How often it has answered.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// Takes in a report that was read at the time `now`. `find` knows the doors that stand, and those that the watcher
    /// may take for standing.
    pub fn examine(
        &mut self,
        now: Moment,
        report: &Report,
        find: impl FnOnce(DoorNumber) -> Option<Door>,
    ) -> Result<(), Misconduct> {
        let is_in_turn = match report {
            Report::Confined(_) => !self.is_confined,
            // The last one, whenever it comes.
            Report::Forbidden(_) => true,
            _ => self.is_confined,
        };
        if !is_in_turn {
            return Err(Misconduct::OutOfTurn);
        }
        match report {
            Report::Forbidden(_) => {}
            Report::Confined(_) => self.is_confined = true,
            Report::Ready => {
                self.unanswered = self.unanswered.checked_sub(1).ok_or(Misconduct::OutOfTurn)?;
                self.answers = self.answers.saturating_add(1);
            }
            Report::Happened(event) => self.examine_event(now, event, find(event.door))?,
            Report::LeftOut(kind, _) => {
                self.expect_to_explain(*kind)?;
                self.count(now, Sum::LeftOut(*kind))?;
            }
            Report::Dropped(_) => self.count(now, Sum::Dropped)?,
            Report::Lost(_) => self.count(now, Sum::Lost)?,
            Report::Deaf(..) => self.count(now, Sum::Deaf)?,
        }
        Ok(())
    }

    fn examine_event(&mut self, now: Moment, event: &Event, door: Option<Door>) -> Result<(), Misconduct> {
        let (is_moderate, sort) = match event.what.kind() {
            Some(kind) => (self.events.passes(kind, now), "events"),
            None => (self.openings.passes(Share::of(door.as_ref()), now), "openings"),
        };
        if !is_moderate {
            return Err(Misconduct::TooMany(sort));
        }
        if event.what.kind() == Some(Kind::Ignored) {
            return self.expect_to_explain(Kind::Ignored);
        }
        if host::is_nobody(event.source) {
            return Err(Misconduct::Source);
        }
        let Some(door) = door else { return Ok(()) };
        let knocks = door.sequence.knocks().len();
        let is_possible = match event.what {
            What::Opened(stage) => usize::from(stage) == knocks,
            What::Stage(stage)
            | What::Discarded { stage, .. }
            | What::TimedOut(stage)
            | What::GaveWay(stage) => (1..knocks).contains(&usize::from(stage)),
            What::Ignored { .. } => true,
        };
        is_possible.then_some(()).ok_or(Misconduct::Stage)
    }

    fn expect_to_explain(&self, kind: Kind) -> Result<(), Misconduct> {
        if kind == Kind::Ignored && !self.explains { Err(Misconduct::Unasked) } else { Ok(()) }
    }

    fn count(&mut self, now: Moment, sum: Sum) -> Result<(), Misconduct> {
        self.sums.passes(sum, now).then_some(()).ok_or(Misconduct::TooMany("sums"))
    }
}

impl Share {
    fn of(door: Option<&Door>) -> Self {
        match door {
            Some(door) if door.one_time => Self::OneTime,
            Some(door) => Self::Door(door.number),
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
