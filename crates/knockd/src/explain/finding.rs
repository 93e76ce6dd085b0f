//! What became of one packet at one door, as it goes to whoever wants to know why.

use std::net::IpAddr;

use jiff::Timestamp;
use knock_core::{
    door::{Door, FlagRule, TcpFlags},
    event::{Reason, What},
    explanation::Explanation,
    sequence::Knock,
};
use serde::{Deserialize, Serialize};

/// An event with all that is needed to put it in words. What only readers of the configuration may know stands in fields
/// that others don't get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// When it happened, in RFC 3339, in UTC.
    pub at: String,
    /// The same by a clock that nobody sets, in microseconds: only differences mean something.
    pub clock_us: u64,
    /// What came in; none if no packet of this source has led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<Seen>,
    /// The door's name.
    pub door: String,
    /// How many knocks the door has.
    pub knocks: u8,
    /// How long an attempt lives, in milliseconds.
    pub timeout_ms: u64,
    /// Whether each of the door's sequences opens it once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_time: bool,
    /// What happened.
    #[serde(flatten)]
    pub what: Outcome,
    /// What the configuration says; for its readers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<Configured>,
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Tells it from the others.
    pub number: u64,
    /// Whom it was sent to.
    pub to: IpAddr,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The port; for readers of the configuration only, since it may be a knock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The flags of a TCP segment, with commas between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<String>,
}

/// What happened at the door. Stages count the knocks made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Outcome {
    /// The packet was the knock that was waited for, and not the last.
    Stage {
        /// How far the attempt has come.
        stage: u8,
    },
    /// It was the last knock.
    Opened {
        /// How many knocks were made.
        stage: u8,
    },
    /// It was another, and has ended the attempt.
    Discarded {
        /// How far that had come.
        stage: u8,
    },
    /// The time for the sequence was over.
    TimedOut {
        /// How far the attempt had come.
        stage: u8,
    },
    /// There were too many attempts.
    GaveWay {
        /// How far it had come.
        stage: u8,
    },
    /// The packet did nothing.
    Ignored {
        /// Why.
        reason: Why,
    },
}

/// Why a packet did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// See [`Reason::NotAddressed`].
    NotAddressed,
    /// See [`Reason::NoPeer`].
    NoPeer,
    /// See [`Reason::Flags`].
    Flags,
    /// See [`Reason::Protocol`].
    Protocol,
    /// See [`Reason::Copy`].
    Copy,
    /// See [`Reason::NotFirst`].
    NotFirst,
    /// See [`Reason::Overlooked`].
    Overlooked,
}

/// What the configuration says about a packet's door.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configured {
    /// The knock that was waited for, as `PORT:PROTOCOL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<String>,
    /// The first place that the packet's port and protocol have in the sequence, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u8>,
    /// The door's `TCPFlags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<String>,
    /// The door's `Target`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<IpAddr>,
}

/// Who is going to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Somebody who can read the configuration.
    OfConfiguration,
    /// Somebody who is to know no port.
    Stranger,
}

impl Finding {
    /// What is known of an event at a door of this name, which happened at this time.
    #[must_use]
    pub fn of(explanation: &Explanation, name: &str, door: &Door, at: Timestamp, reader: Reader) -> Self {
        let event = &explanation.event;
        let knows = reader == Reader::OfConfiguration;
        let knocks = door.sequence.knocks();
        let what = Outcome::of(event.what);
        let awaited = match what {
            Outcome::Stage { stage }
            | Outcome::Discarded { stage }
            | Outcome::TimedOut { stage }
            | Outcome::GaveWay { stage } => knocks.get(usize::from(stage)),
            Outcome::Ignored { reason: Why::NotFirst } => knocks.first(),
            _ => None,
        };
        let place = explanation.packet.and_then(|packet| {
            let is_it = |knock: &Knock| knock.port.get() == packet.port && knock.protocol == packet.protocol;
            knocks.iter().position(is_it).and_then(|place| u8::try_from(place + 1).ok())
        });
        let configured = Configured {
            awaited: awaited.map(ToString::to_string),
            place,
            flags: rule(door.flags),
            target: door.target,
        };
        let packet = explanation.packet.map(|packet| Seen {
            number: packet.number,
            to: packet.destination,
            protocol: packet.protocol.to_string(),
            port: knows.then_some(packet.port),
            flags: packet.flags.map(|flags| flags.to_string()),
        });
        Self {
            at: format!("{at:.6}"),
            clock_us: event.at.as_nanos() / 1000,
            packet,
            door: name.to_owned(),
            knocks: u8::try_from(knocks.len()).unwrap_or(u8::MAX),
            timeout_ms: u64::try_from(door.timeout.as_millis()).unwrap_or(u64::MAX),
            one_time: door.one_time,
            what,
            configured: knows.then_some(configured),
        }
    }
}

impl Finding {
    /// Why it did nothing; none if it did something.
    pub(super) fn reason(&self) -> Option<Why> {
        match self.what {
            Outcome::Ignored { reason } => Some(reason),
            _ => None,
        }
    }

