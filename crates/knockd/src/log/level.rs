//! How much a line matters.

use knock_core::event::{self, What};

use super::{kind::Kind, line::Line};

/// How much a line matters: from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It explains what the daemon does; for the terminal only, and there only on demand.
    Debug,
    /// It is good to know.
    Info,
    /// It is what the log is for.
    Notice,
    /// Somebody should look after it.
    Warning,
    /// The daemon can't do what it is there for.
    Error,
}

impl Level {
    /// Its name in a log for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Its number in the system's log (RFC 3164, table 2; `PRIORITY` in systemd.journal-fields(7)).
    #[must_use]
    pub fn severity(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
            Self::Debug => 7,
        }
    }
}

impl Line {
    /// How much it matters. The classic daemon's lines are all notices.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Attempt { what: What::Ignored { .. }, .. }
            | Self::LeftOut { kind: Kind::Attempt(event::Kind::Ignored), .. }
            | Self::Opened { .. }
            | Self::Closed { .. } => Level::Debug,
            Self::Attempt { what: What::Discarded { .. } | What::GaveWay(_), .. }
            | Self::Ran { .. }
            | Self::Extended { .. }
            | Self::InterfaceCame { .. }
            | Self::InterfaceWent { .. } => Level::Info,
            Self::Text { level, .. } => *level,
            Self::CommandKilled { .. }
            | Self::CommandHangs { .. }
            | Self::NoSequence { .. }
            | Self::OneTimeEmpty { .. }
            | Self::PacketsDropped { .. }
            | Self::NotShown { .. }
            | Self::OutputWorks { .. } => Level::Warning,
            Self::CommandNotStarted { .. }
            | Self::NotOpened { .. }
            | Self::StaysShut { .. }
            | Self::OneTimeNotMarked { .. }
            | Self::ConfigurationKept { .. }
            | Self::OpeningsLost { .. }
            | Self::WatcherEnded { .. }
            | Self::OutputBroken { .. }
            | Self::FileNotReopened { .. } => Level::Error,
            _ => Level::Notice,
        }
    }

    /// Whether it belongs with what goes wrong. The classic daemon's own such line is a notice all the same.
    #[must_use]
    pub fn is_complaint(&self) -> bool {
        self.level() >= Level::Warning || matches!(self, Self::CommandFailed { .. })
    }
}
