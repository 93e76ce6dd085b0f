//! The names of doors.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::printable::is_printable;

/// The name of a door: 1 to [`DoorName::LONGEST`] bytes of printable text without blanks at its ends, which can go to
/// a log or a terminal as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DoorName(Box<str>);

impl DoorName {
    /// The most bytes that a name has; the classic daemon cut off what was longer.
    pub const LONGEST: usize = 127;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DoorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a text is no name of a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameMistake {
    /// There is none.
    #[error("a door needs a name")]
    Empty,
    /// More than [`DoorName::LONGEST`] bytes.
    #[error("a door's name has at most {} bytes", DoorName::LONGEST)]
    TooLong,
    /// Something in it can't be shown.
    #[error("a door's name has only printable characters")]
    Unprintable,
}

impl FromStr for DoorName {
    type Err = NameMistake;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        match text.len() {
            0 => Err(NameMistake::Empty),
            1..=Self::LONGEST if text.chars().all(is_printable) => Ok(Self(text.into())),
            1..=Self::LONGEST => Err(NameMistake::Unprintable),
            _ => Err(NameMistake::TooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_and_short() {
        let name = |text: &str| text.parse::<DoorName>();
        assert_eq!(name(" Tür [2] ").unwrap().as_str(), "Tür [2]");
        assert_eq!(name(&"a".repeat(127)).unwrap().as_str().len(), 127);
        assert_eq!(name(&"a".repeat(128)), Err(NameMistake::TooLong));
        assert_eq!(name(" \t"), Err(NameMistake::Empty));
        assert_eq!(name("a\x1b[2J"), Err(NameMistake::Unprintable));
        assert_eq!(name("a\u{202e}b"), Err(NameMistake::Unprintable));
    }
}