    /// Whether the packet is known to be a knock of the door.
    pub(super) fn is_known(&self) -> bool {
        self.configured.as_ref().is_some_and(|configured| configured.place.is_some())
    }
}

impl Outcome {
    fn of(what: What) -> Self {
        match what {
            What::Stage(stage) => Self::Stage { stage },
            What::Opened(stage) => Self::Opened { stage },
            What::Discarded { stage, .. } => Self::Discarded { stage },
            What::TimedOut(stage) => Self::TimedOut { stage },
            What::GaveWay(stage) => Self::GaveWay { stage },
            What::Ignored { reason, .. } => Self::Ignored { reason: reason.into() },
        }
    }
}

impl From<Reason> for Why {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::NotAddressed => Self::NotAddressed,
            Reason::NoPeer => Self::NoPeer,
            Reason::Flags(_) => Self::Flags,
            Reason::Protocol(_) => Self::Protocol,
            Reason::Copy => Self::Copy,
            Reason::NotFirst => Self::NotFirst,
            Reason::Overlooked => Self::Overlooked,
        }
    }
}

/// As `TCPFlags` would say it; none if every segment is admitted.
fn rule(FlagRule { set, clear }: FlagRule) -> Option<String> {
    let named = |flags: TcpFlags| {
        TcpFlags::NAMES.into_iter().filter(move |(_, flag)| flags.0 & flag.0 != 0).map(|(name, _)| name)
    };
    let words: Vec<_> =
        named(set).map(ToOwned::to_owned).chain(named(clear).map(|name| format!("!{name}"))).collect();
    (!words.is_empty()).then(|| words.join(","))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use knock_core::{
        door::{DoorNumber, WrongPort},
        event::Event,
        explanation::Packet,
        moment::Moment,
        sequence::Protocol,
    };

    use super::*;

    fn finding(what: What, port: u16, reader: Reader) -> Finding {
        let door = Door {
            number: DoorNumber(0),
            sequence: "7000,8000:udp,9000".parse().unwrap(),
            timeout: Duration::from_secs(10),
            flags: FlagRule { set: TcpFlags(0x02), clear: TcpFlags(0x10) },
            wrong_port: WrongPort::Discard,
            target: None,
            one_time: false,
            after: None,
        };
        let source = "192.0.2.7".parse().unwrap();
        let event = Event { at: Moment::from_nanos(1_500_000_000), door: DoorNumber(0), source, what };
        let packet = Packet {
            number: 4,
            destination: "192.0.2.1".parse().unwrap(),
            port,
            protocol: Protocol::Tcp,
            flags: Some(TcpFlags(0x02)),
        };
        let packet = what.is_of_a_hit().then_some(packet);
        Finding::of(&Explanation { event, packet }, "ssh", &door, Timestamp::UNIX_EPOCH, reader)
    }

    #[test]
    fn a_finding_goes_through_json_and_comes_back() {
        let reason = Reason::Flags(TcpFlags(0x10));
        let whats = [
            What::Stage(1),
            What::Opened(3),
            What::Discarded { stage: 1, port: 9000, protocol: Protocol::Tcp },
            What::TimedOut(2),
            What::GaveWay(1),
            What::Ignored { port: 9000, protocol: Protocol::Tcp, reason },
        ];
        for what in whats {
            for reader in [Reader::OfConfiguration, Reader::Stranger] {
                let finding = finding(what, 9000, reader);
                let text = serde_json::to_string(&finding).unwrap();
                assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), finding, "{text}");
            }
        }
    }

    #[test]
    fn readers_of_the_configuration_see_what_was_waited_for() {
        let what = What::Discarded { stage: 1, port: 9000, protocol: Protocol::Tcp };
        let finding = finding(what, 9000, Reader::OfConfiguration);
        let configured = Configured {
            awaited: Some("8000:udp".to_owned()),
            place: Some(3),
            flags: Some("syn,!ack".to_owned()),
            target: None,
        };
        assert_eq!(finding.configured, Some(configured));
        let text = serde_json::to_string(&finding).unwrap();
        assert!(
            text.starts_with(
                r#"{"at":"1970-01-01T00:00:00.000000Z","clock_us":1500000,"packet":{"number":4,"#
            ),
            "{text}"
        );
        assert!(text.contains(r#""what":"discarded","stage":1,"#), "{text}");
    }

    #[test]
    fn strangers_see_no_port() {
        for (port, what) in [
            (7000, What::Stage(1)),
            (9000, What::Opened(3)),
            (9000, What::Discarded { stage: 1, port: 9000, protocol: Protocol::Tcp }),
            (9000, What::TimedOut(2)),
            (9000, What::Ignored { port: 9000, protocol: Protocol::Tcp, reason: Reason::NotFirst }),
        ] {
            let text = serde_json::to_string(&finding(what, port, Reader::Stranger)).unwrap();
            for secret in ["7000", "8000", "9000", "port", "awaited", "place", "configured"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
}
