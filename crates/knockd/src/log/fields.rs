//! What a line says, as named values for machines.
//!
//! The names are promised to whoever reads the log by program (docs/observe.md has them all): none changes its meaning,
//! new ones may come.

use std::{borrow::Cow, fmt, fmt::Write, time::Duration};

use knock_core::{
    event::{self, What},
    sequence::Protocol,
};
use serde::{Serialize, Serializer};

use super::{
    kind::Kind,
    line::{Hand, Line},
    plain::Plain,
    purpose::Purpose,
};

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A text of one line.
    Text(Cow<'a, str>),
    /// A number.
    Number(u64),
    /// A span, told in seconds.
    Span(Duration),
    /// Something that is so.
    Yes,
}

impl Value<'_> {
    /// The text with everything made visible that could end the line.
    pub(super) fn text(text: impl fmt::Display) -> Self {
        let mut plain = Plain(String::new());
        // To write to a string does not fail.
        let _ = write!(plain, "{text}");
        Self::Text(Cow::Owned(plain.0))
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Span(span) => write!(f, "{}", span.as_secs_f64()),
            Self::Yes => f.write_str("true"),
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Span(span) => serializer.serialize_f64(span.as_secs_f64()),
            Self::Yes => serializer.serialize_bool(true),
        }
    }
}

/// The name of what has happened.
pub(super) fn event(line: &Line) -> &'static str {
    match line {
        Line::Attempt { what, .. } => match what {
            What::Stage(_) => "stage",
            What::Opened(_) => "opened",
            What::Discarded { .. } => "discarded",
            What::TimedOut(_) => "timed-out",
            What::GaveWay(_) => "gave-way",
            What::Ignored { .. } => "ignored",
        },
        Line::Running { .. } => "command-started",
        Line::Ran { .. } => "command-ended",
        Line::CommandFailed { .. } => "command-failed",
        Line::CommandKilled { .. } => "command-killed",
        Line::CommandHangs { .. } => "command-hangs",
        Line::CommandNotStarted { .. } => "command-not-started",
        Line::ByHand { .. } => "by-hand",
        Line::Opened { .. } => "stands-open",
        Line::Extended { .. } => "extended",
        Line::Closed { .. } => "closed",
        Line::CommandTimeout { .. } => "command-timeout",
        Line::NotOpened { .. } => "not-opened",
        Line::LetIn { .. } => "let-in",
        Line::StaysShut { .. } => "stays-shut",
        Line::LeftOpen { .. } => "left-open",
        Line::OneTimeUsed { .. } => "one-time-used",
        Line::OneTimeEmpty { .. } => "one-time-empty",
        Line::OneTimeNotMarked { .. } => "one-time-not-marked",
        Line::NoSequence { .. } => "no-sequence",
        Line::Starting { .. } => "starting",
        Line::Waiting { .. } => "waiting",
        Line::ShuttingDown => "shutting-down",
        Line::Rereading { .. } => "rereading",
        Line::ConfigurationTaken { .. } => "configuration-taken",
        Line::ConfigurationKept { .. } => "configuration-kept",
        Line::InterfaceCame { .. } => "interface-came",
        Line::InterfaceWent { .. } => "interface-went",
        Line::PacketsDropped { .. } => "packets-dropped",
        Line::OpeningsLost { .. } => "openings-lost",
        Line::WatcherEnded { .. } => "watcher-ended",
        Line::LeftOut { .. } => "left-out",
        Line::OutputBroken { .. } => "output-broken",
        Line::OutputWorks { .. } => "output-works",
        Line::NotShown { .. } => "not-shown",
        Line::FileReopened { .. } => "file-reopened",
        Line::FileNotReopened { .. } => "file-not-reopened",
        Line::Text { .. } => "note",
    }
}

