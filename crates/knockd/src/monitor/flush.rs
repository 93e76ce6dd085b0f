//! Taking away what the daemon of before has left in the firewall on purpose.

use std::{fmt, time::Duration};

use thiserror::Error;

use super::claim::{Claim, Unclaimed};
use crate::firewall::{Firewall, FirewallError};

/// What has been taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Our table, with all that was open by it.
    Table,
    /// There was nothing.
    Nothing,
}

/// Why it is still there.
#[derive(Debug, Error)]
pub enum FlushError {
    /// The firewall can't be had.
    #[error(transparent)]
    Firewall(#[from] FirewallError),
    /// A daemon that runs needs it.
    #[error(transparent)]
    Claim(#[from] Unclaimed),
}

impl fmt::Display for Flushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "the table inet knockd is removed: no port is guarded any more",
            Self::Nothing => "there is no table inet knockd: nothing to remove",
        })
    }
}

/// Removes all that is ours from the firewall, and nothing else, unless a daemon needs it still. What is in sets of the
/// administrator stays there until its time is over.
pub fn flush() -> Result<Flushed, FlushError> {
    // Whoever has it is told by process and user: the administrator can judge.
    let _claim = Claim::take(Duration::ZERO)?;
    Ok(if Firewall::open()?.flush()? { Flushed::Table } else { Flushed::Nothing })
}
