//! Lines to sections: whose directive is whose.

use std::borrow::Cow;

use super::{
    directive::{Directive, DoorKey, Key, OptionKey, SectionKind},
    mistake::Wrong,
    name::{DoorName, NameMistake},
    piece::{Line, Piece},
    report::Report,
    warning::Doubt,
};
use crate::written::uncommented;

/// The lines of a file, decoded.
#[derive(Debug)]
pub(super) struct Lines<'a>(Vec<Cow<'a, str>>);

impl<'a> Lines<'a> {
    pub(super) fn decode(text: &'a [u8]) -> Self {
        // Some editors put a byte order mark in front of a file.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        Self(lines.map(String::from_utf8_lossy).collect())
    }

    fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        (1..).zip(&self.0).map(|(number, text)| Line { number, text, utf8: matches!(text, Cow::Borrowed(_)) })
    }
}

/// A directive as it stands in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) directive: &'static Directive,
    pub(super) name: Piece<'a>,
    /// Its value without blanks around it and without a comment.
    pub(super) value: Piece<'a>,
}

/// The section of a door.
#[derive(Debug)]
pub(super) struct DoorSection<'a> {
    /// The name in the header.
    pub(super) header: Piece<'a>,
    /// The name, if it is one.
    pub(super) name: Option<DoorName>,
    pub(super) entries: Vec<Entry<'a>>,
    /// Whether there has been no mistake in it yet.
    pub(super) sound: bool,
}

impl<'a> DoorSection<'a> {
    /// The directive where it was given last: that one counts.
    pub(super) fn last(&self, key: DoorKey) -> Option<&Entry<'a>> {
        self.entries.iter().rfind(|entry| entry.directive.key == Key::Door(key))
    }
}

/// All sections of a file.
#[derive(Debug, Default)]
pub(super) struct Sections<'a> {
    /// What stands in `[options]`.
    pub(super) options: Vec<Entry<'a>>,
    /// The doors, in the order of the file.
    pub(super) doors: Vec<DoorSection<'a>>,
    current: Option<SectionKind>,
    /// Whether a line in front of the first section has been reported.
    strays: bool,
}

impl<'a> Sections<'a> {
    /// Sorts the lines of a file.
    pub(super) fn read(lines: &'a Lines<'_>, report: &mut Report<'_>) -> Self {
        let mut sections = Self::default();
        for line in lines.iter() {
            let piece = Piece::whole(line).trim();
            if piece.text.is_empty() || piece.text.starts_with('#') {
                continue;
            }
            if let Some(place) = piece.no_text() {
                report.wrong(place, Wrong::NotText);
                sections.spoil();
                break;
            }
            let before = report.mistakes();
            if piece.text.starts_with('[') {
                sections.header(piece, report);
            } else {
                sections.directive(piece, report);
            }
            if report.mistakes() > before {
                sections.spoil();
            }
        }
        sections
    }

    /// Remembers that the section has a mistake: then it is too early to say what is missing in it.
    fn spoil(&mut self) {
        if self.current == Some(SectionKind::Door)
            && let Some(door) = self.doors.last_mut()
        {
            door.sound = false;
        }
    }

    fn header(&mut self, piece: Piece<'a>, report: &mut Report<'_>) {
        let inner = piece.part(1..piece.text.len());
        let header = match inner.text.strip_suffix(']') {
            Some(name) => inner.part(0..name.len()).trim(),
            None => inner.split_once(']').map_or(inner, |(name, _)| name).trim(),
        };
        if header.text.eq_ignore_ascii_case("options") {
            self.current = Some(SectionKind::Options);
        } else {
            self.current = Some(SectionKind::Door);
            let name = header.text.parse();
            let sound = Self::check_name(header, name.as_ref().err(), report);
            self.doors.push(DoorSection { header, name: name.ok(), entries: Vec::new(), sound });
        }
        if !piece.text.ends_with(']') {
            report.wrong(piece.end(), Wrong::Header);
        }
    }

    fn check_name(header: Piece<'_>, mistake: Option<&NameMistake>, report: &mut Report<'_>) -> bool {
        if let Some(undecoded) = header.undecoded() {
            report.wrong(undecoded, Wrong::NotUtf8);
        } else if let Some(mistake) = mistake {
            report.wrong(header, Wrong::Name(*mistake));
        } else {
            return true;
        }
        false
    }

