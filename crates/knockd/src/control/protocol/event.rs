//! What happens.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, in RFC 3339, in UTC.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What has happened. Times are in milliseconds. Fields that are none are left out: what would tell of sequences is not
/// for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Happening {
    /// A knock brought an attempt to this stage, counted from 1.
    Stage(Stage),
    /// The last knock was made.
    Completed(Stage),
    /// A wrong port ended an attempt.
    Discarded {
        /// How far it had come, and where.
        #[serde(flatten)]
        at: Stage,
        /// The port that was hit, and over which protocol, such as `7000:udp`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hit: Option<String>,
    },
    /// The time for the sequence ran out.
    TimedOut(Stage),
    /// There were too many attempts.
    GaveWay(Stage),
    /// A hit did nothing; only where the daemon explains (`-D`).
    Ignored {
        /// The door's name.
        door: String,
        /// Who it was.
        source: IpAddr,
        /// Which port, and over which protocol.
        hit: String,
        /// Why it did nothing.
        reason: String,
    },
    /// An administrator has done something to a door by this socket.
    ByHand {
        /// The door's name.
        door: String,
        /// For whom; none for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<IpAddr>,
        /// What: `opened`, `closed` or `extended`.
        hand: String,
        /// By how much longer it stays open, if it was extended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_ms: Option<u64>,
        /// His user number.
        user: u32,
    },
    /// A door is open for somebody.
    Opened {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
        /// For how long from now on.
        left_ms: u64,
        /// Whether the kernel closes it when the time is over, which no event tells.
        by_kernel: bool,
    },
    /// A door stays open longer than it would have.
    Extended {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
        /// For how long from now on; none while its start command runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_ms: Option<u64>,
        /// Whether the kernel closes it when the time is over, which no event tells.
        by_kernel: bool,
    },
    /// The time of an opening is over; what closes it comes next.
    Expired {
        /// The door's name.
        door: String,
        /// For whom it was open.
        source: IpAddr,
    },
    /// A door is open for somebody no more.
    Closed {
        /// The door's name.
        door: String,
        /// For whom it was open.
        source: IpAddr,
    },
    /// A door was not opened.
    NotOpened {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
        /// Why not.
        reason: String,
    },
    /// A door was left open by the daemon of before.
    LeftOpen {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
        /// How long it stays so.
        left_ms: u64,
    },
    /// A command has begun.
    CommandStarted {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
        /// Whether it closes the door.
        closes: bool,
    },
    /// A command has ended, or could not be run.
    CommandEnded {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
        /// Whether it closes the door.
        closes: bool,
        /// How long it took; none if it never ran.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        took_ms: Option<u64>,
        /// A signal that has ended it, or what kept it from running.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// A command has another exit status than 0; that it has ended comes next.
    CommandFailed {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
        /// Whether it closes the door.
        closes: bool,
        /// The exit status, 1-255.
        status: i32,
    },
    /// A command has been running for too long.
    CommandHangs {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
        /// Whether it closes the door.
        closes: bool,
        /// For how long.
        since_ms: u64,
    },
    /// A one-time sequence was used.
    SequenceUsed {
        /// The door's name.
        door: String,
        /// How many are left.
        left: u64,
    },
    /// The kernel had no room for packets.
    PacketsDropped {
        /// How many.
        count: u64,
    },
    /// Sequences were completed and nothing was opened.
    OpeningsLost {
        /// How many.
        count: u64,
    },
    /// Events that were too many for anybody to be told.
    LeftOut {
        /// How many.
        count: u64,
        /// Of what kind, in words.
        what: String,
    },
    /// The process that looks at packets has ended.
    WatcherEnded {
        /// Why, in words.
        how: String,
        /// When the next one starts.
        pause_ms: u64,
    },
    /// The configuration is read again.
    Reloading {},
    /// The daemon is about to end.
    Ending {},
    /// A line of the log that says something else. Only for those who may do everything.
    Log {
        /// How much it matters: `debug`, `info`, `notice`, `warning` or `error`.
        level: String,
        /// What it says.
        text: String,
    },
    /// This client was too slow for so many events.
    Missed {
        /// How many.
        count: u64,
    },
    /// A kind that came with a later version.
    #[serde(other)]
    Other,
}

/// Whose attempt, at which door, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The door's name.
    pub door: String,
    /// Who knocks.
    pub source: IpAddr,
    /// How many knocks were made.
    pub stage: u8,
}

impl Happening {
    /// Whom it concerns, unless it is about an attempt.
    #[must_use]
    pub fn beneficiary(&self) -> Option<IpAddr> {
        match self {
            Self::ByHand { source, .. } => *source,
            Self::Opened { source, .. }
            | Self::Extended { source, .. }
            | Self::Expired { source, .. }
            | Self::Closed { source, .. }
            | Self::NotOpened { source, .. }
            | Self::LeftOpen { source, .. }
            | Self::CommandStarted { source, .. }
            | Self::CommandEnded { source, .. }
            | Self::CommandFailed { source, .. }
            | Self::CommandHangs { source, .. } => Some(*source),
            _ => None,
        }
    }

    /// The same as it is told to those who may only watch; none if it is not for them.
    #[must_use]
    pub fn without_secrets(self) -> Option<Self> {
        match self {
            // Somebody else's right knock at another door that begins in the same way is a wrong one here.
            Self::Discarded { at, .. } => Some(Self::Discarded { at, hit: None }),
            Self::Ignored { .. } | Self::Log { .. } => None,
            other => Some(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Stage {
        Stage { door: "ssh".to_owned(), source: [192, 0, 2, 7].into(), stage: 2 }
    }

    #[test]
    fn an_event_is_flat_and_read_back() {
        let event = Event { at: "2026-11-27T08:00:00Z".to_owned(), what: Happening::Stage(at()) };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"at":"2026-11-27T08:00:00Z","kind":"stage","door":"ssh","source":"192.0.2.7","stage":2}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        let later: Event = serde_json::from_str(r#"{"at":"","kind":"moved","door":"ssh"}"#).unwrap();
        assert_eq!(later.what, Happening::Other);
    }

    #[test]
    fn who_has_something_explained_is_told_what_is_done_for_his_source() {
        let source = at().source;
        let by_hand = |source| Happening::ByHand {
            door: "ssh".to_owned(),
            source,
            hand: "opened".to_owned(),
            by_ms: None,
            user: 0,
        };
        assert_eq!(by_hand(Some(source)).beneficiary(), Some(source));
        assert_eq!(by_hand(None).beneficiary(), None);
        let failed = Happening::CommandFailed { door: "ssh".to_owned(), source, closes: false, status: 1 };
        assert_eq!((failed.beneficiary(), Happening::Stage(at()).beneficiary()), (Some(source), None));
    }

    #[test]
    fn who_may_only_watch_learns_no_ports() {
        let hit = Some("7000:udp".to_owned());
        let discarded = Happening::Discarded { at: at(), hit };
        assert_eq!(discarded.without_secrets(), Some(Happening::Discarded { at: at(), hit: None }));
        let text = "Sequence = 7000".to_owned();
        let log = Happening::Log { level: "warning".to_owned(), text: text.clone() };
        assert_eq!(log.without_secrets(), None);
        let (door, source) = ("ssh".to_owned(), [192, 0, 2, 7].into());
        assert_eq!(
            Happening::Ignored { door, source, hit: text.clone(), reason: text }.without_secrets(),
            None
        );
        assert!(Happening::Stage(at()).without_secrets().is_some());
    }
}
