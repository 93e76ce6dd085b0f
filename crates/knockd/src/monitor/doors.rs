//! The doors that stand, and what their numbers mean.

use std::{
    collections::VecDeque,
    iter,
    path::{Path, PathBuf},
    sync::Arc,
};

use knock_core::{
    config::DoorConfig,
    door::{Door, DoorNumber},
    one_time::{OneTime, Repeat},
    sequence::Sequence,
};
use thiserror::Error;

use super::one_time_file::{self, MarkError};
use crate::log::Line;

/// The doors of the configuration in force.
#[derive(Debug)]
pub struct Doors {
    /// Where relative paths begin.
    directory: PathBuf,
    numbers: Numbers,
    standing: Vec<Standing>,
    /// Doors of before, at which somebody may have completed a sequence that we have not heard of yet.
    retired: Vec<Standing>,
    /// Sequences that were completed but could not be struck out in their file. They must never open anything again.
    spent: Vec<(PathBuf, Sequence)>,
}

/// Those that no door has had.
#[derive(Debug, Default)]
struct Numbers(u32);

/// One door.
#[derive(Debug)]
pub struct Standing {
    /// What the watcher calls it.
    pub number: DoorNumber,
    /// Its name.
    pub name: Arc<str>,
    /// How many doors of the same name stand before it in the configuration.
    pub ordinal: usize,
    /// What the configuration says of it.
    pub config: DoorConfig,
    /// The one-time sequence in force.
    in_force: Option<Sequence>,
    /// Those after it.
    coming: VecDeque<Coming>,
}

/// A one-time sequence that the watcher goes on to by itself: between one and the next no knock is to be lost.
#[derive(Debug)]
struct Coming {
    number: DoorNumber,
    sequence: Sequence,
}

/// What the watcher has to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Doors that stand no more.
    pub removed: Vec<DoorNumber>,
    /// Doors to put up.
    pub added: Vec<Door>,
    /// What is to be said about it.
    pub lines: Vec<Line>,
}

/// Doors that can be put up.
#[derive(Debug, Default)]
pub struct Prepared {
    doors: Vec<(DoorConfig, Lines)>,
    lines: Vec<Line>,
}

/// The next lines of a one-time file; none for a door with a fixed sequence.
#[derive(Debug, Default)]
struct Lines {
    in_force: Option<Sequence>,
    coming: Vec<Sequence>,
}

/// A one-time file can't be read.
#[derive(Debug, Error)]
#[error("{door}: cannot read the one-time sequences in {}: {error}", .path.display())]
pub struct UnreadableOneTimeFile {
    door: String,
    path: PathBuf,
    /// Why not.
    pub error: std::io::Error,
}

impl Prepared {
    /// What is to be said about them.
    #[must_use]
    pub fn into_lines(self) -> Vec<Line> {
        self.lines
    }
}

impl Changes {
    /// Whether the watcher has nothing to be told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    /// Takes in what came later, as if both had come at once: a door that was put up and taken away was never there.
    pub fn merge(&mut self, later: Self) {
        for number in later.removed {
            let before = self.added.len();
            self.added.retain(|door| door.number != number);
            if self.added.len() == before {
                self.removed.push(number);
            }
        }
        self.added.extend(later.added);
        self.lines.extend(later.lines);
    }
}

