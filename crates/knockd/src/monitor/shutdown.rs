//! The end: every door is closed, within a set time.

use std::{io, os::fd::AsFd, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use super::Monitor;
use crate::{clock, log::Line};

/// How long start commands that still run have until their doors are closed all the same.
const STARTING: Duration = Duration::from_secs(10);

/// How long everything may take together.
const PATIENCE: Duration = Duration::from_secs(20);

impl Monitor {
    /// Closes all doors, then ends. What could not be closed in time is told.
    pub(super) fn shut_down(mut self) -> io::Result<()> {
        self.log.say(Line::ShuttingDown);
        self.supervisor.end();
        let begin = clock::now();
        let deadline = begin.after(PATIENCE);
        let mut hanging = Some(begin.after(STARTING));
        // What has died by now has sent its signal already.
        self.opener.reap(clock::now(), &self.log);
        self.opener.close_all(clock::now(), &self.log);
        while !self.opener.is_done() && clock::now() < deadline {
            self.alarm
                .set([self.opener.next_deadline(), hanging, Some(deadline)].into_iter().flatten().min())?;
            let awaited = [self.signals.as_fd(), self.alarm.as_fd()];
            match poll(&mut awaited.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)), None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            // Whatever they were, only the dead matter now.
            self.signals.requests();
            self.opener.reap(clock::now(), &self.log);
            self.opener.pass_time(clock::now(), &self.log);
            if hanging.take_if(|moment| *moment <= clock::now()).is_some() {
                self.opener.close_hanging(clock::now(), &self.log);
            }
        }
        for opening in self.opener.unclosed() {
            let (door, source) = (&opening.door, opening.source);
            self.log.say(Line::error(format!("{source}: {door}: could not be closed in time")));
        }
        self.log.finish();
        Ok(())
    }
}
