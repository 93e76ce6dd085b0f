//! The end: every door is closed, within a set time.

use std::{io, time::Duration};

use knock_core::config::GuardOnExit;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use super::{Monitor, opener::Opener, signals::Signals};
use crate::{
    clock::{self, Alarm},
    log::{Line, Log},
    service::Manager,
};

/// How long start commands that still run have until they are ended and their doors closed.
const STARTING: Duration = Duration::from_secs(10);

/// How long everything may take together.
const PATIENCE: Duration = Duration::from_secs(20);

impl Monitor {
    /// Closes all doors, but for those that the kernel closes, then ends. What could not be closed in time is told.
    pub(super) fn shut_down(mut self, guard: GuardOnExit) -> io::Result<()> {
        self.log.release();
        self.log.say(Line::ShuttingDown);
        if let Some(control) = &mut self.control {
            control.close();
        }
        self.manager.stopping(clock::now(), "closing doors");
        self.supervisor.end();
        if guard == GuardOnExit::Remove {
            self.guard.remove(&self.log);
        }
        self.guard.give_up();
        close_everything(&mut self.opener, &mut self.signals, &mut self.alarm, &mut self.manager, &self.log)?;
        if let Some(control) = self.control {
            control.finish();
        }
        self.log.finish();
        Ok(())
    }
}

/// Closes all doors. What could not be closed in time is told, and stays in the journal.
pub(super) fn close_everything(
    opener: &mut Opener,
    signals: &mut Signals,
    alarm: &mut Alarm,
    manager: &mut Manager,
    log: &Log,
) -> io::Result<()> {
    let begin = clock::now();
    let deadline = begin.after(PATIENCE);
    let mut hanging = Some(begin.after(STARTING));
    // What has died by now has sent its signal already.
    opener.reap(log);
    opener.close_all(clock::now(), log);
    opener.commit(clock::now(), log);
    while !opener.is_done() && clock::now() < deadline {
        let deadlines = [opener.next_deadline(), manager.next_deadline(), hanging, Some(deadline)];
        alarm.set(deadlines.into_iter().flatten().min())?;
        let mut polled = [PollFd::new(signals, PollFlags::IN), PollFd::new(alarm, PollFlags::IN)];
        match poll(&mut polled, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // Whatever they were, only the dead matter now.
        signals.requests();
        opener.reap(log);
        opener.pass_time(clock::now(), log);
        if hanging.take_if(|moment| *moment <= clock::now()).is_some() {
            opener.close_hanging(clock::now(), log);
        }
        opener.commit(clock::now(), log);
        // It counts while we end, too.
        manager.pass_time(clock::now());
    }
    let is_noted = opener.has_journal();
    for opening in opener.unclosed() {
        let (door, source) = (&opening.door, opening.source);
        log.say(if is_noted {
            Line::error(format!("{source}: {door}: could not be closed in time; the next start closes it"))
        } else {
            Line::error(format!("{source}: {door}: could not be closed in time"))
        });
    }
    Ok(())
}
