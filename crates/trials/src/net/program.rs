//! A running program.

use std::{
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{PATIENCE, await_some};
use crate::trouble::{Outcome, Trouble, While};

/// A program that a test has started; it is killed when the test lets go of it.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
}

impl Program {
    /// Starts it in the network of the calling thread, without standard input.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        Self::start_with(command, Stdio::null())
    }

    /// The same with this standard input.
    pub fn start_with(command: &mut Command, input: Stdio) -> Outcome<Self> {
        let name = command.get_program().display().to_string();
        let child = command.stdin(input).spawn().while_(format!("starting {name}"))?;
        Ok(Self { name, child })
    }

    /// Its process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Outcome {
        let id = i32::try_from(self.child.id()).map_err(|error| Trouble::new(error.to_string()))?;
        kill(Pid::from_raw(id), signal).while_(format!("sending {signal} to {}", self.name))
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Outcome<ExitStatus> {
        self.wait_for(PATIENCE)
    }

    /// Waits for its end, but no longer than `limit`.
    pub fn wait_for(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        await_some(limit, || self.ended().transpose())
            .unwrap_or_else(|| Err(Trouble::new(format!("{} still runs after {limit:?}", self.name))))
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn terminate(&mut self) -> Outcome<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
