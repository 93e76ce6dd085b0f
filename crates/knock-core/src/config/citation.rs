//! Where in a file something stands, and how that is shown.

use std::fmt::{self, Display};

use crate::printable::harmless;

/// A file and, unless all of it is meant, a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The file's name as it was given.
    pub file: String,
    /// The place in the file.
    pub place: Option<Place>,
}

/// Some characters of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line's number, from 1.
    pub line: usize,
    /// The first of the characters, from 1; a tab is one character.
    pub column: usize,
    /// How many characters; 0 where something is missing.
    pub width: usize,
    /// The whole line, without its end.
    pub text: String,
}

/// The most characters of a line that are shown.
const SHOWN: usize = 100;

/// How many of them stand in front of the place if the line is longer.
const LEAD: usize = 30;

impl Citation {
    /// Writes a message in the manner of a compiler: where and what, then the line, then a mark and advice under it.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, what: impl Display, advice: &str) -> fmt::Result {
        let Some(place) = &self.place else {
            return write!(f, "{self}: {what}: {advice}");
        };
        writeln!(f, "{self}: {what}")?;
        place.write(f, advice)
    }
}

/// `FILE:LINE:COLUMN`, or `FILE` where all of it is meant.
impl Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.chars().try_for_each(|c| write!(f, "{}", harmless(c)))?;
        self.place.as_ref().map_or(Ok(()), |place| write!(f, ":{}:{}", place.line, place.column))
    }
}

impl Place {
    fn write(&self, f: &mut fmt::Formatter<'_>, advice: &str) -> fmt::Result {
        let before = self.column.saturating_sub(1);
        let total = self.text.chars().count();
        let skipped = if total <= SHOWN { 0 } else { before.saturating_sub(LEAD) };
        let head = if skipped == 0 { "" } else { "..." };
        let tail = if total - skipped.min(total) <= SHOWN { "" } else { "..." };
        let shown = || self.text.chars().skip(skipped).take(SHOWN);
        let line: String = shown().map(|c| if c == '\t' { c } else { harmless(c) }).collect();
        // A tab under a tab keeps the mark in its column, however wide tabs are.
        let padding: String =
            shown().take(before - skipped).map(|c| if c == '\t' { c } else { ' ' }).collect();
        let marked = self.width.min(SHOWN - (before - skipped).min(SHOWN)).max(1);
        writeln!(f, "{:>5} | {head}{line}{tail}", self.line)?;
        write!(f, "{:>5} | {:head$}{padding}{} {advice}", "", "", "^".repeat(marked), head = head.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shown(Citation);

    impl Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write(f, "odd", "do this")
        }
    }

    fn shown(column: usize, width: usize, text: &str) -> String {
        let place = Place { line: 7, column, width, text: text.to_owned() };
        Shown(Citation { file: "a\x1bb".to_owned(), place: Some(place) }).to_string()
    }

    #[test]
    fn marks_stand_under_what_is_meant() {
        assert_eq!(
            shown(2, 3, "\tfoo\t= \x1b[2Jä"),
            "a\u{fffd}b:7:2: odd\n    7 | \tfoo\t= \u{fffd}[2Jä\n      | \t^^^ do this"
        );
        assert_eq!(shown(5, 0, "ä = "), "a\u{fffd}b:7:5: odd\n    7 | ä = \n      |     ^ do this");
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let line = format!("{}bad{}", "a".repeat(500), "z".repeat(500));
        assert_eq!(
            shown(501, 3, &line),
            format!(
                "a\u{fffd}b:7:501: odd\n    7 | ...{}bad{}...\n      |    {}^^^ do this",
                "a".repeat(30),
                "z".repeat(67),
                " ".repeat(30)
            )
        );
        let all = shown(1, 5000, &"y".repeat(5000));
        assert!(all.ends_with(&format!("| {} do this", "^".repeat(100))), "{all}");
        let end = shown(5001, 0, &"y".repeat(5000));
        assert!(
            end.ends_with(&format!("| ...{}\n      |    {}^ do this", "y".repeat(30), " ".repeat(30))),
            "{end}"
        );
    }

    #[test]
    fn a_whole_file_is_cited_by_its_name() {
        assert_eq!(Shown(Citation { file: "f".to_owned(), place: None }).to_string(), "f: odd: do this");
    }
}
