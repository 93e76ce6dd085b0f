//! A part of a line that knows where it stands.

use std::ops::Range;

use super::citation::Place;

/// A line of the file, without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Its number, from 1.
    pub(super) number: usize,
    /// Its text, with a sign for everything that is not UTF-8.
    pub(super) text: &'a str,
    /// Whether all of it is UTF-8.
    pub(super) utf8: bool,
}

/// Some characters of a line, or a place between two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// The line.
    pub(super) line: Line<'a>,
    start: usize,
    /// The characters.
    pub(super) text: &'a str,
}

/// The blanks that the classic daemon knows, those of C's isspace(3).
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}

impl<'a> Piece<'a> {
    /// All of a line.
    pub(super) fn whole(line: Line<'a>) -> Self {
        Self { line, start: 0, text: line.text }
    }

    /// Without the blanks around it.
    pub(super) fn trim(self) -> Self {
        let text = self.text.trim_start_matches(is_blank);
        let start = self.start + self.text.len() - text.len();
        Self { start, text: text.trim_end_matches(is_blank), ..self }
    }

    /// What stands before and after the first `separator`, an ASCII character.
    pub(super) fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let (before, after) = self.text.split_once(separator)?;
        let start = self.start + before.len() + 1;
        Some((Self { text: before, ..self }, Self { text: after, start, ..self }))
    }

    /// What stands between `separators`, ASCII characters.
    pub(super) fn split(self, separators: impl Fn(char) -> bool) -> impl Iterator<Item = Self> {
        let mut start = self.start;
        self.text.split(separators).map(move |text| {
            let piece = Self { start, text, ..self };
            start += text.len() + 1;
            piece
        })
    }

    /// The bytes of this range; all of the piece if there are none such.
    pub(super) fn part(self, range: Range<usize>) -> Self {
        match self.text.get(range.clone()) {
            Some(text) => Self { start: self.start + range.start, text, ..self },
            None => self,
        }
    }

    /// The place after it.
    pub(super) fn end(self) -> Self {
        Self { start: self.start + self.text.len(), text: "", ..self }
    }

    /// What of it stands for bytes that are not UTF-8.
    pub(super) fn undecoded(self) -> Option<Self> {
        let mark = char::REPLACEMENT_CHARACTER;
        let start = self.text.find(mark).filter(|_| !self.line.utf8)?;
        Some(self.part(start..start + mark.len_utf8()))
    }

    /// What shows that it is no text: a NUL, or a control character where there is what is not UTF-8, too.
    pub(super) fn no_text(self) -> Option<Self> {
        let is_strange =
            |one: char| one == '\0' || !self.line.utf8 && one.is_ascii_control() && !is_blank(one);
        let start = self.text.find(is_strange)?;
        Some(self.part(start..start + 1))
    }

    /// Where it stands, in characters.
    pub(super) fn place(self) -> Place {
        let before = self.line.text.get(..self.start).unwrap_or_default();
        Place {
            line: self.line.number,
            column: before.chars().count() + 1,
            width: self.text.chars().count(),
            text: self.line.text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(piece: Piece<'_>) -> (usize, usize, &str) {
        let place = piece.place();
        (place.column, place.width, piece.text)
    }

    #[test]
    fn places_count_characters() {
        let (name, value) =
            Piece::whole(Line { number: 3, text: "\tä \x0b= b, cö\r", utf8: true }).split_once('=').unwrap();
        assert_eq!(at(name.trim()), (2, 1, "ä"));
        assert_eq!(at(value.trim()), (7, 5, "b, cö"));
        let parts: Vec<_> = value.split(|c| c == ',').map(|part| at(part.trim())).collect();
        assert_eq!(parts, [(7, 1, "b"), (10, 2, "cö")]);
        assert_eq!(at(value.trim().part(3..4)), (10, 1, "c"));
        assert_eq!(at(value.trim().part(5..6)), (7, 5, "b, cö"));
        assert_eq!(at(value.trim().end()), (12, 0, ""));
    }

    #[test]
    fn what_is_not_utf8_is_found() {
        let piece = |utf8| Piece::whole(Line { number: 1, text: "ä\u{fffd}b", utf8 });
        assert_eq!(piece(false).undecoded().map(at), Some((2, 1, "\u{fffd}")));
        assert!(piece(true).undecoded().is_none());
        assert!(piece(false).part(0..2).undecoded().is_none());
    }
}
