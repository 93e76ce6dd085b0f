//! Why a request is not fulfilled.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The answer to a request that is not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{text}")]
pub struct Refusal {
    /// Of what kind the reason is.
    pub kind: RefusalKind,
    /// The reason in words: one line, or for [`RefusalKind::Mistakes`] some.
    pub text: String,
}

/// What kinds of reason there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// The line is no request.
    Malformed,
    /// The line is longer than any request.
    TooLong,
    /// Who asks may not.
    NotAllowed,
    /// There are too many clients, or too much is on its way to them.
    Busy,
    /// The daemon is about to end.
    Ending,
    /// No door has that name, or several have it where it has to be one.
    NoSuchDoor,
    /// Nobody can come from that address.
    NoSuchSource,
    /// The door is not open for that source.
    NotOpen,
    /// The configuration has mistakes; the one of before stays in force.
    Mistakes,
    /// It could not be done.
    Failed,
    /// A kind that came with a later version.
    #[serde(other)]
    Other,
}

impl Refusal {
    /// A refusal of this kind, with this text.
    #[must_use]
    pub fn new(kind: RefusalKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_a_later_version_is_another() {
        let refusal: Refusal = serde_json::from_str(r#"{"kind":"tired","text":"no"}"#).unwrap();
        assert_eq!(refusal, Refusal::new(RefusalKind::Other, "no"));
        let text = serde_json::to_string(&Refusal::new(RefusalKind::NoSuchDoor, "no")).unwrap();
        assert_eq!(text, r#"{"kind":"no-such-door","text":"no"}"#);
    }
}
