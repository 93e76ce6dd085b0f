//! The way in which doors are opened and daemons killed.

use std::{fmt, time::Duration};

use super::Death;

/// How long things take, and what happens to the daemon.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// How long a start command takes to open its door.
    pub start: Duration,
    /// How long the door stays open after that.
    pub stay: Duration,
    /// How long a stop command takes to shut its door.
    pub stop: Duration,
    /// Who dies with the daemon.
    pub death: Death,
    /// When it is started again.
    pub again: Again,
}

/// When a daemon that was killed is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// As soon as it is dead.
    AtOnce,
    /// When what was open should have been closed.
    TooLate,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = match self.again {
            Again::AtOnce => "at once",
            Again::TooLate => "too late",
        };
        write!(f, "start takes {:?}, stay {:?}, {}, again {again}", self.start, self.stay, self.death)
    }
}
