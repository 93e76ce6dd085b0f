//! What has happened since the daemon was started, in numbers.

use knock_core::moment::Moment;

/// The numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// When the daemon was started.
    pub started: Moment,
    /// When the configuration in force was taken.
    pub taken: Moment,
    /// For how many packets the kernel had no room.
    pub packets_dropped: u64,
    /// How many completed sequences opened nothing, as there were too many.
    pub openings_lost: u64,
    /// How many watchers have ended, or had to be ended.
    pub watchers_ended: u64,
}

impl Tally {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        Self { started: now, taken: now, ..Self::default() }
    }

    /// Takes in that the configuration was read and taken.
    pub fn note_taken(&mut self, now: Moment) {
        self.taken = now;
    }
}
