//! What we have promised to close: nothing is opened before the journal holds the promise.

use std::time::Duration;

use super::openings::Opening;
use crate::journal::{Journal, OpeningId};

/// The journal, if there is one, and the openings that wait for it.
#[derive(Debug)]
pub struct Promises {
    journal: Option<Journal>,
    waiting: Vec<OpeningId>,
}

/// What came of writing the journal.
#[derive(Debug)]
pub struct Committed {
    /// The openings that waited for it.
    pub waiting: Vec<OpeningId>,
    /// Why they may not begin.
    pub failed: Option<String>,
}

impl Promises {
    /// Without a journal there are no promises.
    #[must_use]
    pub fn new(journal: Option<Journal>) -> Self {
        Self { journal, waiting: Vec::new() }
    }

    /// Whether promises can be made.
    #[must_use]
    pub fn can_be_made(&self) -> bool {
        self.journal.is_some()
    }

    /// Has this opening wait for the next [`Promises::commit`].
    pub fn begin(&mut self, id: OpeningId, opening: &Opening) {
        self.waiting.push(id);
        let (door, stop) = ((opening.door.as_ref(), opening.ordinal), opening.stop.as_deref());
        self.note(|journal| {
            journal.note_opened(id, door, opening.source, stop.unwrap_or_default(), opening.stay);
        });
    }

    /// An opening is to be closed in `left`.
    pub fn move_end(&mut self, id: OpeningId, left: Duration) {
        self.note(|journal| journal.note_lasts(id, left));
    }

    /// An opening is closed: the promise is kept.
    pub fn keep(&mut self, id: OpeningId) {
        self.note(|journal| journal.note_closed(id));
    }

    /// Whether [`Promises::commit`] has something to do, which may take long.
    #[must_use]
    pub fn are_behind(&self) -> bool {
        !self.waiting.is_empty() || self.journal.as_ref().is_some_and(Journal::is_behind)
    }

    /// Writes down what is new. Nothing if there isn't anything.
    ///
    /// What can't be written and concerns openings that have begun already is tried again with the next call.
    pub fn commit(&mut self) -> Option<Committed> {
        let waiting = std::mem::take(&mut self.waiting);
        let failed = match &mut self.journal {
            Some(journal) if journal.is_behind() => journal.commit().err().map(|error| error.to_string()),
            None if !waiting.is_empty() => Some("there is no state directory".to_owned()),
            _ => return None,
        };
        Some(Committed { waiting, failed })
    }

    fn note(&mut self, note: impl FnOnce(&mut Journal)) {
        if let Some(journal) = &mut self.journal {
            note(journal);
        }
    }
}
