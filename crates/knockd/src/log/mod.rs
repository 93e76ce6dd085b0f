//! What the daemon says, and how it gets where people read it.
//!
//! A [`Line`] is said once and goes to the log file, the system's log and the terminal. Whoever says it never waits:
//! a thread writes, others look up names. When a disk is slow, a reader stuck or a flood under way, lines of the kinds
//! that a flood is made of are counted and summed up; what opened a door and what was run is never left out.

use std::{
    cell::RefCell,
    io,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Sender, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use knock_core::{config::LogFormat, event};
use thiserror::Error;

use self::{
    backlog::Backlog,
    lookup::{Names, Resolver},
    pump::{Entry, Message, Pump},
    sink::{Sinks, Sockets},
    terminal::Screen,
};
pub use self::{
    by::By,
    counts::{CommandCounts, Counts, DoorCounts},
    file::FileError,
    kind::Kind,
    level::Level,
    line::Line,
    purpose::Purpose,
    stamp::{captured, now, time_of},
    tap::{Heard, Tap},
    terminal::Terminal,
};
use crate::clock;

mod backlog;
mod by;
mod counts;
mod fields;
mod file;
mod hand;
mod health;
mod hostname;
mod journald;
mod json;
mod kind;
mod level;
pub mod line;
mod lookup;
mod mailbox;
#[cfg(test)]
mod manual;
mod plain;
mod pump;
mod purpose;
#[cfg(test)]
mod samples;
mod sink;
#[cfg(test)]
mod sources;
mod stamp;
mod syslog;
mod tap;
mod terminal;
mod wording;

/// The log. It ends, with everything written, when it is dropped.
#[derive(Debug)]
pub struct Log {
    pump: Sender<Message>,
    backlog: Arc<Backlog>,
    terminal: Terminal,
    /// How often what was said.
    counts: RefCell<Counts>,
    /// What is kept back for now, in its order; none while everything goes at once.
    kept: RefCell<Option<Vec<Message>>>,
    /// Who else hears what is said.
    tap: Option<Tap>,
    /// What he has not got yet.
    heard: RefCell<Vec<Heard>>,
}

/// What the log is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Where lines go, beside the terminal.
    pub outputs: Outputs,
    /// What the terminal shows.
    pub terminal: Terminal,
    /// Whether the terminal is the journal of systemd.
    pub is_journal: bool,
    /// Whether the names of sources are looked up.
    pub lookup: bool,
}

/// Where lines go, beside the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// The log file.
    pub file: Option<PathBuf>,
    /// Whether the system's log gets them.
    pub syslog: bool,
    /// How they look in the file and on the terminal.
    pub format: LogFormat,
}

/// The log can't be started.
#[derive(Debug, Error)]
pub enum LogError {
    /// Its file can't be opened.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system gives it no thread.
    #[error("the log cannot start a thread: {0}")]
    Thread(io::Error),
}

impl Log {
    /// Opens the outputs and starts the threads.
    ///
    /// Threads don't survive a fork: a daemon goes to the background first.
    pub fn start(options: &LogOptions) -> Result<Self, LogError> {
        let screen = Screen::standard(options.terminal).map_err(LogError::Thread)?;
        let resolver: Arc<Resolver> = Arc::new(lookup::system);
        Self::start_with(options, screen, Sockets::of_system(options.is_journal), &resolver)
    }

    /// Says something, without ever waiting.
    pub fn say(&self, line: Line) {
        self.counts.borrow_mut().take(&line);
        let is_heard = self.is_heard();
        let is_written = line.level() != Level::Debug || self.wants_debug();
        if !is_written && !is_heard {
            return;
        }
        let at = stamp::now();
        if is_heard {
            self.hear(Heard::Said(line.clone(), at));
        }
        if !is_written || line.kind().is_some_and(|kind| !self.backlog.admits(kind)) {
            return;
        }
        self.tell(Message::Said(Entry { line, at, when: clock::now() }));
    }

    /// Keeps back from now on what is said, until [`Log::release`]: the thread that writes it is not woken up, and takes
    /// no time from what is more urgent. It has the time at which it was said all the same.
    pub fn keep_back(&self) {
        self.kept.borrow_mut().get_or_insert_default();
    }