impl Doors {
    /// No doors yet. Relative paths of one-time files begin in `directory`.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            numbers: Numbers::default(),
            standing: Vec::new(),
            retired: Vec::new(),
            spent: Vec::new(),
        }
    }

    /// Reads what doors need beside the configuration. They do not stand yet.
    pub fn prepare(&mut self, configs: Vec<DoorConfig>) -> Result<Prepared, UnreadableOneTimeFile> {
        let mut prepared = Prepared::default();
        for config in configs {
            let lines = match config.one_time_file() {
                Some(path) => self.read_one_time(&config, &self.directory.join(path), &mut prepared.lines)?,
                None => Lines::default(),
            };
            prepared.doors.push((config, lines));
        }
        Ok(prepared)
    }

    /// Puts doors in the place of those that stand.
    ///
    /// A door whose definition is the same as before keeps its number, and with it the attempts at it.
    pub fn replace(&mut self, prepared: Prepared) -> Changes {
        let mut changes = Changes { lines: prepared.lines, ..Changes::default() };
        let fresh = prepared.doors;
        let mut old = std::mem::take(&mut self.standing);
        for (config, Lines { in_force, coming }) in fresh {
            let same = old.iter().position(|old| {
                old.config.name == config.name
                    && config.door(old.number, in_force.as_ref()) == old.door()
                    && old.config.source == config.source
            });
            let same = same.map(|place| old.swap_remove(place));
            let is_new = same.is_none();
            let (number, known) = match same {
                Some(old) => (old.number, old.coming),
                None => (self.numbers.take(), VecDeque::new()),
            };
            let ordinal = self.standing.iter().filter(|before| before.config.name == config.name).count();
            let name = config.name.as_str().into();
            let mut standing = Standing { number, name, ordinal, config, in_force, coming: known };
            if is_new {
                changes.added.extend(standing.door());
            }
            standing.expect(&coming, &mut self.numbers, &mut changes);
            self.standing.push(standing);
        }
        changes.removed.extend(old.iter().flat_map(Standing::numbers));
        self.retired.append(&mut old);
        changes
    }

    /// The doors as the engine knows them, with those that come after others. One without a sequence left is not among
    /// them.
    pub fn doors(&self) -> impl Iterator<Item = Door> {
        self.standing.iter().flat_map(|standing| standing.door().into_iter().chain(standing.coming()))
    }

    /// Those of the configuration in force, in its order.
    pub fn standing(&self) -> impl Iterator<Item = &Standing> {
        self.standing.iter()
    }

    /// Whether any of them is closed again.
    #[must_use]
    pub fn close(&self) -> bool {
        self.standing.iter().any(|standing| standing.config.closes())
    }

    /// The door with this number; none if there is no such door any more.
    #[must_use]
    pub fn find(&self, number: DoorNumber) -> Option<&Standing> {
        self.standing.iter().chain(&self.retired).find(|standing| standing.number == number)
    }

    /// Takes in that the watcher has gone on to a sequence whose turn it isn't: an opening in between was lost. It is to
    /// begin again with the one in force.
    pub fn go_back(&mut self, number: DoorNumber) -> Changes {
        let mut changes = Changes::default();
        let Some(standing) = self.standing.iter_mut().find(|standing| standing.is_coming(number)) else {
            return changes;
        };
        changes.removed.extend(standing.numbers());
        standing.number = self.numbers.take();
        changes.added.extend(standing.door());
        let coming: Vec<_> = standing.coming.drain(..).map(|coming| coming.sequence).collect();
        standing.expect(&coming, &mut self.numbers, &mut changes);
        changes
    }

    /// Takes in that nothing more is to be heard of the doors of before.
    pub fn forget_retired(&mut self) {
        self.retired.clear();
    }

    /// Uses up the sequence that opened a door, if it is a one-time sequence. Only if this succeeds may the door open.
    ///
    /// The changes, with which the next sequence comes into force, are to be made in either case.
    pub fn use_up(&mut self, number: DoorNumber) -> (Changes, Result<(), (PathBuf, MarkError)>) {
        let mut changes = Changes::default();
        let Some(standing) =
            self.standing.iter_mut().chain(&mut self.retired).find(|standing| standing.number == number)
        else {
            return (changes, Ok(()));
        };
        let (Some(path), Some(used)) = (standing.config.one_time_file(), standing.in_force.take()) else {
            return (changes, Ok(()));
        };
        let path = self.directory.join(path);
        let door = Arc::clone(&standing.name);
        let (rest, marked) = match one_time_file::mark(&path, &used) {
            Ok((line, rest)) => {
                changes.lines.push(Line::OneTimeUsed { door: Arc::clone(&door), line, left: rest.left });
                (Ok(rest), Ok(()))
            }
            // The sequences that stand there now are somebody's wish, and none of them has been used.
            Err(error @ MarkError::Changed) => (one_time_file::read(&path), Err((path.clone(), error))),
            Err(error) => {
                self.spent.push((path.clone(), used));
                (Ok(OneTime::default()), Err((path.clone(), error)))
            }
        };
        let was_spent = matches!(&marked, Err((_, MarkError::File(_))));
        let lines = match rest {
            Ok(OneTime { next: None, .. }) if !was_spent => {
                changes.lines.push(Line::OneTimeEmpty { door });
                Lines::default()
            }
            Ok(rest) => rest.into(),
            Err(error) => {
                let reason = error.to_string();
                changes.lines.push(Line::OneTimeNotMarked { door, path: path.clone(), reason });
                Lines::default()
            }
        };
        for standing in &mut self.standing {
            if standing.config.one_time_file().is_some_and(|file| self.directory.join(file) == path) {
                standing.go_on(&lines, &mut self.numbers, &mut changes);
            }
        }
        for retired in self.retired.iter_mut().filter(|retired| retired.number == number) {
            // Of it the watcher has been told, or will be.
            retired.go_on(&lines, &mut self.numbers, &mut Changes::default());
        }
        (changes, marked)
    }

    /// The sequences of a one-time door; none if there is none left or its file still can't be marked.
    fn read_one_time(
        &mut self,
        config: &DoorConfig,
        path: &Path,
        lines: &mut Vec<Line>,
    ) -> Result<Lines, UnreadableOneTimeFile> {
        let door: Arc<str> = config.name.as_str().into();
        let unreadable =
            |error| UnreadableOneTimeFile { door: config.name.to_string(), path: path.to_owned(), error };
        let mut content = one_time_file::read(path).map_err(unreadable)?;
        for mistake in std::mem::take(&mut content.mistakes) {
            lines.push(Line::NoSequence { door: Arc::clone(&door), path: path.to_owned(), mistake });
        }
        for repeat in &content.repeats {
            lines.push(Line::warning(repeated(&door, path, repeat)));
        }
        while let Some(next) = &content.next
            && let Some(place) =
                self.spent.iter().position(|(file, used)| file == path && *used == next.sequence)
        {
            match one_time_file::mark(path, &next.sequence) {
                Ok((_, rest)) => {
                    self.spent.swap_remove(place);
                    content = rest;
                }
                Err(error) => {
                    lines.push(Line::OneTimeNotMarked {
                        door,
                        path: path.to_owned(),
                        reason: error.to_string(),
                    });
                    return Ok(Lines::default());
                }
            }
        }
        if content.next.is_none() {
            lines.push(Line::OneTimeEmpty { door });
        }
        Ok(content.into())
    }
}

