//! What may not be meant as it is between doors.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    path::Path,
};

use super::{
    directive::DoorKey,
    door::{DoorConfig, SequenceSource},
    mistake::Wrong,
    name::DoorName,
    report::Report,
    section::DoorSection,
    warning::Doubt,
};
use crate::{
    door::FlagRule,
    sequence::{Knock, Sequence},
};

/// A door and the section that says it.
pub(super) type Found<'s, 'a> = (&'s DoorSection<'a>, DoorConfig);

/// Tells of doors with the same name and of doors that one sequence opens. What a door lets in by itself is known by its
/// name: two of these can't share one.
pub(super) fn doors(found: &[Found<'_, '_>], report: &mut Report<'_>) {
    names(found, report);
    sequences(found, report);
    files(found, report);
}

/// Of several doors with the same file only the first is told.
fn files(found: &[Found<'_, '_>], report: &mut Report<'_>) {
    let mut known: HashMap<&Path, &DoorConfig> = HashMap::new();
    for (section, door) in found {
        let Some((path, entry)) = door.one_time_file().zip(section.last(DoorKey::OneTimeSequences)) else {
            continue;
        };
        match known.entry(path) {
            Entry::Occupied(first) => report.doubt(entry.value, Doubt::SameFile(first.get().name.clone())),
            Entry::Vacant(place) => drop(place.insert(door)),
        }
    }
}

fn names(found: &[Found<'_, '_>], report: &mut Report<'_>) {
    let mut seen: HashMap<&DoorName, usize> = HashMap::new();
    let mut opening: HashMap<&DoorName, usize> = HashMap::new();
    for (section, door) in found {
        let line = section.header.line.number;
        let name = door.name.clone();
        let before = seen.insert(&door.name, line);
        let opens_before = if door.opens.is_nothing() { None } else { opening.insert(&door.name, line) };
        if let Some(earlier) = opens_before {
            report.wrong(section.header, Wrong::SameName { name, earlier });
        } else if let Some(earlier) = before {
            report.doubt(section.header, Doubt::SameName { name, earlier });
        }
    }
}

/// Looks up every beginning of every sequence, which takes no more than its length, however many doors there are.
/// Of several doors with the same sequence only the first is told.
fn sequences(found: &[Found<'_, '_>], report: &mut Report<'_>) {
    let mut known: HashMap<(Option<IpAddr>, &[Knock]), &Found<'_, '_>> = HashMap::new();
    for one in found {
        if let Some(sequence) = fixed(&one.1) {
            known.entry((one.1.target, sequence.knocks())).or_insert(one);
        }
    }
    for (section, door) in found {
        let (Some(sequence), Some(entry)) = (fixed(door), section.last(DoorKey::Sequence)) else { continue };
        let knocks = sequence.knocks();
        for length in 1..=knocks.len() {
            let Some(beginning) = knocks.get(..length) else { continue };
            let Some((other, first)) = known.get(&(door.target, beginning)) else { continue };
            if std::ptr::eq(*other, *section) || exclude(door.flags, first.flags) {
                continue;
            }
            let name = first.name.clone();
            let doubt = match fixed(first) {
                Some(prefix) if length < knocks.len() => Doubt::Prefix { door: name, prefix: prefix.clone() },
                _ => Doubt::SameSequence(name),
            };
            report.doubt(entry.value, doubt);
        }
    }
}

fn fixed(door: &DoorConfig) -> Option<&Sequence> {
    match &door.source {
        SequenceSource::Fixed(sequence) => Some(sequence),
        SequenceSource::OneTime(_) => None,
    }
}

/// Whether no TCP segment can serve both doors.
fn exclude(one: FlagRule, other: FlagRule) -> bool {
    one.set.0 & other.clear.0 != 0 || one.clear.0 & other.set.0 != 0
}
