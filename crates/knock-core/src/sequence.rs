//! Knocks and the sequences they form.

use std::{fmt, num::NonZeroU16, ops::Range, str::FromStr};

use thiserror::Error;

use crate::errors::Errors;

/// The transport protocols that can carry a knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Transmission Control Protocol (RFC 9293).
    Tcp,
    /// User Datagram Protocol (RFC 768).
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// One expected hit: a port and a protocol.
///
/// Its text is `PORT` or `PORT:PROTOCOL`, blanks allowed around both, the protocol in any case; without one it is TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Knock {
    /// The destination port, 1-65535.
    pub port: NonZeroU16,
    /// The transport protocol.
    pub protocol: Protocol,
}

impl fmt::Display for Knock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.port, self.protocol)
    }
}

/// An ordered list of 1 to [`Sequence::MAX_KNOCKS`] knocks.
///
/// Its text is knocks with commas between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sequence {
    first: Knock,
    knocks: Box<[Knock]>,
}

impl Sequence {
    /// The most knocks a sequence can have, the classic daemon's limit.
    pub const MAX_KNOCKS: usize = 32;

    /// A sequence of these knocks.
    pub fn new(knocks: &[Knock]) -> Result<Self, SequenceMistake> {
        let first = *knocks.first().ok_or(SequenceMistake::Empty)?;
        if knocks.len() > Self::MAX_KNOCKS {
            return Err(SequenceMistake::TooLong);
        }
        Ok(Self { first, knocks: knocks.into() })
    }

    /// The knocks in their order; never empty.
    #[must_use]
    pub fn knocks(&self) -> &[Knock] {
        &self.knocks
    }

    /// The knock that begins it.
    #[must_use]
    pub fn first(&self) -> Knock {
        self.first
    }

    /// Whether this knock occurs in it.
    #[must_use]
    pub fn contains(&self, knock: Knock) -> bool {
        self.knocks.contains(&knock)
    }

    /// Whether some knock of the sequence has this protocol.
    #[must_use]
    pub fn uses(&self, protocol: Protocol) -> bool {
        self.knocks.iter().any(|knock| knock.protocol == protocol)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, knock) in self.knocks.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{knock}")?;
        }
        Ok(())
    }
}

/// What is wrong with the text of a knock or a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SequenceMistake {
    /// There is no knock at all.
    #[error("the sequence is empty")]
    Empty,
    /// More than [`Sequence::MAX_KNOCKS`].
    #[error("a sequence has at most {} knocks", Sequence::MAX_KNOCKS)]
    TooLong,
    /// Nothing stands where a knock should, as between two commas.
    #[error("a knock is missing here")]
    MissingKnock,
    /// Not a whole number from 1 to 65535.
    #[error("a port is a whole number from 1 to 65535")]
    Port,
    /// Neither `tcp` nor `udp`.
    #[error("a protocol is tcp or udp")]
    Protocol,
}

/// A [`SequenceMistake`] and where in the text it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{mistake}")]
pub struct SequenceError {
    /// What is wrong.
    pub mistake: SequenceMistake,
    /// The bytes of the parsed text that are wrong; empty where something is missing.
    pub place: Range<usize>,
}

impl FromStr for Knock {
    type Err = SequenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        knock(text, 0).map_err(Errors::into_first)
    }
}

impl FromStr for Sequence {
    type Err = Errors<SequenceError>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = |mistake| SequenceError { mistake, place: trimmed(text, 0).1 };
        if text.trim().is_empty() {
            return Err(whole(SequenceMistake::Empty).into());
        }
        let mut start = 0;
        let knocks = Errors::gather(text.split(',').map(|part| {
            let knock = knock(part, start);
            start += part.len() + 1;
            knock
        }))?;
        Self::new(&knocks).map_err(|mistake| whole(mistake).into())
    }
}

fn knock(text: &str, offset: usize) -> Result<Knock, Errors<SequenceError>> {
    let (port, protocol) = match text.split_once(':') {
        Some((port, protocol)) => (port, Some((protocol, offset + port.len() + 1))),
        None => (text, None),
    };
    let (digits, place) = trimmed(port, offset);
    if digits.is_empty() {
        return Err(SequenceError { mistake: SequenceMistake::MissingKnock, place }.into());
    }
    // `parse` would take a leading plus sign.
    let port = Some(digits)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or(SequenceError { mistake: SequenceMistake::Port, place });
    let protocol = match protocol.map(|(text, offset)| trimmed(text, offset)) {
        None => Ok(Protocol::Tcp),
        Some((name, _)) if name.eq_ignore_ascii_case("tcp") => Ok(Protocol::Tcp),
        Some((name, _)) if name.eq_ignore_ascii_case("udp") => Ok(Protocol::Udp),
        Some((_, place)) => Err(SequenceError { mistake: SequenceMistake::Protocol, place }),
    };
    let (port, protocol) = Errors::both(port, protocol)?;
    Ok(Knock { port, protocol })
}

/// The text without the blanks around it, and its place.
fn trimmed(text: &str, offset: usize) -> (&str, Range<usize>) {
    let start = offset + text.len() - text.trim_start().len();
    let text = text.trim();
    (text, start..start + text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<(SequenceMistake, Range<usize>)> {
        let errors = text.parse::<Sequence>().unwrap_err();
        errors.iter().map(|error| (error.mistake, error.place.clone())).collect()
    }

    fn mistake(text: &str) -> (SequenceMistake, Range<usize>) {
        let mistakes = mistakes(text);
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        mistakes[0].clone()
    }

    #[test]
    fn reads_ports_and_protocols() {
        let sequence: Sequence = "7000, 8000:UDP ,9000 : tcp".parse().unwrap();
        assert_eq!(sequence.to_string(), "7000:tcp,8000:udp,9000:tcp");
        assert!(sequence.uses(Protocol::Udp));
        assert!(!"1".parse::<Sequence>().unwrap().uses(Protocol::Udp));
    }

    #[test]
    fn points_at_the_mistake() {
        assert_eq!(mistake("  "), (SequenceMistake::Empty, 2..2));
        assert_eq!(mistake("1, 70000,3"), (SequenceMistake::Port, 3..8));
        assert_eq!(mistake("0"), (SequenceMistake::Port, 0..1));
        assert_eq!(mistake("+5"), (SequenceMistake::Port, 0..2));
        assert_eq!(mistake("1,,3"), (SequenceMistake::MissingKnock, 2..2));
        assert_eq!(mistake("1,2,"), (SequenceMistake::MissingKnock, 4..4));
        assert_eq!(mistake("1,2: icmp"), (SequenceMistake::Protocol, 5..9));
        assert_eq!(mistake("1,2:tcp:udp"), (SequenceMistake::Protocol, 4..11));
    }

    #[test]
    fn points_at_every_mistake() {
        use SequenceMistake::{MissingKnock, Port, Protocol};
        assert_eq!(
            mistakes("0, 2:icmp,,4,70000:sctp"),
            [(Port, 0..1), (Protocol, 5..9), (MissingKnock, 10..10), (Port, 13..18), (Protocol, 19..23)]
        );
    }

    #[test]
    fn holds_at_most_32_knocks() {
        let ports = |count: usize| vec!["7"; count].join(",");
        assert_eq!(ports(32).parse::<Sequence>().unwrap().knocks().len(), 32);
        assert_eq!(mistake(&ports(33)), (SequenceMistake::TooLong, 0..65));
        assert_eq!(Sequence::new(&[]), Err(SequenceMistake::Empty));
    }
}
