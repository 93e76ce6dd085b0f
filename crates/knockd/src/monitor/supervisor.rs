//! Keeps a watcher running: one that ends is followed by another, after a pause that grows while they end early.

use std::{io, os::fd::OwnedFd, process::Stdio, time::Duration};

use knock_core::moment::Moment;

use super::watcher_process::{self, WatcherProcess};
use crate::ipc::Order;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A watcher that has run for this long is not one that ends early.
const PROVEN: Duration = Duration::from_secs(60);

/// The watcher, or the time at which the next one starts.
#[derive(Debug)]
pub struct Supervisor {
    /// Whether what watchers print is of use to nobody.
    quiet: bool,
    process: Option<WatcherProcess>,
    /// Whether the watcher that runs has said what it has given up.
    is_confined: bool,
    started: Moment,
    next_start: Moment,
    pause: Duration,
}

impl Supervisor {
    /// No watcher yet.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let never = Moment::default();
        Self {
            quiet,
            process: None,
            is_confined: false,
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
        self.is_confined
    }

    /// Takes in that it has.
    pub fn note_confined(&mut self) {
        self.is_confined = true;
    }

    /// When the next watcher is due; none while one runs.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.process.is_none().then_some(self.next_start)
    }

    /// Starts a watcher that knows nothing yet.
    pub fn start(&mut self, now: Moment) -> io::Result<()> {
        let stderr = if self.quiet { Stdio::null() } else { Stdio::inherit() };
        self.next_start = now.after(self.pause);
        self.process = Some(WatcherProcess::start(stderr)?);
        self.is_confined = false;
        self.started = now;
        Ok(())
    }

    /// Tells the watcher something; without one nothing happens, for the next one is told everything.
    pub fn order(&mut self, order: &Order, descriptor: Option<OwnedFd>) {
        if let Some(process) = &mut self.process {
            // It fails if the watcher has ended, which its end of the conversation tells as well.
            let _ = process.channel.send(order.encode(), descriptor);
        }
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
        let how = match self.process.take().map(WatcherProcess::end) {
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
            let _ = process.end();
        }
    }
}
