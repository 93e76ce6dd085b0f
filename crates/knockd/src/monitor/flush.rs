//! Taking away what the daemon of before has left in the firewall on purpose.

use std::{
    fmt,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use thiserror::Error;

use crate::firewall::{Firewall, FirewallError};

/// How long a daemon that runs would need at most to notice, and put it back.
const NOTICE: Duration = Duration::from_millis(500);

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
    /// Somebody has put it back.
    #[error("a knockd that runs here has put the table inet knockd back: stop it first")]
    PutBack,
    /// The system fails us.
    #[error(transparent)]
    System(#[from] Errno),
}

impl fmt::Display for Flushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "the table inet knockd is removed: no port is guarded any more",
            Self::Nothing => "there is no table inet knockd: nothing to remove",
        })
    }
}

/// Removes all that is ours from the firewall, and nothing else. What is in sets of the administrator stays there until
/// its time is over.
pub fn flush() -> Result<Flushed, FlushError> {
    let mut firewall = Firewall::open()?;
    if !firewall.flush()? {
        return Ok(Flushed::Nothing);
    }
    let begun = Instant::now();
    while let Some(left) = NOTICE.checked_sub(begun.elapsed()) {
        let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(&firewall, PollFlags::IN)], Some(&limit)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if firewall.meddling()?.is_some() {
            return Err(FlushError::PutBack);
        }
    }
    Ok(Flushed::Table)
}