    fn directive(&mut self, piece: Piece<'a>, report: &mut Report<'_>) {
        let Some(section) = self.current else {
            if !self.strays {
                self.strays = true;
                report.wrong(piece, Wrong::NoSection);
            }
            return;
        };
        let (name, value) = name_and_value(piece);
        if let Some(undecoded) = name.undecoded() {
            return report.wrong(undecoded, Wrong::NotUtf8);
        }
        let Some(directive) = Directive::named(name.text) else {
            return report.wrong(name, Wrong::Unknown { name: name.text.to_owned(), section });
        };
        if directive.section() != section && directive.key != Key::Option(OptionKey::UseSyslog) {
            return report.wrong(name, Wrong::Misplaced(directive, section));
        }
        let value = match (value, directive.expects) {
            (Some(value), Some(_)) => value,
            (None, Some(_)) => return report.wrong(name.end(), Wrong::NoValue(directive)),
            (Some(value), None) => return report.wrong(value, Wrong::Bare(directive)),
            (None, None) => piece.part(name.text.len()..piece.text.len()).trim(),
        };
        let (value, comment) = value_and_comment(value, directive.key);
        if let Some(undecoded) = value.undecoded() {
            return report.wrong(undecoded, Wrong::NotUtf8);
        }
        if let Some(comment) = comment {
            report.doubt(comment, Doubt::Comment);
        }
        self.push(Entry { directive, name, value }, report);
    }

    fn push(&mut self, entry: Entry<'a>, report: &mut Report<'_>) {
        match (self.current, self.doors.last_mut()) {
            (Some(SectionKind::Door), Some(door)) if entry.directive.section() == SectionKind::Door => {
                door.entries.push(entry);
            }
            (Some(SectionKind::Door), _) => {
                report.doubt(entry.name, Doubt::SyslogInDoor);
                self.options.push(entry);
            }
            _ => self.options.push(entry),
        }
    }
}

/// Tells of directives that are given more than once.
pub(super) fn repetitions(entries: &[Entry<'_>], report: &mut Report<'_>) {
    let mut seen: Vec<(Key, usize)> = Vec::new();
    for Entry { directive, name, .. } in entries {
        let line = name.line.number;
        let Some((_, last)) = seen.iter_mut().find(|(key, _)| *key == directive.key) else {
            seen.push((directive.key, line));
            continue;
        };
        let earlier = std::mem::replace(last, line);
        match directive.key {
            Key::Option(OptionKey::UseSyslog) => {}
            Key::Door(DoorKey::TcpFlags) => report.doubt(*name, Doubt::MoreFlags { earlier }),
            _ => report.doubt(*name, Doubt::Twice { directive, earlier }),
        }
    }
}

fn name_and_value(piece: Piece<'_>) -> (Piece<'_>, Option<Piece<'_>>) {
    match piece.split_once('=') {
        Some((name, value)) if !name.text.contains('#') => (name.trim(), Some(value.trim())),
        _ => (piece.part(0..uncommented(piece.text).0.len()).trim(), None),
    }
}

/// Parts a value from the comment behind it, except where `#` can be part of the value.
fn value_and_comment(value: Piece<'_>, key: Key) -> (Piece<'_>, Option<Piece<'_>>) {
    let start = match key {
        Key::Option(
            OptionKey::LogFile | OptionKey::PidFile | OptionKey::StateDir | OptionKey::ControlSocket,
        )
        | Key::Door(
            DoorKey::OneTimeSequences
            | DoorKey::StartCommand
            | DoorKey::StartCommand6
            | DoorKey::StopCommand
            | DoorKey::StopCommand6,
        ) => None,
        // The name of an interface can hold a #.
        Key::Option(OptionKey::Interface) => {
            value.text.match_indices('#').map(|(place, _)| place).find(|place| {
                value.text.get(..*place).is_some_and(|before| {
                    before.is_empty() || before.ends_with(|character: char| character.is_ascii_whitespace())
                })
            })
        }
        _ => uncommented(value.text).1.map(|comment| comment.start),
    };
    match start {
        None => (value, None),
        Some(start) => (value.part(0..start).trim(), Some(value.part(start..value.text.len()))),
    }
}