impl Numbers {
    fn take(&mut self) -> DoorNumber {
        let number = DoorNumber(self.0);
        self.0 = self.0.wrapping_add(1);
        number
    }
}

impl From<OneTime> for Lines {
    fn from(file: OneTime) -> Self {
        Self { in_force: file.next.map(|next| next.sequence), coming: file.coming }
    }
}

fn repeated(door: &str, path: &Path, repeat: &Repeat) -> String {
    format!("{door}: {}: {repeat}", path.display())
}

impl Standing {
    /// The door as the engine knows it; none if it is shut for good.
    #[must_use]
    pub fn door(&self) -> Option<Door> {
        self.config.door(self.number, self.in_force.as_ref())
    }

    fn numbers(&self) -> impl Iterator<Item = DoorNumber> {
        iter::once(self.number).chain(self.coming.iter().map(|coming| coming.number))
    }

    fn is_coming(&self, number: DoorNumber) -> bool {
        self.coming.iter().any(|coming| coming.number == number)
    }

    /// The doors that come after it, each after the one before.
    fn coming(&self) -> impl Iterator<Item = Door> {
        self.numbers().zip(&self.coming).filter_map(|(before, coming)| {
            let door = self.config.door(coming.number, Some(&coming.sequence))?;
            Some(Door { after: Some(before), ..door })
        })
    }

    /// Goes on to the sequence that is in force now, as the watcher may have done already.
    fn go_on(&mut self, lines: &Lines, numbers: &mut Numbers, changes: &mut Changes) {
        changes.removed.push(self.number);
        let is_expected = self.coming.front().map(|next| &next.sequence) == lines.in_force.as_ref();
        match self.coming.pop_front() {
            Some(next) if is_expected => (self.number, self.in_force) = (next.number, Some(next.sequence)),
            unexpected => {
                let unexpected = unexpected.into_iter().chain(self.coming.drain(..));
                changes.removed.extend(unexpected.map(|coming| coming.number));
                (self.number, self.in_force) = (numbers.take(), lines.in_force.clone());
                changes.added.extend(self.door());
            }
        }
        self.expect(&lines.coming, numbers, changes);
    }

    /// Has these sequences, and no others, come after the one in force.
    fn expect(&mut self, coming: &[Sequence], numbers: &mut Numbers, changes: &mut Changes) {
        let known = self.coming.iter().zip(coming);
        let known = known.take_while(|(known, sequence)| known.sequence == **sequence).count();
        changes.removed.extend(self.coming.drain(known..).map(|coming| coming.number));
        let new = coming.iter().skip(known).cloned();
        self.coming.extend(new.map(|sequence| Coming { number: numbers.take(), sequence }));
        changes.added.extend(self.coming().skip(known));
    }
}

#[cfg(test)]
mod tests;
