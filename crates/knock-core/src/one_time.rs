//! The text of a file of one-time sequences: which line is next, and where it is struck out.
//!
//! Every line holds one sequence, written as in the configuration. A line whose first character after blanks is `#`
//! is a comment or a sequence that has been used. Nothing is read or written here.

use std::collections::HashMap;

use thiserror::Error;

use crate::{
    errors::Errors,
    sequence::{Sequence, SequenceError},
    written::{Written, uncommented},
};

/// What strikes out a line when it is written over the byte at [`Next::offset`].
pub const MARK: u8 = b'#';

/// What a file of one-time sequences holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OneTime {
    /// The sequence in force; none when the file is used up.
    pub next: Option<Next>,
    /// Those that come into force after it, in their order: [`OneTime::COMING`] at most.
    pub coming: Vec<Sequence>,
    /// How many sequences have not been used, the next one included.
    pub left: usize,
    /// The lines that are no sequences, in their order. They are skipped.
    pub mistakes: Vec<LineMistake>,
    /// The lines whose sequence stands in an earlier line as well, in their order. They are not skipped.
    pub repeats: Vec<Repeat>,
}

/// The sequence in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Where the line starts in the file, in bytes: there [`MARK`] is written over whatever stands there, be it a
    /// blank or a digit.
    pub offset: u64,
    /// The line's number, from 1.
    pub line: usize,
    /// Its sequence.
    pub sequence: Sequence,
}

/// A line that is no sequence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line} is no sequence and is skipped: {wrong}")]
pub struct LineMistake {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub wrong: NoSequence,
}

/// Why a line is no sequence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoSequence {
    /// Its bytes are not text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It is text, but not that of a sequence. The places count from the start of the line.
    #[error(transparent)]
    Malformed(#[from] Errors<SequenceError>),
}

/// A line that would open the door to whoever overheard an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("line {line} repeats the sequence of line {earlier}: whoever overhears one can use the other")]
pub struct Repeat {
    /// The line's number, from 1.
    pub line: usize,
    /// The number of the first line with this sequence.
    pub earlier: usize,
}

impl Next {
    /// Strikes out the line in the content of the file.
    pub fn strike_out(&self, text: &mut [u8]) {
        if let Some(byte) = usize::try_from(self.offset).ok().and_then(|offset| text.get_mut(offset)) {
            *byte = MARK;
        }
    }
}

impl OneTime {
    /// How many sequences behind the one in force are told. So many can be completed while one is being struck out on a
    /// disk, and each has all packets through the kernel's filter that may begin it.
    pub const COMING: usize = 7;

    /// Reads the whole content of a file.
    #[must_use]
    pub fn read(text: &[u8]) -> Self {
        let mut found = Self::default();
        let mut seen = HashMap::new();
        let mut offset = 0;
        for (index, bytes) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let line = index + 1;
            match sequence(bytes, line) {
                Ok(Some(sequence)) => found.take(Next { offset, line, sequence }, &mut seen),
                Ok(None) => {}
                Err(wrong) => found.mistakes.push(LineMistake { line, wrong }),
            }
            offset += bytes.len() as u64;
        }
        found
    }

    fn take(&mut self, entry: Next, seen: &mut HashMap<Sequence, usize>) {
        self.left += 1;
        let earlier = *seen.entry(entry.sequence.clone()).or_insert(entry.line);
        if earlier != entry.line {
            self.repeats.push(Repeat { line: entry.line, earlier });
        }
        match &self.next {
            None => self.next = Some(entry),
            Some(_) if self.coming.len() < Self::COMING => self.coming.push(entry.sequence),
            Some(_) => {}
        }
    }
}

