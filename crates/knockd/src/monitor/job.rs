//! What is run for an opening.

use std::{net::IpAddr, sync::Arc};

use crate::{journal::OpeningId, log::Purpose};

/// The environment variable by which what a command has started is known, even to a later daemon.
pub const OPENING: &str = "KNOCKD_OPENING";

/// A command to be run on behalf of an opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The opening that it belongs to. The command finds it in its environment as [`OPENING`].
    pub opening: OpeningId,
    /// The name of its door.
    pub door: Arc<str>,
    /// For whom the door opens.
    pub source: IpAddr,
    /// Whether it closes the door.
    pub closes: bool,
    /// What `/bin/sh -c` runs.
    pub command: String,
}

impl Job {
    /// What the command is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        if self.closes { Purpose::Stop } else { Purpose::Start }
    }
}
