//! What lines have in common that are counted together.

use std::fmt;

use knock_core::event;

/// What lines have in common that are counted together when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Events of attempts.
    Attempt(event::Kind),
    /// Lines of files that are no sequence.
    NoSequence,
    /// Interfaces that come and go.
    Interface,
    /// Packets that the kernel had no room for.
    PacketsDropped,
    /// Openings that were too many.
    OpeningsLost,
    /// Texts without a kind of their own.
    Text,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Attempt(event::Kind::Stage),
        Self::Attempt(event::Kind::Discarded),
        Self::Attempt(event::Kind::TimedOut),
        Self::Attempt(event::Kind::GaveWay),
        Self::Attempt(event::Kind::Ignored),
        Self::NoSequence,
        Self::Interface,
        Self::PacketsDropped,
        Self::OpeningsLost,
        Self::Text,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Attempt(event::Kind::Stage) => "stages",
            Self::Attempt(event::Kind::Discarded) => "discarded attempts",
            Self::Attempt(event::Kind::TimedOut) => "sequence timeouts",
            Self::Attempt(event::Kind::GaveWay) => "attempts that gave way",
            Self::Attempt(event::Kind::Ignored) => "ignored hits",
            Self::NoSequence => "lines that are no sequence",
            Self::Interface => "interfaces that came and went",
            Self::PacketsDropped => "packets dropped",
            Self::OpeningsLost => "openings lost",
            Self::Text => "other lines",
        })
    }
}
