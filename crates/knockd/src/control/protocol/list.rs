//! Who is let in, and what doors have left.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Who is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// What is open: of those by commands the most that a list has, then those by the kernel.
    pub openings: Vec<OpeningShown>,
    /// How many openings there are beside these.
    pub left_out: u64,
}

/// An opening as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningShown {
    /// The door's name.
    pub door: String,
    /// For whom.
    pub source: IpAddr,
    /// How far it is.
    pub phase: Phase,
    /// How long it stays open, in milliseconds; none if it has no end, or if that is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_ms: Option<u64>,
    /// Whether the kernel closes it, and not a command.
    pub by_kernel: bool,
}

/// How far an opening is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It waits, or its start command runs.
    Opening,
    /// It is open.
    Open,
    /// Its stop command runs, or waits to.
    Closing,
}

/// What doors have left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequences {
    /// The doors with one-time sequences, in the order of the configuration.
    pub doors: Vec<SequencesOf>,
}

/// What a door has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequencesOf {
    /// The door's name.
    pub door: String,
    /// How many sequences its file has left; none if it can't be read.
    pub left: Option<u64>,
    /// Why it can't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}
