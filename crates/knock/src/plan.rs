//! What the user wants done.

use std::{ffi::OsString, num::NonZeroU16, path::PathBuf, time::Duration};

use knock_core::sequence::{Knock, Protocol};

use crate::{origin::Origin, target::Family, values::PortArgument};

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
    /// What to do then.
    pub(crate) errand: Errand,
    /// What to tell of it.
    pub(crate) manner: Manner,
}

/// Where the knocks come from, before it is known what their default protocol is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// They were written out. There can be more than one door's [`Sequence`] holds: nothing is wrong with opening two
    /// doors in one go.
    ///
    /// [`Sequence`]: knock_core::sequence::Sequence
    Given(Vec<PortArgument>),
    /// They are the next line of this file of one-time sequences.
    OneTime(PathBuf),
}

impl Ports {
    /// The knocks, with this protocol where none was given.
    pub(crate) fn knocks(self, default: Protocol) -> Knocks {
        match self {
            Self::Given(ports) => Knocks::Given(ports.into_iter().map(|port| port.knock(default)).collect()),
            Self::OneTime(path) => Knocks::OneTime(path),
        }
    }
}

/// Where the knocks come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Knocks {
    /// They are these.
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

/// What follows a knock that has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Nothing.
    None,
    /// This program runs, with these arguments.
    Run(OsString, Vec<OsString>),
    /// What comes on standard input goes to the port that was checked, and the other way.
    Relay,
}

/// How much the user is told while all goes well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nothing, as by the classic client.
    #[default]
    Quiet,
    /// What is going on now, if there is a terminal to show it on for as long as it lasts.
    Progress,
    /// Everything, in lines on standard output.
    Verbose,
    /// Everything, in lines on standard error, since standard output is for something else.
    VerboseAside,
}
