//! Values of directives: text to types.

use std::{net::IpAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use super::{
    control_socket::ControlSocket,
    listen::{Listen, NoInterface},
    mistake::Wrong,
    piece::Piece,
    report::Report,
    section::Entry,
    warning::Doubt,
};
use crate::{
    door::{FlagRule, TcpFlags},
    ports::Ports,
    sequence::Sequence,
    set_address::SetAddress,
    written::Written,
};

/// The knocks of a door.
pub(super) fn sequence(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Sequence> {
    let value = entry.value;
    match Written::read(value.text) {
        Ok(Written { sequence, comma }) => {
            if let Some(comma) = comma {
                report.doubt(value.part(comma), Doubt::Comma);
            }
            Some(sequence)
        }
        Err(errors) => {
            for error in errors.iter() {
                report.wrong(value.part(error.place.clone()), Wrong::Sequence(error.mistake));
            }
            None
        }
    }
}

/// The ports that a door opens.
pub(super) fn ports(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Ports> {
    match entry.value.text.parse() {
        Ok(ports) => Some(ports),
        Err(errors) => {
            for error in errors.iter() {
                report.wrong(entry.value.part(error.place.clone()), Wrong::Ports(error.mistake));
            }
            None
        }
    }
}

/// A set of nftables.
pub(super) fn set(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<SetAddress> {
    match entry.value.text.parse() {
        Ok(set) => Some(set),
        Err(mistake) => {
            report.wrong(entry.value, Wrong::Set(entry.directive, mistake));
            None
        }
    }
}

/// A number of seconds up to 2^31 - 1, with at most 9 digits behind the point.
pub(super) fn seconds(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Duration> {
    let value = entry.value;
    let number = value.text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = value.part(number.len()..value.text.len()).trim();
    if !["", "s", "sec", "secs", "second", "seconds"].contains(&unit.text.to_ascii_lowercase().as_str()) {
        return refuse(entry, value, report);
    }
    let Some(duration) = decimal(number) else {
        return refuse(entry, value, report);
    };
    if !unit.text.is_empty() {
        report.doubt(unit, Doubt::Unit);
    }
    Some(duration)
}

fn decimal(text: &str) -> Option<Duration> {
    const LONGEST: u64 = i32::MAX.unsigned_abs() as u64;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds = whole.parse().ok().filter(|seconds| *seconds <= LONGEST)?;
    Some(Duration::new(seconds, format!("{fraction:0<9}").parse().ok()?))
}

/// A number of seconds greater than 0.
pub(super) fn some_seconds(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Duration> {
    match seconds(entry, report)? {
        Duration::ZERO => refuse(entry, entry.value, report),
        duration => Some(duration),
    }
}

/// TCP flags on top of those that earlier lines ask for.
pub(super) fn flags(rule: FlagRule, entry: &Entry<'_>, report: &mut Report<'_>) -> Option<FlagRule> {
    let before = report.mistakes();
    let mut added = FlagRule::default();
    for piece in entry.value.split(|c| c == ',').map(Piece::trim) {
        let (name, clear) = match piece.text.strip_prefix('!') {
            Some(name) => (name.trim(), true),
            None => (piece.text, false),
        };
        let Some((_, flag)) = TcpFlags::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
        else {
            report.wrong(piece, Wrong::Value(entry.directive));
            continue;
        };
        let (these, others) =
            if clear { (&mut added.clear, added.set) } else { (&mut added.set, added.clear) };
        if others.0 & flag.0 != 0 {
            report.wrong(piece, Wrong::Contradiction);
            continue;
        }
        *these = *these | *flag;
    }
    (report.mistakes() == before).then_some(FlagRule {
        set: TcpFlags(rule.set.0 & !added.clear.0) | added.set,
        clear: TcpFlags(rule.clear.0 & !added.set.0) | added.clear,
    })
}

/// An address that a packet can be sent to.
pub(super) fn address(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<IpAddr> {
    // What RFC 4291 calls a mapped address never stands in a packet; its IPv4 address does.
    let address = entry.value.text.parse::<IpAddr>().map(|address| address.to_canonical());
    match address.ok().filter(|address| !address.is_unspecified()) {
        Some(address) => Some(address),
        None => refuse(entry, entry.value, report),
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(entry: &Entry<'_>, words: &[(&str, T)], report: &mut Report<'_>) -> Option<T> {
    match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(entry.value.text)) {
        Some((_, choice)) => Some(*choice),
        None => refuse(entry, entry.value, report),
    }
}

/// A whole number in a range.
pub(super) fn count(
    entry: &Entry<'_>,
    range: &RangeInclusive<usize>,
    report: &mut Report<'_>,
) -> Option<usize> {
    let text = entry.value.text;
    let number = text.parse().ok().filter(|_| !text.starts_with('+'));
    match number.filter(|number| range.contains(number)) {
        Some(number) => Some(number),
        None => refuse(entry, entry.value, report),
    }
}

/// The path of a file.
pub(super) fn path(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<PathBuf> {
    let text = entry.value.text;
    if text.is_empty() {
        report.wrong(entry.value, Wrong::NoValue(entry.directive));
        return None;
    }
    if !quotes(entry, report) && !text.starts_with('/') {
        report.doubt(entry.value, Doubt::RelativePath);
    }
    Some(PathBuf::from(text))
}

/// Where the control socket is; nothing for none.
pub(super) fn control_socket(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<ControlSocket> {
    match entry.value.text.parse() {
        Ok(ControlSocket::At(_)) => path(entry, report).map(ControlSocket::At),
        Ok(ControlSocket::Off) => Some(ControlSocket::Off),
        Err(never) => match never {},
    }
}

/// What to listen on.
pub(super) fn interfaces(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Listen> {
    let errors = match entry.value.text.parse::<Listen>() {
        Ok(listen) => {
            quotes(entry, report);
            return Some(listen);
        }
        Err(errors) => errors,
    };
    let is_wrong = |piece: &Piece<'_>| errors.iter().any(|NoInterface(word)| word == piece.text);
    let separator = |c: char| c == ',' || c.is_ascii_whitespace();
    let mut pieces: Vec<_> = entry.value.split(separator).filter(is_wrong).collect();
    if pieces.is_empty() {
        pieces.push(entry.value);
    }
    for piece in pieces {
        report.wrong(piece, Wrong::Value(entry.directive));
    }
    None
}

/// Tells of quotation marks around a value; whether there are.
fn quotes(entry: &Entry<'_>, report: &mut Report<'_>) -> bool {
    let quoted = quoted(entry.value.text).is_some();
    if quoted {
        report.doubt(entry.value, Doubt::Quotes);
    }
    quoted
}

/// The text between quotation marks around all of it.
pub(super) fn quoted(text: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|mark| text.strip_prefix(mark)?.strip_suffix(mark))
}

fn refuse<T>(entry: &Entry<'_>, piece: Piece<'_>, report: &mut Report<'_>) -> Option<T> {
    report.wrong(piece, Wrong::Value(entry.directive));
    None
}
