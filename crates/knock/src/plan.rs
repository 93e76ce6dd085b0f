//! What the user wants done.

use std::{num::NonZeroU16, path::PathBuf, time::Duration};

use knock_core::sequence::{Knock, Protocol};

use crate::{origin::Origin, target::Family};

/// One run of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// A name or an address.
    pub(crate) host: String,
    /// Over IPv4, IPv6 or both.
    pub(crate) family: Family,
    /// What to knock.
    pub(crate) knocks: Knocks,
    /// Where to send from.
    pub(crate) origin: Origin,
    /// The least time from one hit to the next.
    pub(crate) delay: Duration,
    /// What must be open in the end.
    pub(crate) check: Option<Check>,
    /// Whether to tell what is done.
    pub(crate) verbose: bool,
}

/// Where the knocks come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Knocks {
    /// They stand on the command line. There can be more than one door's [`Sequence`] holds: nothing is wrong with
    /// opening two doors in one go.
    ///
    /// [`Sequence`]: knock_core::sequence::Sequence
    Given(Vec<Knock>),
    /// They are the next line of this file of one-time sequences.
    OneTime(PathBuf),
}

/// A TCP port that must accept a connection after the knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// The port.
    pub(crate) port: NonZeroU16,
    /// How long it may take to open after each time the sequence is knocked.
    pub(crate) timeout: Duration,
    /// How many times the sequence is knocked again if it did not open.
    pub(crate) retries: u32,
}

impl Check {
    /// The port and its protocol.
    pub(crate) fn spot(&self) -> Knock {
        Knock { port: self.port, protocol: Protocol::Tcp }
    }
}