/// Hands on the fields of a line in their order, without those that every line has.
pub(super) fn each<'a>(line: &'a Line, put: &mut impl FnMut(&'static str, Value<'a>)) {
    if let Some(door) = door(line) {
        put("door", Value::text(door));
    }
    if let Some(source) = line.source() {
        put("source", Value::text(source));
    }
    match line {
        Line::Attempt { what, .. } => of_attempt(*what, put),
        Line::Running { .. }
        | Line::Ran { .. }
        | Line::CommandFailed { .. }
        | Line::CommandKilled { .. }
        | Line::CommandHangs { .. }
        | Line::CommandNotStarted { .. } => of_command(line, put),
        Line::NotOpened { reason, .. } | Line::StaysShut { reason, .. } => put("reason", Value::text(reason)),
        Line::LetIn { what, stay, longer, .. } => {
            put("opens", Value::text(what));
            put("duration", Value::Span(*stay));
            if *longer {
                put("extended", Value::Yes);
            }
        }
        Line::LeftOpen { left, .. } => put("duration", Value::Span(*left)),
        Line::OneTimeUsed { line, left, .. } => {
            put("line", number(*line));
            put("left", number(*left));
        }
        Line::NoSequence { path, mistake, .. } => {
            put("path", Value::text(path.display()));
            put("line", number(mistake.line));
            put("reason", Value::text(&mistake.wrong));
        }
        Line::OneTimeNotMarked { path, reason, .. } | Line::FileNotReopened { path, reason } => {
            put("path", Value::text(path.display()));
            put("reason", Value::text(reason));
        }
        Line::Rereading { path } | Line::FileReopened { path } => put("path", Value::text(path.display())),
        Line::ConfigurationTaken { doors } => put("count", number(*doors)),
        Line::ConfigurationKept { path, mistakes, first } => {
            put("path", Value::text(path.display()));
            put("count", number(*mistakes));
            put("reason", Value::text(first));
        }
        Line::Starting { interfaces } | Line::Waiting { interfaces } => {
            put("interfaces", Value::text(interfaces));
        }
        Line::InterfaceCame { name } | Line::InterfaceWent { name } => put("interfaces", Value::text(name)),
        Line::PacketsDropped { count } | Line::OpeningsLost { count } | Line::NotShown { count } => {
            put("count", Value::Number(*count));
        }
        Line::WatcherEnded { how, pause } => {
            put("reason", Value::text(how));
            put("duration", Value::Span(*pause));
        }
        Line::LeftOut { count, kind, .. } => {
            put("left_out", Value::Text(Cow::Borrowed(name_of(*kind))));
            put("count", Value::Number(*count));
        }
        Line::OutputBroken { output, reason } => {
            put("output", Value::text(output));
            put("reason", Value::text(reason));
        }
        Line::OutputWorks { output, lost } => {
            put("output", Value::text(output));
            put("count", Value::Number(*lost));
        }
        Line::ByHand { hand, user, .. } => {
            put("hand", Value::text(hand));
            if let Hand::Extended(by) = hand {
                put("duration", Value::Span(*by));
            }
            put("user", Value::Number((*user).into()));
        }
        Line::Opened { left, .. } | Line::Extended { left: Some(left), .. } => {
            put("duration", Value::Span(*left));
        }
        Line::Extended { left: None, .. }
        | Line::Closed { .. }
        | Line::CommandTimeout { .. }
        | Line::OneTimeEmpty { .. }
        | Line::ShuttingDown
        | Line::Text { .. } => {}
    }
}

fn of_attempt<'a>(what: What, put: &mut impl FnMut(&'static str, Value<'a>)) {
    let mut hit = |port: u16, protocol: Protocol| {
        put("port", Value::Number(port.into()));
        put("protocol", Value::text(protocol));
    };
    match what {
        What::Stage(stage) | What::Opened(stage) | What::TimedOut(stage) | What::GaveWay(stage) => {
            put("stage", Value::Number(stage.into()));
        }
        What::Discarded { stage, port, protocol } => {
            hit(port, protocol);
            put("stage", Value::Number(stage.into()));
        }
        What::Ignored { port, protocol, reason } => {
            hit(port, protocol);
            put("reason", Value::text(reason));
        }
    }
}

