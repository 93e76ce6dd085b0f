//! What is open, noted on disk before it is opened: whatever happens to the daemon, the next one closes it.
//!
//! The file `openings` in the state directory has a line for every opening that begins, moves its end or is over. Only
//! a beginning has to be on the disk before anything goes on; what is lost of the rest, and only a crash of the whole
//! system loses it, closes a door early or once more.

mod directory;
mod record;
mod stamp;

use std::{collections::BTreeSet, fs::File, io, os::unix::fs::FileExt, time::Duration};

pub use self::{
    directory::{Directory, DirectoryError, check_state_directory},
    record::{OpeningId, Unclosed},
    stamp::Stamp,
};
use self::{
    record::{Content, Record},
    stamp::Clock,
};

/// The journal's name in the state directory.
const NAME: &str = "openings";

/// In the state directory: a journal that couldn't be read whole is kept with this name.
pub const DAMAGED: &str = "openings.damaged";

/// From this size on, in bytes, a journal is written anew when it has grown to twice what it was.
const LARGE: u64 = 1 << 20;

/// The journal of openings.
#[derive(Debug)]
pub struct Journal {
    directory: Directory,
    file: File,
    clock: Clock,
    /// How much of the file counts, in bytes.
    length: u64,
    /// At which length it is to be written anew.
    too_long: u64,
    /// Whether something that doesn't count may stand behind that.
    torn: bool,
    unclosed: BTreeSet<OpeningId>,
    /// What is not written yet.
    pending: Vec<Record>,
}

/// What a journal says of the time before.
#[derive(Debug)]
pub struct Left {
    /// What was not closed.
    pub unclosed: Vec<LeftOpen>,
    /// The numbers of the journal's lines that could not be read, from 1.
    pub damaged: Vec<usize>,
}

/// An opening that was not closed.
#[derive(Debug, PartialEq, Eq)]
pub struct LeftOpen {
    /// The opening.
    pub opening: Unclosed,
    /// How long it stays open yet; nothing if its time is over.
    pub left: Duration,
}

/// The journal can't be used, but this was read of it.
#[derive(Debug)]
pub struct OpenError {
    /// Why.
    pub error: DirectoryError,
    /// What there is to close all the same.
    pub left: Option<Left>,
}

impl From<DirectoryError> for OpenError {
    fn from(error: DirectoryError) -> Self {
        Self { error, left: None }
    }
}

impl Journal {
    /// Reads the journal in the state directory and shows that there is room for more.
    pub fn open(directory: Directory) -> Result<(Self, Left), OpenError> {
        let path = directory.path().to_owned();
        let failed = |error| DirectoryError::File { path, error };
        let text = match directory.read(NAME) {
            Ok(text) => text,
            Err(error) => return Err(OpenError { error: failed(error), left: None }),
        };
        let (clock, content) = (Clock::new(), Content::read(&text));
        let left = Left::new(&content, &clock.now());
        if !content.damaged.is_empty() {
            // What can't be read may still tell somebody what to close.
            let _ = std::fs::write(directory.file(DAMAGED), &text);
        }
        let text = content.text();
        match directory.replace(NAME, &text) {
            Ok(file) => {
                let mut journal = Self {
                    directory,
                    file,
                    clock,
                    length: 0,
                    too_long: 0,
                    torn: false,
                    unclosed: content.unclosed.into_keys().collect(),
                    pending: Vec::new(),
                };
                journal.begin(text.len() as u64);
                Ok((journal, left))
            }
            Err(error) => Err(OpenError { error: failed(error), left: Some(left) }),
        }
    }

    /// Notes that an opening begins, which is to be closed after `opening.stay` by what is known yet.
    pub fn note_opened(
        &mut self,
        id: OpeningId,
        (door, ordinal): (&str, usize),
        source: std::net::IpAddr,
        stop: &str,
        stay: Duration,
    ) {
        self.pending.push(Record::Opened(Unclosed {
            id,
            door: door.to_owned(),
            ordinal,
            source,
            stop: stop.to_owned(),
            stay,
            until: self.clock.now().after(stay),
        }));
    }

    /// Notes that an opening is closed in `left` from now.
    pub fn note_lasts(&mut self, id: OpeningId, left: Duration) {
        self.pending.push(Record::Lasts { id, until: self.clock.now().after(left) });
    }

    /// Notes that an opening is over.
    pub fn note_closed(&mut self, id: OpeningId) {
        self.pending.push(Record::Closed { id });
    }

    /// Whether there are notes that [`Journal::commit`] has not written yet.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes all notes down. When this succeeds, every opening that begins is on the disk. When it fails, none of them
    /// is noted or ever will be; the other notes are written the next time.
    pub fn commit(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        match self.write() {
            Ok(length) => self.take_in(length),
            Err(error) => {
                self.torn = true;
                let begun: BTreeSet<_> = self.pending.iter().filter_map(begun).collect();
                self.pending.retain(|record| !begun.contains(&record.id()));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns how much of the file counts from now on.
    fn write(&mut self) -> io::Result<u64> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        let text: String = self.pending.iter().map(Record::line).collect();
        self.file.write_all_at(text.as_bytes(), self.length)?;
        if self.pending.iter().any(|record| begun(record).is_some()) {
            self.file.sync_data()?;
        }
        Ok(self.length + text.len() as u64)
    }

    fn take_in(&mut self, length: u64) {
        for record in self.pending.drain(..) {
            match record {
                Record::Opened(Unclosed { id, .. }) => _ = self.unclosed.insert(id),
                Record::Lasts { .. } => {}
                Record::Closed { id } => _ = self.unclosed.remove(&id),
            }
        }
        self.length = length;
        if self.unclosed.is_empty() {
            self.torn = self.file.set_len(0).is_err();
            self.begin(0);
        } else if self.length >= self.too_long {
            // It can grow on if this fails; the next commit tries again.
            let _ = self.write_anew();
        }
    }

    fn write_anew(&mut self) -> io::Result<()> {
        let text = Content::read(&self.directory.read(NAME)?).text();
        self.file = self.directory.replace(NAME, &text)?;
        self.begin(text.len() as u64);
        Ok(())
    }

    fn begin(&mut self, length: u64) {
        self.length = length;
        self.too_long = LARGE.max(2 * length);
    }
}

/// The opening that begins with it.
fn begun(record: &Record) -> Option<OpeningId> {
    matches!(record, Record::Opened(_)).then(|| record.id())
}

impl Left {
    fn new(content: &Content, now: &Stamp) -> Self {
        let unclosed = content.unclosed.values().cloned().map(|opening| {
            let left = opening.until.left(now, opening.stay);
            LeftOpen { opening, left }
        });
        Self { unclosed: unclosed.collect(), damaged: content.damaged.clone() }
    }
}

#[cfg(test)]
mod tests;
