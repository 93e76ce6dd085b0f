//! What the daemon says.

use serde::{Deserialize, Serialize};

use super::{Event, List, Refusal, Sequences, Status, VERSION};
use crate::explain::Finding;

/// One line from the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// The first line.
    Hello(Hello),
    /// The answer to [`Request::Status`](super::Request::Status).
    Status(Box<Status>),
    /// The answer to [`Request::List`](super::Request::List).
    List(List),
    /// The answer to [`Request::Sequences`](super::Request::Sequences).
    Sequences(Sequences),
    /// The answer to [`Request::Open`](super::Request::Open).
    Opened {
        /// Whether the kernel lets him in, already now.
        by_kernel: bool,
        /// Whether commands open or close the door: they run, or wait to.
        by_command: bool,
        /// How long it stays open, in milliseconds; none if nothing closes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stay_ms: Option<u64>,
    },
    /// The answer to [`Request::Close`](super::Request::Close) and [`Request::CloseAll`](super::Request::CloseAll).
    Closed {
        /// How many openings are over; stop commands run, or wait to.
        count: u64,
    },
    /// The answer to [`Request::Extend`](super::Request::Extend).
    Extended {
        /// How long it stays open from now on, in milliseconds.
        left_ms: u64,
    },
    /// The answer to [`Request::Reload`](super::Request::Reload): the configuration is in force.
    Reloaded {
        /// What in it may not be meant as it is.
        warnings: Vec<String>,
    },
    /// The answer to [`Request::Metrics`](super::Request::Metrics), in the text format 0.0.4 of Prometheus.
    Metrics {
        /// The page.
        text: String,
    },
    /// The answer to [`Request::Watch`](super::Request::Watch): events follow, and nothing that is asked is answered any
    /// more.
    Watching {},
    /// The answer to [`Request::Explain`](super::Request::Explain): findings follow, and events of that source beside its
    /// attempts, and nothing that is asked is answered any more.
    Explaining {},
    /// What became of a packet at one door. All findings of one packet follow one another.
    Finding(Box<Finding>),
    /// Findings that were too many for anybody to be told.
    FindingsLeftOut {
        /// How many.
        count: u64,
    },
    /// Something has happened.
    Event(Event),
    /// A request is not fulfilled.
    Refused(Refusal),
}

/// Who speaks, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The daemon's version.
    pub knockd: String,
    /// The protocol's; see [`VERSION`].
    pub protocol: u32,
    /// What the client may do.
    pub rights: Rights,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rights {
    /// See what goes on, but for what would tell of sequences.
    Watch,
    /// Everything.
    All,
}

impl Hello {
    /// What this daemon says.
    #[must_use]
    pub fn new(rights: Rights) -> Self {
        Self { knockd: env!("CARGO_PKG_VERSION").to_owned(), protocol: VERSION, rights }
    }
}

impl Said {
    /// The line with its end.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Nothing in it can fail to be written.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Reads a line.
    pub fn decode(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }
}

impl From<Result<Said, Refusal>> for Said {
    fn from(answer: Result<Said, Refusal>) -> Self {
        answer.unwrap_or_else(Self::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object_with_one_name_and_is_read_back() {
        for (said, start) in [
            (Said::Hello(Hello::new(Rights::Watch)), r#"{"hello":{"knockd":""#),
            (Said::List(List::default()), r#"{"list":{"openings":[],"left_out":0}}"#),
            (Said::Metrics { text: "a 1\n".to_owned() }, r#"{"metrics":{"text":"a 1\n"}}"#),
            (Said::Watching {}, r#"{"watching":{}}"#),
            (Said::Explaining {}, r#"{"explaining":{}}"#),
            (Said::FindingsLeftOut { count: 7 }, r#"{"findings-left-out":{"count":7}}"#),
        ] {
            let line = String::from_utf8(said.encode()).unwrap();
            assert!(line.starts_with(start) && line.ends_with("}\n"), "{line}");
            assert_eq!(Said::decode(line.as_bytes()).unwrap(), said);
        }
    }

    #[test]
    fn rights_have_an_order() {
        assert!(Rights::All > Rights::Watch);
    }
}
