//! Opens and closes doors: what the openings ask for is noted and run, what came of it is told, and both go into the
//! log.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    sync::Arc,
    time::Duration,
};

use knock_core::{config::DoorConfig, moment::Moment};

use super::{
    commands::{Commands, Output, Progress},
    job::Job,
    openings::{Deed, Opening, Openings},
    promises::{Committed, Promises},
    remains::Remains,
};
use crate::{
    clock,
    journal::{Journal, Left, OpeningId},
    log::{By, Line, Log},
};

/// The openings and their commands.
#[derive(Debug)]
pub struct Opener {
    openings: Openings,
    commands: Commands,
    promises: Promises,
    /// What the daemon of before has left running.
    remains: Remains,
    /// Whether the journal took nothing the last time.
    is_journal_broken: bool,
    /// When the packets came whose start commands have not begun yet.
    asked: BTreeMap<OpeningId, Moment>,
}

impl Opener {
    /// Runs at most `at_once` commands at the same time. Until there is a journal no door opens that is to be closed.
    #[must_use]
    pub fn new(at_once: usize, output: Output, remains: Remains) -> Self {
        Self {
            openings: Openings::new(OpeningId(RandomState::new().hash_one(()))),
            commands: Commands::new(at_once, output),
            promises: Promises::new(None),
            remains,
            is_journal_broken: false,
            asked: BTreeMap::new(),
        }
    }

    /// Changes how many commands may run at once.
    pub fn set_at_once(&mut self, at_once: usize) {
        self.commands.set_at_once(at_once);
    }

    /// Whether doors can open that are to be closed.
    #[must_use]
    pub fn has_journal(&self) -> bool {
        self.promises.can_be_made()
    }

    /// Takes the journal, if it can be had, and takes up what stands in it: what was left open before the daemon was
    /// started.
    pub fn take_up(&mut self, now: Moment, journal: Option<Journal>, left: Left, log: &Log) {
        self.promises = Promises::new(journal);
        for one in left.unclosed {
            let (id, found) = (one.opening.id, one.opening);
            let opening = Opening {
                door: found.door.as_str().into(),
                ordinal: found.ordinal,
                source: found.source,
                start: None,
                stop: Some(found.stop),
                stay: found.stay,
            };
            log.say(Line::LeftOpen {
                source: opening.source,
                door: Arc::clone(&opening.door),
                left: one.left,
            });
            self.openings.take_up(now, id, opening, one.left);
        }
        self.pass_time(now, log);
    }