    /// Says what was kept back, and keeps back nothing more.
    pub fn release(&self) {
        let kept = self.kept.take().unwrap_or_default();
        if !kept.is_empty() {
            self.send(Message::Several(kept));
        }
        self.let_hear();
    }

    /// Sums up lines that somebody else has left out, together with those that are left out here: what is said of them
    /// is bounded, however often this is called.
    pub fn leave_out(&self, kind: Kind, count: u64) {
        self.counts.borrow_mut().leave_out(kind, count);
        if kind != Kind::Attempt(event::Kind::Ignored) || self.wants_debug() {
            if self.is_heard() {
                self.hear(Heard::LeftOut(kind, count, stamp::now()));
            }
            self.tell(Message::LeftOut(kind, count));
        }
    }

    /// Has somebody else hear what is said from now on.
    pub fn set_tap(&mut self, tap: Tap) {
        self.tap = Some(tap);
    }

    /// Takes in how long it took from a packet until its source was let in, which no line tells.
    pub fn let_in(&self, door: &Arc<str>, by: By, after: Duration) {
        self.counts.borrow_mut().let_in(door, by, after);
    }

    /// How often what was said so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.borrow().clone()
    }

    /// Forgets what was counted of the doors that are not to be `kept`.
    pub fn keep_counts(&self, kept: impl Fn(&str) -> bool) {
        self.counts.borrow_mut().keep_doors(kept);
    }

    /// Whether lines of [`Level::Debug`] go to the terminal.
    #[must_use]
    pub fn wants_debug(&self) -> bool {
        self.terminal == Terminal::Debug
    }

    /// Opens the log file anew, without waiting for it. If it can't be opened, the other outputs are told, the old one
    /// stays in use and the new one is tried again.
    pub fn reopen(&self) {
        self.tell(Message::Reopen);
    }

    /// Takes other outputs into use, without waiting for them, and opens the log file anew even if it is the same.
    pub fn change(&self, outputs: Outputs) {
        self.tell(Message::Change(outputs));
    }

    /// Leaves the terminal, with all that was said so far written to it.
    pub fn leave_terminal(&self) {
        self.tell(Message::LetGo);
        self.flush();
    }

    /// Waits until everything said so far is written, but at most two seconds.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        self.release();
        self.tell(Message::Flush(done));
        // What was not written by now waits for a disk that the end can't wait for.
        let _ = wait.recv_timeout(PATIENCE);
    }

    /// Writes everything said so far, in at most two seconds, and ends.
    pub fn finish(self) {
        drop(self);
    }

    fn start_with(
        options: &LogOptions,
        screen: Screen,
        sockets: Sockets,
        resolver: &Arc<Resolver>,
    ) -> Result<Self, LogError> {
        let (pump, inbox) = channel();
        let backlog = Arc::new(Backlog::new());
        let sinks = Sinks::open(&options.outputs, screen, sockets)?;
        let answers = pump.clone();
        // A name that comes too late for the pump is wanted by nobody.
        let tell = move |source, name| drop(answers.send(Message::Name(source, name)));
        let names = options.lookup.then(|| Names::start(resolver, &tell)).transpose();
        let names = names.map_err(LogError::Thread)?;
        let work = Pump::new(Arc::clone(&backlog), sinks, names, options.outputs.format);
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || work.run(&inbox)).map_err(LogError::Thread)?;
        Ok(Self {
            pump,
            backlog,
            terminal: options.terminal,
            counts: RefCell::default(),
            kept: RefCell::default(),
            tap: None,
            heard: RefCell::default(),
        })
    }

    fn is_heard(&self) -> bool {
        self.tap.as_ref().is_some_and(Tap::is_open)
    }

    fn hear(&self, heard: Heard) {
        self.heard.borrow_mut().push(heard);
        if self.kept.borrow().is_none() {
            self.let_hear();
        }
    }

    fn let_hear(&self) {
        let heard = self.heard.take();
        if let Some(tap) = self.tap.as_ref().filter(|_| !heard.is_empty()) {
            tap.give(heard);
        }
    }

    fn tell(&self, message: Message) {
        match self.kept.borrow_mut().as_mut() {
            Some(kept) => kept.push(message),
            None => self.send(message),
        }
    }

    fn send(&self, message: Message) {
        // The thread ends after us; if it ended all the same, there is nobody to tell.
        let _ = self.pump.send(message);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
        self.tell(Message::Stop);
    }
}

/// How long the end waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
