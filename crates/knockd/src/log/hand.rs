//! What administrators do to doors.

use std::{fmt, time::Duration};

/// What was done to a door by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// It was opened.
    Opened,
    /// It was closed.
    Closed,
    /// It stays open for so much longer than it would have.
    Extended(Duration),
}

impl fmt::Display for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Extended(_) => "extended",
        })
    }
}