/// The sequence of a line, if it isn't blank or struck out.
fn sequence(line: &[u8], number: usize) -> Result<Option<Sequence>, NoSequence> {
    // A used line may be anything: whoever strikes it out overwrites one byte of it.
    if line.trim_ascii_start().first().is_none_or(|first| *first == MARK) {
        return Ok(None);
    }
    let text = str::from_utf8(line).map_err(|_| NoSequence::NotUtf8)?;
    // Some editors put a byte order mark in front of a file.
    let text = if number == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
    let (text, _) = uncommented(text);
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(Written::read(text)?.sequence))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sequence::SequenceMistake;

    fn next(text: &[u8]) -> (u64, usize, String) {
        let next = OneTime::read(text).next.unwrap();
        (next.offset, next.line, next.sequence.to_string())
    }

    #[test]
    fn the_first_unused_line_is_in_force() {
        let text = b"# mine\n\n#000,2\n  # 3,4\n 5,6:udp\n7,8\n";
        assert_eq!(next(text), (23, 5, "5:tcp,6:udp".to_owned()));
        assert_eq!(OneTime::read(text).left, 2);
        assert_eq!(OneTime::read(text).mistakes, []);
    }

    #[test]
    fn what_comes_after_it_is_told_up_to_a_point() {
        let lines: Vec<_> = (1..=20).map(|port| format!("{port}\nnone\n")).collect();
        let coming: Vec<_> =
            OneTime::read(lines.concat().as_bytes()).coming.iter().map(ToString::to_string).collect();
        let expected: Vec<_> = (2..2 + OneTime::COMING).map(|port| format!("{port}:tcp")).collect();
        assert_eq!(coming, expected);
    }

    #[test]
    fn line_ends_of_every_kind_are_read() {
        assert_eq!(next(b"#1,2\r\n\r\n3,4\r\n"), (8, 3, "3:tcp,4:tcp".to_owned()));
        assert_eq!(next(b"\n1,2"), (1, 2, "1:tcp,2:tcp".to_owned()));
        assert_eq!(next(b"\xef\xbb\xbf1,2\n"), (0, 1, "1:tcp,2:tcp".to_owned()));
    }

    #[test]
    fn what_the_classic_daemon_overlooked_is_overlooked() {
        assert_eq!(next(b"1,2, # for Monday\n"), (0, 1, "1:tcp,2:tcp".to_owned()));
    }

    #[test]
    fn a_used_up_file_has_no_next_line() {
        for text in [&b""[..], b"\n \n", b"#1,2\n# 3", b"\xef\xbb\xbf# mine\n"] {
            assert_eq!(OneTime::read(text), OneTime::default());
        }
    }

    #[test]
    fn lines_that_are_no_sequences_are_told_and_skipped() {
        let file = OneTime::read(b"0,2\n\xff1,2\n1,2:icmp\n 4,5\n");
        assert_eq!(file.next.unwrap().line, 4);
        assert_eq!(file.left, 1);
        let told: Vec<String> = file.mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 1 is no sequence and is skipped: a port is a whole number from 1 to 65535",
                "line 2 is no sequence and is skipped: it is not UTF-8",
                "line 3 is no sequence and is skipped: a protocol is tcp or udp",
            ]
        );
        assert!(matches!(
            &file.mistakes[2].wrong,
            NoSequence::Malformed(errors)
                if errors.first().mistake == SequenceMistake::Protocol && errors.first().place == (4..8)
        ));
    }

    #[test]
    fn repeated_sequences_are_told() {
        let file = OneTime::read(b"1,2\n3,4\n 1, 2:tcp\n1,2\n");
        assert_eq!(file.left, 4);
        assert_eq!(file.repeats, [Repeat { line: 3, earlier: 1 }, Repeat { line: 4, earlier: 1 }]);
    }

    proptest! {
        /// Striking out the line in force, whatever stands in the file, always leads on to the next one.
        #[test]
        fn striking_out_uses_up_any_file(
            mut text in prop::collection::vec(
                prop_oneof![Just(b'\n'), Just(b','), Just(b'#'), Just(b' '), b'0'..=b'9', any::<u8>()], 0..200
            )
        ) {
            let mut before = OneTime::read(&text);
            while let Some(next) = before.next {
                let place = usize::try_from(next.offset).unwrap();
                prop_assert!(place == 0 || text[place - 1] == b'\n');
                text[place] = MARK;
                let after = OneTime::read(&text);
                prop_assert_eq!(after.left, before.left - 1);
                prop_assert_eq!(&after.mistakes, &before.mistakes);
                prop_assert!(after.next.as_ref().is_none_or(|after| after.line > next.line));
                before = after;
            }
            prop_assert_eq!(before.left, 0);
        }
    }
}
