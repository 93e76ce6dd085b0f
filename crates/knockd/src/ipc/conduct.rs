//! How a watcher behaves, held against what an honest one can do.

use std::net::IpAddr;

use knock_core::{
    door::{Door, DoorNumber},
    event::{Event, Kind, What},
    explanation::Explanation,
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
    /// Whose hits it was told to explain beside.
    explained: Vec<Explained>,
    is_confined: bool,
    unanswered: u32,
    answers: u64,
    events: Limit<Kind>,
    openings: Limit<Share>,
    explanations: Limit<()>,
    sums: Limit<Sum>,
}

/// A source that it explains.
#[derive(Clone, Copy, Debug)]
struct Explained {
    source: IpAddr,
    /// After how many answers it must have heard that it is to do so no longer.
    until: Option<u64>,
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
    /// No packet, or time alone, does this.
    #[error("an impossible explanation")]
    Explanation,
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
    Unexplained,
    Deaf,
}

impl Conduct {
    /// Of a watcher that was just started, and told to explain why hits did nothing or not to.
    #[must_use]
    pub fn new(explains: bool) -> Self {
        Self {
            explains,
            explained: Vec::new(),
            is_confined: false,
            unanswered: 0,
            answers: 0,
            events: Limit::new(pace::BORNE_EVENTS),
            openings: Limit::new(pace::BORNE_OPENINGS),
            explanations: Limit::new(pace::BORNE_EXPLANATIONS),
            sums: Limit::new(pace::BORNE_SUMS),
        }
    }

    /// Takes in that it was asked [`super::Order::Confirm`].
    pub fn ask(&mut self) {
        self.unanswered = self.unanswered.saturating_add(1);
    }

    /// Takes in that it was told [`super::Order::Explain`].
    pub fn explain(&mut self, source: IpAddr) {
        self.explained.retain(|explained| explained.source != source);
        self.explained.push(Explained { source, until: None });
    }

    /// Takes in that it was told [`super::Order::ExplainNoMore`]: what it has said before it heard that is on its way
    /// until it answers the next question.
    pub fn explain_no_more(&mut self, source: IpAddr) {
        let heard = self.answers.saturating_add(u64::from(self.unanswered)).saturating_add(1);
        for explained in self.explained.iter_mut().filter(|explained| explained.source == source) {
            explained.until = Some(heard);
        }
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
            Report::Ready(_) => {
                self.unanswered = self.unanswered.checked_sub(1).ok_or(Misconduct::OutOfTurn)?;
                self.answers = self.answers.saturating_add(1);
                self.explained.retain(|explained| explained.until.is_none_or(|until| self.answers < until));
            }
            Report::Happened(event) => self.examine_event(now, event, find(event.door).as_ref())?,
            Report::LeftOut(kind, _) => {
                self.expect_to_explain(*kind)?;
                self.count(now, Sum::LeftOut(*kind))?;
            }
            Report::Explained(explanation) => {
                let door = find(explanation.event.door);
                self.examine_explanation(now, explanation, door.as_ref())?;
            }
            Report::Unexplained(_) if self.explained.is_empty() => return Err(Misconduct::Unasked),
            Report::Unexplained(_) => self.count(now, Sum::Unexplained)?,
            Report::Dropped(_) => self.count(now, Sum::Dropped)?,
            Report::Lost(_) => self.count(now, Sum::Lost)?,
            Report::Deaf(..) => self.count(now, Sum::Deaf)?,
        }
        Ok(())
    }

    fn examine_event(&mut self, now: Moment, event: &Event, door: Option<&Door>) -> Result<(), Misconduct> {
        let (is_moderate, sort) = match event.what.kind() {
            Some(kind) => (self.events.passes(kind, now), "events"),
            None => (self.openings.passes(Share::of(door), now), "openings"),
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
        is_possible(event.what, door).then_some(()).ok_or(Misconduct::Stage)
    }

    fn examine_explanation(
        &mut self,
        now: Moment,
        Explanation { event, packet }: &Explanation,
        door: Option<&Door>,
    ) -> Result<(), Misconduct> {
        if !self.explained.iter().any(|explained| explained.source == event.source) {
            return Err(Misconduct::Unasked);
        }
        if !self.explanations.passes((), now) {
            return Err(Misconduct::TooMany("explanations"));
        }
        if event.what.is_of_a_hit() != packet.is_some() {
            return Err(Misconduct::Explanation);
        }
        is_possible(event.what, door).then_some(()).ok_or(Misconduct::Stage)
    }

    fn expect_to_explain(&self, kind: Kind) -> Result<(), Misconduct> {
        if kind == Kind::Ignored && !self.explains { Err(Misconduct::Unasked) } else { Ok(()) }
    }

    fn count(&mut self, now: Moment, sum: Sum) -> Result<(), Misconduct> {
        self.sums.passes(sum, now).then_some(()).ok_or(Misconduct::TooMany("sums"))
    }
}

/// Whether it can happen at this door; anything can at one that stands no more.
fn is_possible(what: What, door: Option<&Door>) -> bool {
    let Some(door) = door else { return true };
    let knocks = door.sequence.knocks().len();
    match what {
        What::Opened(stage) => usize::from(stage) == knocks,
        What::Stage(stage) | What::Discarded { stage, .. } | What::TimedOut(stage) | What::GaveWay(stage) => {
            (1..knocks).contains(&usize::from(stage))
        }
        What::Ignored { .. } => true,
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
