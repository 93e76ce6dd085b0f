//! How often what is said was said.
//!
//! All that there is to count is said as a [`Line`], and counted when it is, before anything is left out of the log. So
//! there is one place for it, and nobody who says something has to think of it. What the watcher left out is counted
//! too: of that the doors and stages are not known.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use knock_core::{
    event::{self, What},
    sequence::Sequence,
};

use super::{By, Kind, Line, Purpose};
use crate::metrics::Histogram;

/// What was counted since the daemon was started.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// By the names of doors.
    pub doors: BTreeMap<Arc<str>, DoorCounts>,
    /// Events that nobody was told one by one.
    pub left_out: BTreeMap<event::Kind, u64>,
}

/// What was counted at a door.
#[derive(Clone, Debug)]
pub struct DoorCounts {
    /// How often an attempt has reached each stage, from the first on; at the last one the sequence was complete.
    pub stages: [u64; Sequence::MAX_KNOCKS],
    /// How often it has opened.
    pub opened: u64,
    /// How often it has not, although its sequence was complete.
    pub not_opened: u64,
    /// Attempts that a wrong port has ended.
    pub wrong_port: u64,
    /// Attempts whose time was over.
    pub timed_out: u64,
    /// Attempts that had to make room.
    pub gave_way: u64,
    /// How long it took from a packet until the kernel let its source in.
    pub let_in_after: Histogram,
    /// How long it took from a packet until a start command was started.
    pub started_after: Histogram,
    /// What its commands did.
    pub commands: BTreeMap<Purpose, CommandCounts>,
}

/// What was counted of commands for the same purpose.
#[derive(Clone, Debug)]
pub struct CommandCounts {
    /// How long they took that have ended.
    pub took: Histogram,
    /// How many had another exit status than 0.
    pub failed: u64,
    /// How many a signal has ended.
    pub killed: u64,
    /// How often one could not be started.
    pub not_started: u64,
}

impl Counts {
    /// Takes in a line that is said.
    pub(super) fn take(&mut self, line: &Line) {
        match line {
            Line::Attempt { door, what, .. } => self.door(door).take(*what),
            Line::NotOpened { door, .. }
            | Line::StaysShut { door, .. }
            | Line::OneTimeNotMarked { door, .. } => self.door(door).not_opened += 1,
            Line::Ran { door, purpose, took, .. } => self.command(door, *purpose).took.take(*took),
            Line::CommandFailed { door, purpose, .. } => self.command(door, *purpose).failed += 1,
            Line::CommandKilled { door, purpose, took, .. } => {
                let command = self.command(door, *purpose);
                command.killed += 1;
                command.took.take(*took);
            }
            Line::CommandNotStarted { door, purpose, .. } => self.command(door, *purpose).not_started += 1,
            _ => {}
        }
    }

    /// Takes in that so many lines of a kind are left out by whoever would have said them.
    pub(super) fn leave_out(&mut self, kind: Kind, count: u64) {
        if let Kind::Attempt(kind) = kind {
            *self.left_out.entry(kind).or_default() += count;
        }
    }

    /// Takes in how long it took from a packet until its source was let in.
    pub(super) fn let_in(&mut self, door: &Arc<str>, by: By, after: Duration) {
        let door = self.door(door);
        let times = match by {
            By::Kernel => &mut door.let_in_after,
            By::Command => &mut door.started_after,
        };
        times.take(after);
    }

    /// Forgets the doors that are not to be `kept`.
    pub(super) fn keep_doors(&mut self, kept: impl Fn(&str) -> bool) {
        self.doors.retain(|door, _| kept(door));
    }

    fn door(&mut self, name: &Arc<str>) -> &mut DoorCounts {
        self.doors.entry(Arc::clone(name)).or_default()
    }

    fn command(&mut self, door: &Arc<str>, purpose: Purpose) -> &mut CommandCounts {
        self.door(door).commands.entry(purpose).or_default()
    }
}

impl DoorCounts {
    fn take(&mut self, what: What) {
        match what {
            What::Stage(stage) => {
                let place = usize::from(stage).wrapping_sub(1);
                if let Some(count) = self.stages.get_mut(place) {
                    *count += 1;
                }
            }
            What::Opened(_) => self.opened += 1,
            What::Discarded { .. } => self.wrong_port += 1,
            What::TimedOut(_) => self.timed_out += 1,
            What::GaveWay(_) => self.gave_way += 1,
            What::Ignored { .. } => {}
        }
    }
}

impl Default for DoorCounts {
    fn default() -> Self {
        Self {
            stages: [0; Sequence::MAX_KNOCKS],
            opened: 0,
            not_opened: 0,
            wrong_port: 0,
            timed_out: 0,
            gave_way: 0,
            let_in_after: Histogram::new(&LATENCIES),
            started_after: Histogram::new(&LATENCIES),
            commands: BTreeMap::new(),
        }
    }
}

impl Default for CommandCounts {
    fn default() -> Self {
        Self { took: Histogram::new(&DURATIONS), failed: 0, killed: 0, not_started: 0 }
    }
}

/// From a packet to an opening: tens of microseconds on a machine at rest, seconds on one that has no time.
const LATENCIES: [Duration; 14] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(200),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// A command: a shell takes a millisecond, and after 30 seconds others no longer wait for it.
const DURATIONS: [Duration; 13] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::samples;

    #[test]
    fn every_event_counts_once_in_its_place() {
        let mut counts = Counts::default();
        for line in &samples::every_event() {
            counts.take(line);
        }
        let door = &counts.doors["ssh"];
        assert_eq!((door.stages[0], door.stages.iter().sum::<u64>()), (1, 1));
        assert_eq!((door.opened, door.not_opened), (1, 3));
        assert_eq!((door.wrong_port, door.timed_out, door.gave_way), (1, 1, 1));
        let command = &door.commands[&Purpose::Start];
        assert_eq!((command.failed, command.killed, command.not_started), (1, 1, 1));
        assert_eq!(command.took.count(), 2);
        assert_eq!(counts.doors.len(), 1);
    }

    #[test]
    fn what_is_left_out_counts_too() {
        let mut counts = Counts::default();
        for _ in 0..2 {
            counts.leave_out(Kind::Attempt(event::Kind::Stage), u64::from(u32::MAX));
            counts.leave_out(Kind::Text, 1);
        }
        assert_eq!(counts.left_out, BTreeMap::from([(event::Kind::Stage, 2 * u64::from(u32::MAX))]));
    }

    #[test]
    fn doors_that_are_gone_are_forgotten() {
        let mut counts = Counts::default();
        for door in ["a", "b"] {
            counts.let_in(&door.into(), By::Kernel, Duration::from_millis(1));
        }
        counts.keep_doors(|name| name == "b");
        assert_eq!(counts.doors.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), ["b"]);
    }
}
