//! Who else hears what is said.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;

use super::{Kind, Line};

/// Has somebody hear what is said, as long as he wants to.
pub struct Tap {
    is_open: Arc<AtomicBool>,
    give: Box<dyn Fn(Vec<Heard>) + Send>,
}

/// What there is to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something was said at this time.
    Said(Line, Timestamp),
    /// So many lines of a kind were left out by whoever would have said them, at this time.
    LeftOut(Kind, u64, Timestamp),
    /// So much was said faster than it could be taken.
    Lost(u64),
}

impl Tap {
    /// Has `give` get what is said while `is_open` is set. It is called where the log is called, and may not wait.
    pub fn new(is_open: Arc<AtomicBool>, give: impl Fn(Vec<Heard>) + Send + 'static) -> Self {
        Self { is_open, give: Box::new(give) }
    }

    /// Whether somebody wants to hear it.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    pub(super) fn give(&self, heard: Vec<Heard>) {
        (self.give)(heard);
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("is_open", &self.is_open()).finish_non_exhaustive()
    }
}
