//! Sequences as people have written them for the classic daemon.
//!
//! It read a number up to the first character that isn't a digit, so comments behind a sequence went unnoticed.

use std::ops::Range;

use crate::{
    errors::Errors,
    sequence::{Sequence, SequenceError},
};

/// A sequence read from text and what of the text was overlooked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The sequence that remains.
    pub(crate) sequence: Sequence,
    /// A comma after the last knock.
    pub(crate) comma: Option<Range<usize>>,
}

impl Written {
    /// Reads a sequence that may have a comma after its last knock.
    pub(crate) fn read(text: &str) -> Result<Self, Errors<SequenceError>> {
        let trimmed = text.trim_end();
        match trimmed.strip_suffix(',') {
            Some(knocks) if !knocks.trim().is_empty() => {
                Ok(Self { sequence: knocks.parse()?, comma: Some(knocks.len()..trimmed.len()) })
            }
            _ => Ok(Self { sequence: text.parse()?, comma: None }),
        }
    }
}

/// The text in front of a comment, and the comment.
pub(crate) fn uncommented(text: &str) -> (&str, Option<Range<usize>>) {
    match text.split_once('#') {
        Some((value, _)) => (value, Some(value.len()..text.len())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequence::SequenceMistake;

    #[test]
    fn one_comma_at_the_end_is_overlooked() {
        let read = |text| Written::read(text).map(|written| (written.sequence.to_string(), written.comma));
        assert_eq!(read(" 1,2:udp , "), Ok(("1:tcp,2:udp".to_owned(), Some(9..10))));
        assert_eq!(read("1,2"), Ok(("1:tcp,2:tcp".to_owned(), None)));
        for (text, mistake) in [
            ("1,,", SequenceMistake::MissingKnock),
            (",", SequenceMistake::MissingKnock),
            (",1", SequenceMistake::MissingKnock),
            ("", SequenceMistake::Empty),
        ] {
            assert_eq!(read(text).unwrap_err().first().mistake, mistake, "{text:?}");
        }
    }

    #[test]
    fn a_comment_runs_to_the_end() {
        assert_eq!(uncommented("1,2 # a # b"), ("1,2 ", Some(4..11)));
        assert_eq!(uncommented("1,2#"), ("1,2", Some(3..4)));
        assert_eq!(uncommented("1,2"), ("1,2", None));
    }
}
