//! How the daemon is.

use serde::{Deserialize, Serialize};

/// How the daemon is. Moments are in RFC 3339, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Its process number.
    pub process: i32,
    /// How long it has been running, in milliseconds, with the time that the machine slept.
    pub up_ms: u64,
    /// What it goes by.
    pub configuration: ConfigurationStatus,
    /// Where it listens: named interfaces, or `any` alone.
    pub interfaces: Vec<InterfaceStatus>,
    /// What the kernel lets through to it.
    pub filter: FilterStatus,
    /// The process that looks at packets.
    pub watcher: WatcherStatus,
    /// For how many packets the kernel had no room.
    pub packets_dropped: u64,
    /// How many completed sequences opened nothing, as there were too many.
    pub openings_lost: u64,
    /// The doors, in the order of the configuration.
    pub doors: Vec<DoorStatus>,
}

/// What the daemon goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationStatus {
    /// The file.
    pub path: String,
    /// How long ago it was taken, in milliseconds.
    pub age_ms: u64,
    /// Whether it was read again since and not taken.
    pub is_outdated: bool,
}

/// Where the daemon listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// The interface's name, or `any`.
    pub name: String,
    /// Whether it is listened on; if not, it isn't there, or can't be.
    pub is_listened_on: bool,
}

/// What the kernel lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilterStatus {
    /// First knocks, and the rest from those who have made one (extended BPF).
    Exact,
    /// All that doors are interested in (classic BPF).
    Classic,
    /// A kind that came with a later version.
    #[serde(other)]
    Other,
}

/// The process that looks at packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatcherStatus {
    /// Its number; none while the next one is waited for.
    pub process: Option<i32>,
    /// How many have ended, or had to be ended, since the daemon was started.
    pub ended: u64,
    /// Whether it has said what it has given up.
    pub is_confined: bool,
    /// What it has not given up, in words.
    pub keeps: Vec<String>,
}

/// A door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorStatus {
    /// Its name.
    pub name: String,
    /// What it opens by itself, in words; none if that is left to commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<String>,
    /// Whether it runs commands.
    pub has_commands: bool,
    /// How long it stays open, in milliseconds; none if nothing closes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stay_ms: Option<u64>,
    /// Whether each of its sequences is used once.
    pub is_one_time: bool,
    /// Whether no knock opens it: it has no sequence left.
    pub is_shut: bool,
    /// For how many it is open by the kernel, and by commands open, about to be, or about to be closed; none if the
    /// kernel does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<u64>,
}
