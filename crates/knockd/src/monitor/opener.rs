//! Opens and closes doors: what the openings ask for is run, what came of it is told, and both go into the log.

use std::{net::IpAddr, os::unix::process::ExitStatusExt, process::ExitStatus, sync::Arc, time::Duration};

use knock_core::{config::DoorConfig, moment::Moment};

use super::{
    commands::{Commands, Output, Progress},
    openings::{Deed, Opening, Openings},
};
use crate::log::{Line, Log};

/// The openings and their commands.
#[derive(Debug)]
pub struct Opener {
    openings: Openings,
    commands: Commands,
}

impl Opener {
    /// Runs at most `at_once` commands at the same time.
    #[must_use]
    pub fn new(at_once: usize, output: Output) -> Self {
        Self { openings: Openings::default(), commands: Commands::new(at_once, output) }
    }

    /// Changes how many commands may run at once.
    pub fn set_at_once(&mut self, at_once: usize) {
        self.commands.set_at_once(at_once);
    }

    /// When [`Opener::pass_time`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.openings.next_deadline().into_iter().chain(self.commands.next_deadline()).min()
    }

    /// Opens a door for somebody who has completed its sequence; so many of the same name stand before it.
    pub fn open(&mut self, now: Moment, door: &DoorConfig, ordinal: usize, source: IpAddr, log: &Log) {
        let expanded = |command: Option<&str>| command.map(|text| text.replace("%IP%", &source.to_string()));
        let opening = Opening {
            door: door.name.as_str().into(),
            ordinal,
            source,
            start: expanded(door.start(source)),
            stop: expanded(door.stop(source)),
            stay: door.cmd_timeout,
        };
        let deeds = self.openings.open(now, opening, door.reknock);
        self.perform(now, deeds, log);
    }

    /// Takes in the commands that have ended; to be called when a child has died.
    pub fn reap(&mut self, now: Moment, log: &Log) {
        let mut progress = Vec::new();
        self.commands.reap(now, &mut |one| progress.push(one));
        for one in progress {
            self.take_in(now, one, log);
        }
        self.start_waiting(now, log);
    }

    /// Closes what has been open long enough, and reports the commands that hang.
    pub fn pass_time(&mut self, now: Moment, log: &Log) {
        self.commands.note_hanging(now, &mut |progress| {
            if let Progress::Hanging(job, since) = progress {
                log.say(Line::CommandHangs { door: job.door, command: job.command, since });
            }
        });
        let deeds = self.openings.close_due(now);
        self.perform(now, deeds, log);
    }

    /// Closes every opening now; what has not begun to open never will.
    pub fn close_all(&mut self, now: Moment, log: &Log) {
        for job in self.commands.cancel_openings() {
            self.openings.abandon(job.opening);
        }
        let deeds = self.openings.close_all();
        self.perform(now, deeds, log);
    }

    /// Whether nothing is open and nothing runs.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.openings.is_empty() && self.commands.is_idle()
    }

    /// Closes even what a command is still opening.
    pub fn close_hanging(&mut self, now: Moment, log: &Log) {
        let deeds = self.openings.close_hanging();
        self.perform(now, deeds, log);
    }

    /// What is not closed yet.
    pub fn unclosed(&self) -> impl Iterator<Item = &Opening> {
        self.openings.unclosed()
    }

    fn perform(&mut self, now: Moment, deeds: Vec<Deed>, log: &Log) {
        for deed in deeds {
            match deed {
                Deed::Run(job) => self.commands.submit(job),
                Deed::SayTimeout(door, source) => log.say(Line::CommandTimeout { source, door }),
                Deed::SayExtended(door, source) => {
                    log.say(Line::note(format!("{source}: {door}: stays open longer")));
                }
            }
        }
        self.start_waiting(now, log);
    }

    fn start_waiting(&mut self, now: Moment, log: &Log) {
        loop {
            let mut progress = Vec::new();
            self.commands.start(now, &mut |one| progress.push(one));
            // A command that was only put off frees nobody's place.
            let is_over = progress.iter().all(|one| matches!(one, Progress::Delayed(..)));
            for one in progress {
                self.take_in(now, one, log);
            }
            if is_over {
                return;
            }
        }
    }

    fn take_in(&mut self, now: Moment, progress: Progress, log: &Log) {
        let opening = match progress {
            Progress::Started(job) => {
                log.say(Line::Running { door: job.door, command: job.command });
                return;
            }
            Progress::Hanging(..) => return,
            Progress::Delayed(job, error, pause) => {
                let reason = format!("{error}; trying again in {} s", pause.as_secs_f64());
                log.say(Line::CommandNotStarted { door: job.door, reason });
                return;
            }
            Progress::Ended(job, status, took) => {
                say_end(job.door, status, took, log);
                job.opening
            }
            Progress::Failed(job, error) => {
                log.say(Line::CommandNotStarted { door: job.door, reason: error.to_string() });
                job.opening
            }
        };
        for deed in self.openings.ended(now, opening) {
            if let Deed::Run(job) = deed {
                self.commands.submit(job);
            }
        }
    }
}

fn say_end(door: Arc<str>, status: ExitStatus, took: Duration, log: &Log) {
    if let Some(signal) = status.signal() {
        log.say(Line::CommandKilled { door, signal, took });
        return;
    }
    if let Some(status) = status.code().filter(|code| *code != 0) {
        log.say(Line::CommandFailed { door: Arc::clone(&door), status });
    }
    log.say(Line::Ran { door, took });
}
