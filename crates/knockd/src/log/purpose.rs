//! What commands are for.

/// What a command of a door is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// It opens the door, or is what the door does.
    Start,
    /// It closes the door.
    Stop,
}

impl Purpose {
    /// Its name in a log for machines and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
        }
    }
}
