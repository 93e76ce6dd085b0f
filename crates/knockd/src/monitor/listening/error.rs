//! Why an interface can't be listened on.

use std::io;

use thiserror::Error;

use crate::{links::NoInterface, sandbox::MOST_SOCKETS};

/// Why an interface can't be listened on.
#[derive(Debug, Error)]
pub enum ListenError {
    /// It isn't there.
    #[error(
        "{0}; choose with -i or with Interface in [options], or have it waited for with InterfaceWait = yes"
    )]
    Missing(#[from] NoInterface),
    /// There are more than the process that looks at packets can hold.
    #[error("cannot listen on {0} interfaces by name, at most {MOST_SOCKETS}; use Interface = any")]
    TooMany(usize),
    /// We are not allowed to.
    #[error("not allowed to listen to packets: start knockd as root (it needs CAP_NET_RAW)")]
    NotAllowed,
    /// The system refuses to let other packets through than before.
    #[error("cannot change what the kernel lets through: {0}")]
    Stale(io::Error),
    /// The system refuses.
    #[error("cannot listen on {name}: {error}")]
    System {
        /// Where.
        name: String,
        /// Why not.
        error: io::Error,
    },
}