    /// When [`Opener::pass_time`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.openings.next_deadline().into_iter().chain(self.commands.next_deadline()).min()
    }

    /// Opens a door for somebody who has completed its sequence; so many of the same name stand before it.
    ///
    /// A door that is to be closed begins to open with the next [`Opener::commit`]. `asked` is when the packet came that
    /// asks for it.
    pub fn open(
        &mut self,
        now: Moment,
        door: &DoorConfig,
        ordinal: usize,
        source: IpAddr,
        asked: Option<Moment>,
        log: &Log,
    ) {
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
        let begun = deeds.iter().find_map(Deed::begun);
        self.asked.extend(begun.zip(asked));
        self.perform(now, deeds, log);
    }

    /// Writes the journal, and begins the openings that waited for it. Those that can't be promised to be closed are
    /// refused.
    pub fn commit(&mut self, now: Moment, log: &Log) {
        if self.promises.are_behind() {
            log.release();
        }
        while let Some(Committed { waiting, failed }) = self.promises.commit() {
            match failed {
                None => {
                    self.is_journal_broken = false;
                    let deeds = waiting.into_iter().flat_map(|id| self.openings.noted(now, id)).collect();
                    self.perform(now, deeds, log);
                }
                Some(reason) => {
                    self.refuse(waiting, &reason, log);
                    return;
                }
            }
        }
    }

    /// Takes in the commands that have ended; to be called when a child has died.
    pub fn reap(&mut self, log: &Log) {
        let mut progress = Vec::new();
        self.commands.reap(clock::now(), &mut |one| progress.push(one));
        // None has ended later: no door is closed before its time.
        let now = clock::now();
        for one in progress {
            self.take_in(now, one, log);
        }
        self.start_waiting(now, log);
    }

    /// Closes what has been open long enough, and reports the commands that hang.
    pub fn pass_time(&mut self, now: Moment, log: &Log) {
        let mut hanging = Vec::new();
        self.commands.note_hanging(now, &mut |progress| {
            if let Progress::Hanging(job, since) = progress {
                hanging.extend((!job.closes).then_some(job.opening));
                let (source, purpose) = (job.source, job.purpose());
                log.say(Line::CommandHangs { door: job.door, source, purpose, command: job.command, since });
            }
        });
        let mut deeds: Vec<Deed> = hanging.into_iter().flat_map(|id| self.openings.hangs(now, id)).collect();
        deeds.extend(self.openings.close_due(now));
        self.perform(now, deeds, log);
    }

    /// Closes every opening now; what has not begun to open never will.
    pub fn close_all(&mut self, now: Moment, log: &Log) {
        for job in self.commands.cancel_openings() {
            self.asked.remove(&job.opening);
            let deeds = self.openings.abandon(job.opening);
            self.perform(now, deeds, log);
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

    /// Closes what doors of this name have open, for this source or for all, before its time. Tells how many.
    pub fn close(&mut self, now: Moment, door: &str, source: Option<IpAddr>, log: &Log) -> usize {
        let (count, deeds) = self.openings.close_by_hand(door, source);
        self.perform(now, deeds, log);
        count
    }

    /// Has what doors of this name have open for this source stay so for longer. Tells for how long from now on; none if
    /// none is open.
    pub fn extend(
        &mut self,
        now: Moment,
        door: &str,
        source: IpAddr,
        by: Duration,
        log: &Log,
    ) -> Option<Duration> {
        let (left, deeds) = self.openings.extend_by_hand(now, door, source, by);
        self.perform(now, deeds, log);
        left
    }

    /// What is open by commands, or about to be or to be closed.
    #[must_use]
    pub fn openings(&self) -> &Openings {
        &self.openings
    }

    /// What is not closed yet.
    pub fn unclosed(&self) -> impl Iterator<Item = &Opening> {
        self.openings.unclosed()
    }

    fn refuse(&mut self, waiting: Vec<OpeningId>, reason: &str, log: &Log) {
        if waiting.is_empty() && !self.is_journal_broken {
            log.say(Line::warning(format!(
                "cannot note what is closed, so it may be closed once more at the next start: {reason}"
            )));
        }
        self.is_journal_broken = true;
        for id in &waiting {
            self.asked.remove(id);
        }
        for opening in waiting.into_iter().filter_map(|id| self.openings.refused(id)) {
            let (source, door) = (opening.source, opening.door);
            let reason = format!("it could not be noted that it has to be closed: {reason}");
            log.say(Line::NotOpened { source, door, reason });
        }
    }

    fn perform(&mut self, now: Moment, deeds: Vec<Deed>, log: &Log) {
        self.carry_out(deeds, log);
        self.start_waiting(now, log);
    }

    fn carry_out(&mut self, deeds: Vec<Deed>, log: &Log) {
        for deed in deeds {
            match deed {
                Deed::Run(job) => self.commands.submit(job),
                Deed::NoteOpened(id, opening) => self.promises.begin(id, &opening),
                Deed::NoteLasts(id, left) => self.promises.move_end(id, left),
                Deed::NoteClosed(id) => self.promises.keep(id),
                Deed::EndRemains(id, door, source) => {
                    if self.remains.end(id) + self.commands.kill(id) > 0 {
                        log.say(Line::note(format!("{source}: {door}: ended its command, which still ran")));
                    }
                }
                Deed::SayTimeout(door, source) => log.say(Line::CommandTimeout { source, door }),
                Deed::SayOpened(door, source, left) => log.say(Line::Opened { source, door, left }),
                Deed::SayExtended(door, source, left) => {
                    log.say(Line::Extended { source, door, by: By::Command, left });
                }
                Deed::SayClosed(door, source) => log.say(Line::Closed { source, door }),
                Deed::SayTooMany(door, source) => {
                    log.say(Line::NotOpened { source, door, reason: "too many wait to open".to_owned() });
                }
            }
        }
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
        let job = match progress {
            Progress::Started(job) => {
                if let Some(asked) = self.asked.remove(&job.opening) {
                    log.let_in(&job.door, By::Command, clock::now().since(asked));
                }
                let (source, purpose) = (job.source, job.purpose());
                log.say(Line::Running { door: job.door, source, purpose, command: job.command });
                return;
            }
            Progress::Hanging(..) => return,
            Progress::Delayed(job, error, pause) => {
                let reason = format!("{error}; trying again in {} s", pause.as_secs_f64());
                log.say(not_started(&job, reason));
                return;
            }
            Progress::Ended(job, status, took) => {
                say_end(&job, status, took, log);
                job
            }
            Progress::Failed(job, error) => {
                self.asked.remove(&job.opening);
                log.say(not_started(&job, error.to_string()));
                job
            }
        };
        let deeds = if job.closes {
            self.openings.stopped(now, job.opening)
        } else {
            self.openings.started(now, job.opening)
        };
        self.carry_out(deeds, log);
    }
}

fn not_started(job: &Job, reason: String) -> Line {
    Line::CommandNotStarted {
        door: Arc::clone(&job.door),
        source: job.source,
        purpose: job.purpose(),
        reason,
    }
}

fn say_end(job: &Job, status: ExitStatus, took: Duration, log: &Log) {
    let (door, source, purpose) = (Arc::clone(&job.door), job.source, job.purpose());
    if let Some(signal) = status.signal() {
        log.say(Line::CommandKilled { door, source, purpose, signal, took });
        return;
    }
    if let Some(status) = status.code().filter(|code| *code != 0) {
        log.say(Line::CommandFailed { door: Arc::clone(&door), source, purpose, status });
    }
    log.say(Line::Ran { door, source, purpose, took });
}
