//! What went wrong in a trial.

use std::{fmt, io, num};

use thiserror::Error;

/// A text for the person who reads the failed test.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Trouble(String);

/// A result whose error is a [`Trouble`].
pub type Outcome<T = ()> = Result<T, Trouble>;

impl Trouble {
    /// This text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The same, told to have happened at `place`.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

/// Fails with this text unless it is so.
pub fn ensure(is_so: bool, text: impl Into<String>) -> Outcome {
    if is_so { Ok(()) } else { Err(Trouble::new(text)) }
}

/// Fails unless both are the same; `what` says what they are.
pub fn same<T: fmt::Debug + PartialEq>(what: impl fmt::Display, found: T, wanted: T) -> Outcome {
    if found == wanted {
        return Ok(());
    }
    let [found, wanted] = [found, wanted].map(|value| format!("{value:?}"));
    Err(Trouble::new(format!("{what}: {found} instead of {wanted}")))
}

/// Says what was being done when something failed.
pub trait While<T> {
    /// The same result, its error preceded by `what`.
    fn while_(self, what: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: Into<Trouble>> While<T> for Result<T, E> {
    fn while_(self, what: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| error.into().at(what))
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<nix::Error> for Trouble {
    fn from(error: nix::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<num::ParseIntError> for Trouble {
    fn from(error: num::ParseIntError) -> Self {
        Self(error.to_string())
    }
}
