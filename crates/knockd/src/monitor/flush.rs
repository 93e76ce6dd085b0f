//! Taking away what the daemon of before has left in the firewall on purpose.

use std::{fmt, io, time::Duration};

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
    /// We are not allowed to.
    #[error(
        "cannot remove the table inet knockd: that needs the right to change the firewall (CAP_NET_ADMIN); run \
         knockd --flush as root"
    )]
    NoRight,
    /// There is nothing that it could be in.
    #[error(
        "cannot look for the table inet knockd: the kernel has no nf_tables, or can't load it (CONFIG_NF_TABLES): {0}"
    )]
    NoNfTables(io::Error),
    /// The firewall won't have it.
    #[error(transparent)]
    Firewall(FirewallError),
    /// A daemon that runs needs it.
    #[error(transparent)]
    Claim(#[from] Unclaimed),
}

impl From<FirewallError> for FlushError {
    fn from(error: FirewallError) -> Self {
        match error {
            // Doors are not what it is about here.
            FirewallError::NoRight => Self::NoRight,
            FirewallError::NoNfTables(error) => Self::NoNfTables(error),
            error => Self::Firewall(error),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_flushes_is_not_told_of_starting() {
        let kernel = || io::Error::from_raw_os_error(libc::EPROTONOSUPPORT);
        for error in [FirewallError::NoRight, FirewallError::NoNfTables(kernel())] {
            let said = FlushError::from(error).to_string();
            assert!(said.starts_with("cannot ") && said.contains("the table inet knockd: "), "{said}");
            assert!(!said.contains("start") && !said.contains("doors"), "{said}");
        }
    }
}
