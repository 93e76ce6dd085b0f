//! What stands in a journal, a line each: a checksum and a JSON object.

use std::{collections::BTreeMap, fmt, net::IpAddr, num::ParseIntError, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::stamp::Stamp;

/// One opening, never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct OpeningId(pub u64);

/// An opening that is to be closed, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unclosed {
    /// Which.
    pub id: OpeningId,
    /// The name of the door.
    pub door: String,
    /// How many doors of the same name stand before it in the configuration.
    pub ordinal: usize,
    /// For whom it opens.
    pub source: IpAddr,
    /// The command that closes it, with the source in its place.
    pub stop: String,
    /// How long it stays open.
    #[serde(rename = "stay_ms", with = "millis")]
    pub stay: Duration,
    /// When it is to be closed, as far as known.
    pub until: Stamp,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    /// An opening begins.
    Opened(Unclosed),
    /// An opening lasts until then.
    Lasts {
        /// Which.
        id: OpeningId,
        /// Until when.
        until: Stamp,
    },
    /// An opening is over.
    Closed {
        /// Which.
        id: OpeningId,
    },
}

/// What a journal says, put together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// What is not closed.
    pub(super) unclosed: BTreeMap<OpeningId, Unclosed>,
    /// The numbers of the lines that can't be read, from 1.
    pub(super) damaged: Vec<usize>,
}

impl Record {
    /// The opening that it is about.
    pub(super) fn id(&self) -> OpeningId {
        match self {
            Self::Opened(Unclosed { id, .. }) | Self::Lasts { id, .. } | Self::Closed { id } => *id,
        }
    }

    /// Its line, with the line's end.
    pub(super) fn line(&self) -> String {
        let object = serde_json::to_string(self).unwrap_or_default();
        format!("{:08x} {object}\n", crc32fast::hash(object.as_bytes()))
    }

    fn read(line: &str) -> Option<Self> {
        let (sum, object) = line.split_once(' ')?;
        let is_whole = u32::from_str_radix(sum, 16) == Ok(crc32fast::hash(object.as_bytes()));
        serde_json::from_str(object).ok().filter(|_| is_whole)
    }
}

impl Content {
    /// Reads a journal. Its last line may be half a line, of something that never came to pass.
    pub(super) fn read(text: &[u8]) -> Self {
        let mut content = Self::default();
        let mut lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
        lines.pop();
        for (number, line) in (1..).zip(lines) {
            match std::str::from_utf8(line).ok().and_then(Record::read) {
                Some(record) => content.take(record),
                None => content.damaged.push(number),
            }
        }
        content
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Opened(opened) => {
                self.unclosed.insert(opened.id, opened);
            }
            Record::Lasts { id, until } => {
                if let Some(unclosed) = self.unclosed.get_mut(&id) {
                    unclosed.until = until;
                }
            }
            Record::Closed { id } => {
                self.unclosed.remove(&id);
            }
        }
    }

    /// Says of all that is not closed when that is to be, by a clock that goes now.
    pub(super) fn tell_anew(&mut self, now: &Stamp) {
        for unclosed in self.unclosed.values_mut() {
            unclosed.until = now.after(unclosed.until.left(now, unclosed.stay));
        }
    }

    /// The shortest journal that says the same.
    pub(super) fn text(&self) -> String {
        self.unclosed.values().map(|unclosed| Record::Opened(unclosed.clone()).line()).collect()
    }
}

impl fmt::Display for OpeningId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for OpeningId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

impl From<OpeningId> for String {
    fn from(id: OpeningId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for OpeningId {
    type Error = ParseIntError;

    fn try_from(text: String) -> Result<Self, ParseIntError> {
        text.parse()
    }
}

/// Spans as milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::stamp::Clock;

    fn opened(id: u64) -> Unclosed {
        Unclosed {
            id: OpeningId(id),
            door: "ssh \"front\"".to_owned(),
            ordinal: 1,
            source: "fd00::7".parse().unwrap(),
            stop: "nft 'delete'\n\u{1f6aa}".to_owned(),
            stay: Duration::from_millis(1_500),
            until: Clock::new().now(),
        }
    }

    fn text(records: &[Record]) -> String {
        records.iter().map(Record::line).collect()
    }

    #[test]
    fn a_journal_tells_what_is_not_closed() {
        let later = opened(1).until.after(Duration::from_secs(9));
        let records = [
            Record::Opened(opened(1)),
            Record::Opened(opened(2)),
            Record::Lasts { id: OpeningId(1), until: later.clone() },
            Record::Lasts { id: OpeningId(7), until: later.clone() },
            Record::Closed { id: OpeningId(2) },
        ];
        let content = Content::read(text(&records).as_bytes());
        let wanted = Unclosed { until: later, ..opened(1) };
        assert_eq!(content.unclosed.values().collect::<Vec<_>>(), [&wanted]);
        assert!(content.damaged.is_empty());
        assert_eq!(Content::read(content.text().as_bytes()), content);
    }

    #[test]
    fn a_reboot_begins_no_opening_anew() {
        let (before, now) = (opened(1), Clock::new().now());
        let mut content = Content::read(text(&[Record::Opened(before.clone())]).as_bytes());
        content.tell_anew(&now);
        let left = before.until.left(&now, before.stay);
        // As much is left by this boot's clock alone.
        assert_eq!(content.unclosed[&OpeningId(1)].until, now.after(left));
    }

    #[test]
    fn half_a_line_at_the_end_never_was() {
        let whole = text(&[Record::Opened(opened(1)), Record::Closed { id: OpeningId(1) }]);
        let first = text(&[Record::Opened(opened(1))]).len();
        for length in 0..whole.len() {
            let content = Content::read(&whole.as_bytes()[..length]);
            assert_eq!(content.unclosed.len(), usize::from(length >= first), "{length}");
            assert!(content.damaged.is_empty(), "{length}");
        }
    }

    #[test]
    fn damage_costs_the_damaged_line_only() {
        let whole = text(&[Record::Opened(opened(1)), Record::Opened(opened(2))]).into_bytes();
        for place in 0..whole.len() - 1 {
            let mut text = whole.clone();
            text[place] ^= 0x20;
            let content = Content::read(&text);
            // A checksum in other letters is the same number.
            if whole[place].is_ascii_hexdigit() && content.damaged.is_empty() {
                assert_eq!(content.unclosed.len(), 2, "{place}");
            } else {
                assert!(content.unclosed.len() <= 1 && !content.damaged.is_empty(), "{place}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            Content::read(&bytes);
        }
    }
}
