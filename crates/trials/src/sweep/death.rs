//! How a daemon is killed.

use std::fmt;

use nix::sys::signal::Signal;

use crate::{
    net::{Daemon, Lab, PATIENCE, await_some},
    stepper::Stepper,
    trouble::{Outcome, Trouble},
};

/// Who dies with the monitor and the watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The commands that run, too, as in a power cut.
    OfAll,
    /// Nobody: the commands that run live on, and nobody waits for their end.
    OfTheDaemon,
}

impl Death {
    /// Kills the daemon, where it is halted if somebody leads it, and whoever else is to die. All of them are dead
    /// afterwards.
    pub fn strike(self, lab: &Lab, mut daemon: Daemon<'_>, stepper: Option<Stepper>) -> Outcome {
        match stepper {
            Some(stepper) => stepper.kill(self == Self::OfAll)?,
            None => daemon.signal(Signal::SIGKILL)?,
        }
        daemon.wait()?;
        let dead = await_some(PATIENCE, || {
            let mut left = lab.server().processes().ok()?;
            left.retain(|process| !process.is_zombie && (self == Self::OfAll || process.name == WATCHER));
            // Whoever has ended by itself meanwhile can't be killed.
            for process in &left {
                let _ = process.signal(Signal::SIGKILL);
            }
            left.is_empty().then_some(())
        });
        dead.ok_or_else(|| Trouble::new("what was killed still lives"))
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OfAll => "all killed",
            Self::OfTheDaemon => "its commands alive",
        })
    }
}

const WATCHER: &str = "knockd-watcher";
