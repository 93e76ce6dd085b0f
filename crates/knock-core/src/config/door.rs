//! What the section of a door says.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    command::Command,
    directive::{DoorKey, Key},
    mistake::Wrong,
    name::DoorName,
    opens::{self, Opens},
    report::Report,
    section::{DoorSection, Entry, repetitions},
    value,
    warning::Doubt,
};
use crate::{
    door::{Door, DoorNumber, FlagRule, WrongPort},
    sequence::Sequence,
};

/// A door: when it opens and what happens then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorConfig {
    /// Its name. Two doors can have the same.
    pub name: DoorName,
    /// Its knocks.
    pub source: SequenceSource,
    /// How long an attempt lives from its first knock; not 0.
    pub timeout: Duration,
    /// The TCP segments it looks at.
    pub flags: FlagRule,
    /// The address that its knocks are sent to, if it isn't one of this host's own.
    pub target: Option<IpAddr>,
    /// What a port outside its sequence does to an attempt.
    pub wrong_port: WrongPort,
    /// What a knock does while it is open for its source.
    pub reknock: Reknock,
    /// What it opens by itself.
    pub opens: Opens,
    /// How long what it opens by itself stays open, at least 1 ms then; and how long after its start command has ended
    /// the stop command runs.
    pub cmd_timeout: Duration,
    /// What runs when it opens.
    pub start: Command,
    /// What runs when it closes.
    pub stop: Command,
}

/// Where the knocks of a door come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSource {
    /// They are always the same.
    Fixed(Sequence),
    /// They are the next sequence in this file.
    OneTime(PathBuf),
}

/// What a knock does at a door that is open for its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reknock {
    /// It opens the door once more: start and stop commands run again. What the door opens by itself lasts longer.
    #[default]
    Again,
    /// It moves the time at which the door is closed.
    Extend,
}

/// The shortest time for which the kernel keeps an element of a set: its timeouts are milliseconds, and 0 is for ever
/// (`NFTA_SET_ELEM_TIMEOUT`, `linux/netfilter/nf_tables.h`).
const SHORTEST_STAY: Duration = Duration::from_millis(1);

impl DoorConfig {
    /// The start command for this source, if there is one.
    #[must_use]
    pub fn start(&self, source: IpAddr) -> Option<&str> {
        self.start.for_source(source)
    }

    /// The stop command for this source, if there is one.
    #[must_use]
    pub fn stop(&self, source: IpAddr) -> Option<&str> {
        self.stop.for_source(source)
    }

    /// Whether it is closed again for anybody.
    #[must_use]
    pub fn closes(&self) -> bool {
        !self.stop.is_nothing()
    }

    /// The file of its one-time sequences, if it has one.
    #[must_use]
    pub fn one_time_file(&self) -> Option<&Path> {
        match &self.source {
            SequenceSource::Fixed(_) => None,
            SequenceSource::OneTime(path) => Some(path),
        }
    }

    /// The door as the engine knows it. `in_force` is what the file of a door with one-time sequences says; without
    /// one such a door is shut, and none is returned. A door with a fixed sequence has no use for it.
    #[must_use]
    pub fn door(&self, number: DoorNumber, in_force: Option<&Sequence>) -> Option<Door> {
        let (sequence, one_time) = match &self.source {
            SequenceSource::Fixed(sequence) => (sequence, false),
            SequenceSource::OneTime(_) => (in_force?, true),
        };
        Some(Door {
            number,
            sequence: sequence.clone(),
            timeout: self.timeout,
            flags: self.flags,
            wrong_port: self.wrong_port,
            target: self.target,
            one_time,
            after: None,
        })
    }
}

/// Reads the section of a door; none if it has mistakes.
pub(super) fn read(section: &DoorSection<'_>, report: &mut Report<'_>) -> Option<DoorConfig> {
    let before = report.mistakes();
    repetitions(&section.entries, report);
    let fixed = section.last(DoorKey::Sequence);
    let one_time = section.last(DoorKey::OneTimeSequences);
    let source = source(fixed, one_time, report);
    let mut flags = FlagRule::default();
    for entry in section.entries.iter().filter(|entry| entry.directive.key == Key::Door(DoorKey::TcpFlags)) {
        flags = value::flags(flags, entry, report).unwrap_or(flags);
    }
    let timeout = section.last(DoorKey::SeqTimeout).and_then(|entry| value::some_seconds(entry, report));
    let cmd_timeout = section.last(DoorKey::CmdTimeout).and_then(|entry| value::seconds(entry, report));
    let opens = opens::read(section, report);
    let target = section.last(DoorKey::Target).and_then(|entry| value::address(entry, report));
    let wrong_port = section.last(DoorKey::WrongPort).and_then(|entry| {
        value::choice(entry, &[("discard", WrongPort::Discard), ("ignore", WrongPort::Ignore)], report)
    });
    let reknock = section.last(DoorKey::Reknock).and_then(|entry| {
        value::choice(entry, &[("again", Reknock::Again), ("extend", Reknock::Extend)], report)
    });
    if let Some(entry) = section.last(DoorKey::CmdTimeout)
        && cmd_timeout.is_some_and(|stay| stay < SHORTEST_STAY)
        && !opens.is_nothing()
    {
        report.wrong(entry.value, Wrong::NoStay);
    }
    let text = |key| section.last(key).map(|entry| entry.value.text);
    if !section.sound || report.mistakes() > before {
        return None;
    }
    let name = section.name.clone()?;
    let Some(source) = source else {
        report.wrong(section.header, Wrong::NoSequence(name));
        return None;
    };
    Some(DoorConfig {
        name,
        source,
        timeout: timeout.unwrap_or(Duration::from_secs(25)),
        flags,
        target,
        wrong_port: wrong_port.unwrap_or_default(),
        reknock: reknock.unwrap_or(if opens.is_nothing() { Reknock::Again } else { Reknock::Extend }),
        opens,
        cmd_timeout: cmd_timeout.unwrap_or(Duration::from_secs(10)),
        start: Command::new(text(DoorKey::StartCommand), text(DoorKey::StartCommand6)),
        stop: Command::new(text(DoorKey::StopCommand), text(DoorKey::StopCommand6)),
    })
}

fn source(
    fixed: Option<&Entry<'_>>,
    one_time: Option<&Entry<'_>>,
    report: &mut Report<'_>,
) -> Option<SequenceSource> {
    let sequence = fixed.and_then(|entry| value::sequence(entry, report));
    let file = one_time.and_then(|entry| value::path(entry, report));
    if let (Some(fixed), Some(one_time)) = (fixed, one_time) {
        let earlier = fixed.name.line.number;
        if earlier > one_time.name.line.number {
            report.wrong(fixed.name, Wrong::TwoSources);
        } else {
            report.doubt(one_time.name, Doubt::TwoSources { earlier });
        }
    }
    file.map(SequenceSource::OneTime).or(sequence.map(SequenceSource::Fixed))
}
