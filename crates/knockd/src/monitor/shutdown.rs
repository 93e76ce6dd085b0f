//! The end: every door is closed, within a set time.

use std::{io, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use super::{Monitor, signals::Request};
use crate::{clock, log::Line};

/// How long the stop commands may take together.
const PATIENCE: Duration = Duration::from_secs(20);

impl Monitor {
    /// Closes all doors, then ends. What could not be closed in time is told.
    pub(super) fn shut_down(mut self) -> io::Result<()> {
        self.log.say(Line::ShuttingDown);
        self.supervisor.end();
        let deadline = clock::now().after(PATIENCE);
        self.opener.close_all(clock::now(), &self.log);
        while !self.opener.is_done() && clock::now() < deadline {
            let mut polled = [PollFd::new(&self.signals, PollFlags::IN)];
            match poll(&mut polled, clock::wait_until(Some(deadline)).as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if self.signals.requests().contains(&Request::Reap) {
                self.opener.reap(clock::now(), &self.log);
            }
        }
        for job in self.opener.running() {
            let text = format!("{}: still running at the end: {}", job.door, job.command);
            self.log.say(Line::error(text));
        }
        self.log.finish();
        Ok(())
    }
}
