//! What may not be meant as it is in one door.

use super::{
    directive::DoorKey,
    door::{DoorConfig, Reknock, SequenceSource},
    opens::Opens,
    report::Report,
    section::{DoorSection, Entry},
    value::quoted,
    warning::Doubt,
};
use crate::sequence::{Knock, Protocol, Sequence};

/// Tells of what is doubtful in a door.
pub(super) fn door(section: &DoorSection<'_>, door: &DoorConfig, report: &mut Report<'_>) {
    for key in [DoorKey::StartCommand, DoorKey::StartCommand6, DoorKey::StopCommand, DoorKey::StopCommand6] {
        if let Some(entry) = section.last(key) {
            command(entry, report);
        }
    }
    missing_commands(section, door, report);
    opened(section, door, report);
    if let (SequenceSource::Fixed(sequence), Some(entry)) = (&door.source, section.last(DoorKey::Sequence)) {
        knocks(entry, sequence, door, report);
        if let Some(entry) = section.last(DoorKey::TcpFlags).filter(|_| !sequence.uses(Protocol::Tcp)) {
            report.doubt(entry.name, Doubt::NoTcp);
        }
    }
}

fn missing_commands(section: &DoorSection<'_>, door: &DoorConfig, report: &mut Report<'_>) {
    if !door.opens.is_nothing() {
        return;
    }
    match (door.start.is_nothing(), door.stop.is_nothing()) {
        (true, true) => report.doubt(section.header, Doubt::NoCommand(door.name.clone())),
        (true, false) => report.doubt(section.header, Doubt::NoStart(door.name.clone())),
        (false, true) => {
            let reknock = section.last(DoorKey::Reknock).filter(|_| door.reknock == Reknock::Extend);
            for entry in section.last(DoorKey::CmdTimeout).into_iter().chain(reknock) {
                report.doubt(entry.name, Doubt::NoStop(entry.directive));
            }
        }
        (false, false) => {}
    }
}

fn opened(section: &DoorSection<'_>, door: &DoorConfig, report: &mut Report<'_>) {
    let runs_nothing = door.start.is_nothing() && door.stop.is_nothing();
    if let Some(entry) = section.last(DoorKey::Reknock)
        && !door.opens.is_nothing()
        && door.reknock == Reknock::Again
        && runs_nothing
    {
        report.doubt(entry.name, Doubt::NothingAgain);
    }
    let Some(entry) = section.last(DoorKey::Open) else { return };
    if matches!(door.opens, Opens::Ports(_)) && door.target.is_some() {
        report.doubt(entry.name, Doubt::OpensElsewhere);
    }
    let (SequenceSource::Fixed(sequence), Some(ports)) = (&door.source, door.opens.ports()) else { return };
    for (piece, range) in entry.value.split(|c| c == ',').zip(ports.ranges()) {
        if sequence.knocks().iter().any(|knock| range.contains(*knock)) {
            report.doubt(piece.trim(), Doubt::OpensKnock);
        }
    }
}

fn command(entry: &Entry<'_>, report: &mut Report<'_>) {
    const PLACEHOLDER: &str = "%IP%";
    let text = entry.value.text;
    // Quotation marks around a lone path are good shell; around a command with its arguments they are not.
    if let Some(inner) = quoted(text)
        && inner.contains(' ')
        && !inner.contains(['"', '\''])
    {
        report.doubt(entry.value, Doubt::Quotes);
    }
    for (start, _) in text.match_indices('%') {
        let range = start..start + PLACEHOLDER.len();
        let Some(found) = text.get(range.clone()) else { continue };
        if found != PLACEHOLDER && found.eq_ignore_ascii_case(PLACEHOLDER) {
            report.doubt(entry.value.part(range), Doubt::Placeholder(found.to_owned()));
        }
    }
}

fn knocks(entry: &Entry<'_>, sequence: &Sequence, door: &DoorConfig, report: &mut Report<'_>) {
    let knocks = sequence.knocks();
    if knocks.len() < 3 {
        report.doubt(entry.value, Doubt::Short);
    } else if let Some(falls) = in_order(knocks) {
        report.doubt(entry.value, Doubt::InOrder { falls, wrong_port: door.wrong_port });
    }
}

/// Whether the ports only fall, if they only fall or only rise.
fn in_order(knocks: &[Knock]) -> Option<bool> {
    let falls = knocks.first()?.port > knocks.last()?.port;
    let ordered =
        knocks.is_sorted_by(|one, next| if falls { one.port >= next.port } else { one.port <= next.port });
    let same = knocks.iter().all(|knock| Some(knock) == knocks.first());
    (ordered && !same).then_some(falls)
}
