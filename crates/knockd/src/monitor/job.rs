//! What is run for an opening.

use std::{net::IpAddr, sync::Arc};

/// One opening, never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpeningId(pub u64);

/// A command to be run on behalf of an opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The opening that it belongs to.
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