fn of_command<'a>(line: &'a Line, put: &mut impl FnMut(&'static str, Value<'a>)) {
    let mut whose = |source, purpose: Purpose| {
        put("source", Value::text(source));
        put("purpose", Value::Text(Cow::Borrowed(purpose.name())));
    };
    match line {
        Line::Running { source, purpose, command, .. } => {
            whose(source, *purpose);
            put("command", Value::text(command));
        }
        Line::Ran { source, purpose, took, .. } => {
            whose(source, *purpose);
            put("duration", Value::Span(*took));
        }
        Line::CommandFailed { source, purpose, status, .. } => {
            whose(source, *purpose);
            put("status", Value::Number(status.unsigned_abs().into()));
        }
        Line::CommandKilled { source, purpose, signal, took, .. } => {
            whose(source, *purpose);
            put("signal", Value::Number(signal.unsigned_abs().into()));
            put("duration", Value::Span(*took));
        }
        Line::CommandHangs { source, purpose, command, since, .. } => {
            whose(source, *purpose);
            put("command", Value::text(command));
            put("duration", Value::Span(*since));
        }
        Line::CommandNotStarted { source, purpose, reason, .. } => {
            whose(source, *purpose);
            put("reason", Value::text(reason));
        }
        _ => {}
    }
}

fn door(line: &Line) -> Option<&str> {
    match line {
        Line::Attempt { door, .. }
        | Line::Running { door, .. }
        | Line::Ran { door, .. }
        | Line::CommandFailed { door, .. }
        | Line::CommandKilled { door, .. }
        | Line::CommandHangs { door, .. }
        | Line::CommandNotStarted { door, .. }
        | Line::ByHand { door, .. }
        | Line::Opened { door, .. }
        | Line::Extended { door, .. }
        | Line::Closed { door, .. }
        | Line::CommandTimeout { door, .. }
        | Line::NotOpened { door, .. }
        | Line::LetIn { door, .. }
        | Line::StaysShut { door, .. }
        | Line::LeftOpen { door, .. }
        | Line::OneTimeUsed { door, .. }
        | Line::OneTimeEmpty { door }
        | Line::OneTimeNotMarked { door, .. }
        | Line::NoSequence { door, .. } => Some(door),
        _ => None,
    }
}

/// The event that lines of a kind tell of.
fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Attempt(event::Kind::Stage) => "stage",
        Kind::Attempt(event::Kind::Discarded) => "discarded",
        Kind::Attempt(event::Kind::TimedOut) => "timed-out",
        Kind::Attempt(event::Kind::GaveWay) => "gave-way",
        Kind::Attempt(event::Kind::Ignored) => "ignored",
        Kind::NoSequence => "no-sequence",
        Kind::Interface => "interface",
        Kind::PacketsDropped => "packets-dropped",
        Kind::OpeningsLost => "openings-lost",
        Kind::Text => "note",
    }
}

fn number(count: usize) -> Value<'static> {
    Value::Number(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use super::*;
    use crate::log::samples;

    /// The rows of a table of the document, by what stands first in them.
    fn rows(heading: &str) -> BTreeMap<String, Vec<String>> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/observe.md");
        let text = fs::read_to_string(path).unwrap();
        let chapter = text.split(heading).nth(1).unwrap().split("\n##").next().unwrap();
        let rows = chapter.lines().filter_map(|line| line.strip_prefix("| `")).map(|row| {
            let mut cells = row.split('|');
            let first = cells.next().unwrap().trim().trim_end_matches('`').to_owned();
            let names = cells.next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect();
            (first, names)
        });
        rows.collect()
    }

    #[test]
    fn the_document_has_every_event_with_its_fields() {
        let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in samples::every_event() {
            let mut names = Vec::new();
            each(&line, &mut |name, _| names.push(name.to_owned()));
            let known = said.entry(event(&line).to_owned()).or_default();
            names.retain(|name| !known.contains(name));
            known.extend(names);
        }
        assert_eq!(rows("\n### Events\n"), said);
    }

    #[test]
    fn the_document_has_every_field() {
        let mut names: Vec<String> =
            ["time", "level", "event", "message", "source_name"].map(str::to_owned).to_vec();
        for line in samples::every_event() {
            each(&line, &mut |name, _| names.push(name.to_owned()));
        }
        names.sort();
        names.dedup();
        assert_eq!(rows("\n### Fields\n").into_keys().collect::<Vec<_>>(), names);
    }
}
