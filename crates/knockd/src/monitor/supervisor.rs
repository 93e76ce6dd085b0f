//! Keeps a watcher running: one that ends is followed by another, after a pause that grows while they end early.

use std::{io, os::fd::OwnedFd, process::Stdio, time::Duration};

use knock_core::moment::Moment;

use super::{
    patience::{Debt, Owed, Patience},
    watcher_process::{self, WatcherProcess},
};
use crate::{
    ipc::{Conduct, Order},
    sandbox::Identity,
};

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A watcher that has run for this long is not one that ends early.
const PROVEN: Duration = Duration::from_secs(60);

/// So long a watcher that is told nothing is asked nothing, even if there would be occasion to.
const ASKED_EVERY: Duration = Duration::from_secs(60);

/// The watcher, or the time at which the next one starts.
#[derive(Debug)]
pub struct Supervisor {
    /// Whether what watchers print is of use to nobody.
    quiet: bool,
    /// Whether watchers explain why hits did nothing.
    explains: bool,
    /// Whom watchers are told to be.
    identity: Option<Identity>,
    process: Option<WatcherProcess>,
    /// How the watcher that runs behaves.
    conduct: Conduct,
    patience: Patience,
    /// Whether somebody has stopped it.
    is_stopped: bool,
    /// Whether it was told something since it was last asked whether it has done what it was told.
    has_news: bool,
    asked: Moment,
    /// Whether it has still to be told which addresses we have now.
    host_is_due: bool,
    started: Moment,
    next_start: Moment,
    pause: Duration,
}

impl Supervisor {
    /// No watcher yet.
    #[must_use]
    pub fn new(quiet: bool, explains: bool, identity: Option<Identity>) -> Self {
        let never = Moment::default();
        Self {
            quiet,
            explains,
            identity,
            process: None,
            conduct: Conduct::new(explains),
            patience: Patience::default(),
            is_stopped: false,
            has_news: false,
            asked: never,
            host_is_due: false,
            started: never,
            next_start: never,
            pause: SHORTEST_PAUSE,
        }
    }

    /// The watcher that runs.
    #[must_use]
    pub fn watcher(&self) -> Option<&WatcherProcess> {
        self.process.as_ref()
    }

    /// Whether the watcher that runs has said what it has given up.
    #[must_use]
    pub fn is_confined(&self) -> bool {
        self.conduct.is_confined()
    }

    /// Whether the watcher has still to say that it has done what it was told.
    #[must_use]
    pub fn owes_answer(&self) -> bool {
        self.conduct.owes_answer()
    }

    /// How the watcher that runs behaves, to hold its reports against.
    pub fn conduct(&mut self) -> &mut Conduct {
        &mut self.conduct
    }

    /// When [`Supervisor::start`] or [`Supervisor::watch`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.process.is_none() { Some(self.next_start) } else { self.patience.next_deadline() }
    }

    /// When the next watcher is due; none while one runs.
    #[must_use]
    pub fn next_start(&self) -> Option<Moment> {
        self.process.is_none().then_some(self.next_start)
    }

    /// Starts a watcher that knows nothing yet.
    pub fn start(&mut self, now: Moment) -> io::Result<()> {
        let stderr = if self.quiet { Stdio::null() } else { Stdio::inherit() };
        self.next_start = now.after(self.pause);
        self.process = Some(WatcherProcess::start(stderr)?);
        self.conduct = Conduct::new(self.explains);
        self.patience = Patience::default();
        self.is_stopped = false;
        self.has_news = false;
        self.asked = now;
        self.started = now;
        Ok(())
    }

    /// Whether there is a watcher to be told something.
    #[must_use]
    pub fn has_watcher(&self) -> bool {
        self.process.is_some()
    }

    /// Tells the watcher something; without one nothing happens, for the next one is told everything.
    pub fn order(&mut self, order: &Order, descriptor: Option<OwnedFd>) {
        if let Some(process) = &mut self.process {
            // It fails if the watcher has ended, which its end of the conversation tells as well.
            let _ = process.channel.send(order.encode(), descriptor);
            self.has_news = true;
        }
    }

    /// Asks the watcher to say when it has done all that it was told so far.
    pub fn ask(&mut self, now: Moment) {
        if self.process.is_none() {
            return;
        }
        self.order(&Order::Confirm, None);
        self.conduct.ask();
        self.has_news = false;
        self.asked = now;
    }

    /// Takes in that our addresses have changed. The watcher is told when it has taken its other orders: what changes
    /// until then makes one list, not one each time.
    pub fn note_host(&mut self) {
        self.host_is_due = true;
    }

    /// Whether to tell the watcher now which addresses we have. Whoever asks does so.
    pub fn take_host_due(&mut self) -> bool {
        let is_due = self.host_is_due && !self.is_congested();
        self.host_is_due &= !is_due;
        is_due
    }

    /// Takes in that the watcher may have been stopped, or continued.
    pub fn look_after(&mut self) {
        self.is_stopped = self.process.as_ref().is_some_and(WatcherProcess::is_stopped);
    }

    /// Finds out whether the watcher still does its work. Returns what it has owed for too long.
    ///
    /// It is asked behind everything that it is told, and when we are awake anyway and haven't asked for long. At rest
    /// nobody is woken up for this.
    pub fn watch(&mut self, now: Moment) -> Option<Debt> {
        let process = self.process.as_ref()?;
        let is_due = self.has_news || now.since(self.asked) >= ASKED_EVERY;
        let sent = process.channel.sent();
        if is_due && !self.conduct.owes_answer() {
            self.ask(now);
        }
        let debts: [(bool, Owed); 3] = [
            (self.is_congested(), (Debt::Orders, sent)),
            (self.conduct.owes_answer(), (Debt::Answer, self.conduct.answers())),
            (self.is_stopped, (Debt::Life, 0)),
        ];
        let owed: Vec<Owed> =
            debts.into_iter().filter_map(|(is_owed, owed)| is_owed.then_some(owed)).collect();
        self.patience.watch(now, &owed)
    }

    /// Sends what the watcher wasn't ready to take.
    pub fn flush(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.channel.flush();
        }
    }

    /// Takes in that the watcher has ended or can't be trusted. Returns how it ended, and after what time the next one
    /// starts.
    pub fn failed(&mut self, now: Moment) -> (String, Duration) {
        let how = match self.process.take().map(|process| process.end(self.identity)) {
            Some(Ok(status)) => watcher_process::how_it_ended(status),
            Some(Err(error)) => error.to_string(),
            None => "not started".to_owned(),
        };
        let pause = if now.since(self.started) >= PROVEN { SHORTEST_PAUSE } else { self.pause };
        self.next_start = now.after(pause);
        self.pause = (2 * pause).min(LONGEST_PAUSE);
        (how, pause)
    }

    /// Ends the watcher for good.
    pub fn end(&mut self) {
        if let Some(process) = self.process.take() {
            let _ = process.end(self.identity);
        }
    }

    /// Whether orders wait for the watcher to take them.
    fn is_congested(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.channel.is_congested())
    }
}

#[cfg(test)]
mod tests;
