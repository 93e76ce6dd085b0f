//! What is open, noted on disk before it is opened: whatever happens to the daemon, the next one closes it.
//!
//! The file `openings` in the state directory has a line for every opening that begins, moves its end or is over. Only
//! a beginning has to be on the disk before anything goes on; what is lost of the rest, and only a crash of the whole
//! system loses it, closes a door early or once more.

mod directory;
mod record;
mod stamp;

use std::{collections::BTreeSet, fs::File, io, os::unix::fs::FileExt, path::Path, time::Duration};

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
    /// Whether the file's name is on the disk.
    is_named: bool,
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
    /// Whether the journal with those lines was kept.
    pub is_kept: bool,
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

impl Journal {
    /// Takes the state directory, reads the journal in it and shows that there is room for more.
    pub fn open(path: &Path) -> Result<(Self, Left), OpenError> {
        let directory = Directory::take(path).map_err(|error| OpenError { error, left: None })?;
        let failed = |error| DirectoryError::File { path: path.to_owned(), error };
        let text = directory.read(NAME).map_err(|error| OpenError { error: failed(error), left: None })?;
        let (clock, mut content) = (Clock::new(), Content::read(&text));
        // After the next reboot nobody could tell how much of the time was left by now.
        content.tell_anew(&clock.now());
        let mut left = Left::new(&content, &clock.now());
        if !content.damaged.is_empty() {
            // What can't be read may still tell somebody what to close.
            left.is_kept = directory.keep(DAMAGED, &text).is_ok();
        }
        let text = content.text();
        match directory.replace(NAME, &text).and_then(|file| directory.sync().map(|()| file)) {
            Ok(file) => {
                let mut journal = Self {
                    directory,
                    file,
                    clock,
                    length: 0,
                    too_long: 0,
                    torn: false,
                    is_named: true,
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
        let written = self.write();
        if written.is_ok() {
            self.take_in();
        } else {
            self.torn = self.file.set_len(self.length).is_err();
            let begun: BTreeSet<_> = self.pending.iter().filter_map(begun).collect();
            self.pending.retain(|record| !begun.contains(&record.id()));
        }
        written
    }

    fn write(&mut self) -> io::Result<()> {
        let begins = self.pending.iter().any(|record| begun(record).is_some());
        if !begins && self.closes_all() {
            // That nothing is open takes no room, even where there is none.
            return Ok(());
        }
        if begins && !self.directory.holds(NAME, &self.file) {
            self.put_back()?;
        }
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        let text: String = self.pending.iter().map(Record::line).collect();
        self.file.write_all_at(text.as_bytes(), self.length)?;
        if begins {
            self.file.sync_data()?;
        }
        if begins && !self.is_named {
            self.directory.sync()?;
            self.is_named = true;
        }
        self.length += text.len() as u64;
        Ok(())
    }

    /// Whether nothing is open any more with what is not written yet.
    fn closes_all(&self) -> bool {
        self.unclosed.iter().all(|id| self.pending.contains(&Record::Closed { id: *id }))
    }

    fn take_in(&mut self) {
        for record in self.pending.drain(..) {
            match record {
                Record::Opened(Unclosed { id, .. }) => _ = self.unclosed.insert(id),
                Record::Lasts { .. } => {}
                Record::Closed { id } => _ = self.unclosed.remove(&id),
            }
        }
        if self.unclosed.is_empty() {
            self.torn = self.file.set_len(0).is_err();
            self.begin(0);
        } else if self.length >= self.too_long {
            // It can grow on if this fails; the next commit tries again.
            let _ = self.write_anew();
        }
    }

    /// Somebody has removed the journal, or all of its directory: the next start would not find it.
    fn put_back(&mut self) -> io::Result<()> {
        if !self.directory.is_in_place() {
            self.directory = Directory::take(self.directory.path()).map_err(io::Error::other)?;
        }
        self.write_anew()
    }

    fn write_anew(&mut self) -> io::Result<()> {
        let mut text = vec![0; usize::try_from(self.length).unwrap_or_default()];
        self.file.read_exact_at(&mut text, 0)?;
        let text = Content::read(&text).text();
        self.file = self.directory.replace(NAME, &text)?;
        // The old file is nobody's now. Nothing begins until the name of the new one is on the disk.
        self.begin(text.len() as u64);
        self.torn = false;
        self.is_named = self.directory.sync().is_ok();
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
        Self { unclosed: unclosed.collect(), damaged: content.damaged.clone(), is_kept: false }
    }
}

#[cfg(test)]
mod tests;
