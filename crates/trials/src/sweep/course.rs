//! A daemon on its way through something, to the end of it or to its death.

use std::fmt;

use super::{Death, Uptime};
use crate::{
    net::{Daemon, Lab, PATIENCE, await_some},
    stepper::{Stepper, Stop},
    trouble::{Outcome, Trouble, ensure},
};

/// Whether the daemon was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was, at the step asked for.
    Killed,
    /// It has done everything before that step came.
    Lived,
}

/// One of the stops at which a daemon is killed.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Which, counted from 0.
    pub number: usize,
    /// What is counted.
    pub of: Steps,
}

/// Which stops are steps, from few to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// Those after system calls that leave something behind, at the births of processes, and when it is about to rest.
    Traces,
    /// Those after all other system calls as well.
    Returns,
    /// Those before system calls as well, though nothing is different there but the time.
    All,
}

impl Steps {
    fn include(self, stop: Stop) -> bool {
        match self {
            Self::Traces => Self::Returns.include(stop) && !stop.is_traceless(),
            Self::Returns => stop.is_rest() || !matches!(stop, Stop::Before(_)),
            Self::All => true,
        }
    }
}

/// How a daemon is led.
#[derive(Clone, Copy)]
pub(super) struct Leading<'a> {
    pub(super) lab: &'a Lab,
    /// Where it is killed.
    pub(super) step: Step,
    /// Who dies with it.
    pub(super) death: Death,
    /// Whether something has to be on the disk before it makes a process.
    pub(super) syncs_first: bool,
    /// Whether it has done everything, asked when it is about to rest and has no children but the watcher.
    pub(super) is_done: &'a dyn Fn(&Course) -> bool,
}

/// When it was about to rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    /// When the turn before began. All that has happened until the rest happened at this time for the daemon.
    pub(super) turn: Uptime,
    pub(super) at: Uptime,
}

/// What was seen of it.
#[derive(Debug)]
pub(super) struct Course {
    /// When it began.
    pub(super) begun: Uptime,
    /// When it was over.
    pub(super) ended: Uptime,
    pub(super) fate: Fate,
    /// How many processes it has made.
    pub(super) births: usize,
    /// For each such number, its first rest with no children but the watcher.
    rests: Vec<Option<Rest>>,
    /// When its turn began.
    awake: Uptime,
    latest: Vec<Stop>,
}

impl Leading<'_> {
    /// Leads the daemon from where it is halted. Returns it if it has lived; it is free and rests then.
    pub(super) fn lead(
        self,
        daemon: Daemon<'_>,
        mut stepper: Stepper,
    ) -> Outcome<(Course, Option<Daemon<'_>>)> {
        let mut course = Course::new(Uptime::now()?);
        let mut is_synced = false;
        let mut left = self.step.number;
        loop {
            let stop = stepper.advance()?;
            if course.latest.is_empty() {
                await_rest_of_watcher(&daemon)?;
            }
            is_synced |= stop.is_synced();
            let is_alone = course.pass(stop, &daemon)?;
            let is_early = self.syncs_first && course.births > 0 && !is_synced;
            ensure(!is_early, "a command is started and nothing was put on the disk before")
                .map_err(|trouble| trouble.at(&course))?;
            if is_alone && (self.is_done)(&course) {
                stepper.release()?;
                return Ok((course, Some(daemon)));
            }
            if !self.step.of.include(stop) {
                continue;
            }
            if left == 0 {
                break;
            }
            left -= 1;
        }
        self.death.strike(self.lab, daemon, Some(stepper))?;
        course.ended = Uptime::now()?;
        course.fate = Fate::Killed;
        Ok((course, None))
    }
}

impl Course {
    /// Its first rest with no children but the watcher after it had made so many processes.
    pub(super) fn rest_after(&self, births: usize) -> Option<Rest> {
        self.rests.get(births).copied().flatten()
    }

    fn new(begun: Uptime) -> Self {
        let (rests, latest) = (vec![None], Vec::new());
        Self { begun, ended: begun, fate: Fate::Lived, births: 0, rests, awake: begun, latest }
    }

    /// Returns whether it rests with no children but the watcher.
    fn pass(&mut self, stop: Stop, daemon: &Daemon<'_>) -> Outcome<bool> {
        self.latest.push(stop);
        if stop == Stop::Birth {
            self.births += 1;
            self.rests.push(None);
        }
        if stop.is_awakening() {
            self.awake = Uptime::now()?;
        }
        if !stop.is_rest() || daemon.children()?.len() != 1 {
            return Ok(false);
        }
        self.ended = Uptime::now()?;
        if let Some(rest) = self.rests.last_mut() {
            rest.get_or_insert(Rest { turn: self.awake, at: self.ended });
        }
        Ok(true)
    }
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} processes made", self.births)?;
        let skipped = self.latest.len().saturating_sub(SHOWN);
        self.latest.iter().skip(skipped).try_for_each(|stop| write!(f, ", {stop}"))
    }
}

/// How many of the last stops are told.
const SHOWN: usize = 6;

/// Waits until the watcher, if there is one, has told everything, so that the daemon learns it in one turn.
fn await_rest_of_watcher(daemon: &Daemon<'_>) -> Outcome {
    let rests = || daemon.watcher().map_or(true, |watcher| watcher.is_asleep).then_some(());
    await_some(PATIENCE, rests).ok_or_else(|| Trouble::new("the watcher does not come to rest"))
}
