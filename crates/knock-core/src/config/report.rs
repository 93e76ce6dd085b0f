//! The collection of what is wrong or doubtful.

use crate::errors;

use super::{
    Checked, Config,
    citation::{Citation, Place},
    mistake::{Mistake, Mistakes, Wrong},
    piece::Piece,
    warning::{Doubt, Warning},
};

/// What has been found in a file so far.
#[derive(Debug)]
pub(super) struct Report<'a> {
    file: &'a str,
    mistakes: Vec<Mistake>,
    warnings: Vec<Warning>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        Self { file, mistakes: Vec::new(), warnings: Vec::new() }
    }

    /// How many mistakes have been found.
    pub(super) fn mistakes(&self) -> usize {
        self.mistakes.len()
    }

    /// Takes in a mistake, unless its line has too many: each cites the line.
    pub(super) fn wrong(&mut self, piece: Piece<'_>, wrong: Wrong) {
        let is_of_line = |place: &Place| place.line == piece.line.number;
        let of_line = self
            .mistakes
            .iter()
            .rev()
            .take_while(|mistake| mistake.at.place.as_ref().is_some_and(is_of_line));
        if of_line.count() < errors::MOST {
            let at = self.citation(Some(piece.place()));
            self.mistakes.push(Mistake { at, wrong });
        }
    }

    pub(super) fn doubt(&mut self, piece: Piece<'_>, doubt: Doubt) {
        let at = self.citation(Some(piece.place()));
        self.warnings.push(Warning { at, doubt });
    }

    /// The configuration with the warnings, unless there were mistakes.
    pub(super) fn finish(mut self, config: Config) -> Result<Checked, Mistakes> {
        if config.doors.is_empty() && self.mistakes.is_empty() {
            let at = self.citation(None);
            self.warnings.push(Warning { at, doubt: Doubt::NoDoors });
        }
        self.mistakes.sort_by_key(|mistake| position(&mistake.at));
        self.warnings.sort_by_key(|warning| position(&warning.at));
        if self.mistakes.is_empty() {
            return Ok(Checked { config, warnings: self.warnings });
        }
        Err(Mistakes::new(self.mistakes, self.warnings))
    }

    fn citation(&self, place: Option<Place>) -> Citation {
        Citation { file: self.file.to_owned(), place }
    }
}

fn position(at: &Citation) -> Option<(usize, usize)> {
    at.place.as_ref().map(|place| (place.line, place.column))
}
