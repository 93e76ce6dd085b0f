//! What is told of one packet.

use serde::Serialize;

use super::Seen;

/// One packet, or something that happened without one, and what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// When, in RFC 3339, in UTC.
    pub at: String,
    /// What came in, if it is a packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<Seen>,
    /// What it did: at least one sentence.
    pub sentences: Vec<Sentence>,
}

/// What it did at one door, or that it did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// The door; none if it is about all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door: Option<String>,
    /// How it went.
    pub tone: Tone,
    /// The words.
    pub text: String,
    /// Where an attempt has failed: why, as far as can be told, and what to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// A right knock.
    Right,
    /// The door opens.
    Open,
    /// An attempt has failed.
    Failed,
    /// Nothing has changed.
    Nothing,
}

impl Told {
    /// What came in, for the eye: `7000:tcp syn`, or without the port for those who are to know none.
    #[must_use]
    pub fn subject(&self) -> String {
        let Some(Seen { protocol, port, flags, .. }) = &self.packet else { return "-".to_owned() };
        let flags = flags.as_ref().map(|flags| format!(" {flags}")).unwrap_or_default();
        match port {
            Some(port) => format!("{port}:{protocol}{flags}"),
            None => format!("{protocol}{flags}"),
        }
    }
}
