//! A line of every event, for tests.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use knock_core::{
    event::{self, Reason, What},
    one_time::LineMistake,
    sequence::{Protocol, Sequence},
};

use super::{
    By, Kind, Line, Purpose,
    line::{Hand, Output},
};

/// One at least of each, with all fields that it can have.
pub(super) fn every_event() -> Vec<Line> {
    let (port, protocol) = (9303, Protocol::Tcp);
    let attempts = [
        What::Stage(1),
        What::Opened(4),
        What::Discarded { stage: 2, port, protocol },
        What::TimedOut(3),
        What::GaveWay(1),
        What::Ignored { port, protocol, reason: Reason::NotFirst },
    ];
    let (source, door) = (source(), door());
    let attempts = attempts.map(|what| Line::Attempt { source, door: Arc::clone(&door), what });
    attempts
        .into_iter()
        .chain(of_commands())
        .chain(by_hand())
        .chain(of_doors())
        .chain(of_the_daemon())
        .chain(of_the_log())
        .collect()
}

fn source() -> IpAddr {
    [192, 0, 2, 7].into()
}

fn door() -> Arc<str> {
    "ssh".into()
}

fn path() -> PathBuf {
    "/a/b".into()
}

fn reason() -> String {
    "it is full".to_owned()
}

const SPAN: Duration = Duration::from_millis(1250);

fn of_commands() -> Vec<Line> {
    let (source, purpose, took) = (source(), Purpose::Start, SPAN);
    let command = || "true \"1\"".to_owned();
    vec![
        Line::Running { door: door(), source, purpose, command: command() },
        Line::Ran { door: door(), source, purpose, took },
        Line::CommandFailed { door: door(), source, purpose, status: 3 },
        Line::CommandKilled { door: door(), source, purpose, signal: 9, took },
        Line::CommandHangs { door: door(), source, purpose, command: command(), since: took },
        Line::CommandNotStarted { door: door(), source, purpose, reason: reason() },
        Line::Opened { source, door: door(), left: took },
        Line::Extended { source, door: door(), by: By::Kernel, left: Some(took) },
        Line::Extended { source, door: door(), by: By::Kernel, left: None },
        Line::Closed { source, door: door() },
        Line::CommandTimeout { source, door: door() },
    ]
}

fn by_hand() -> Vec<Line> {
    let done = |source, hand| Line::ByHand { source, door: door(), hand, user: 1000 };
    let hands = [Hand::Opened, Hand::Closed, Hand::Extended(SPAN)];
    // Nobody opens or extends for all.
    hands.map(|hand| done(Some(source()), hand)).into_iter().chain([done(None, Hand::Closed)]).collect()
}

fn of_doors() -> Vec<Line> {
    let wrong = "0".parse::<Sequence>().err().map(Into::into);
    let mistake = wrong.map(|wrong| LineMistake { line: 4, wrong });
    let no_sequence = mistake.map(|mistake| Line::NoSequence { door: door(), path: path(), mistake });
    let source = source();
    let lines = [
        Line::NotOpened { source, door: door(), reason: reason() },
        Line::LetIn { source, door: door(), what: "tcp/22".into(), stay: SPAN, longer: true },
        Line::LetIn { source, door: door(), what: "tcp/22".into(), stay: SPAN, longer: false },
        Line::StaysShut { source, door: door(), reason: reason() },
        Line::LeftOpen { source, door: door(), left: SPAN },
        Line::LeftOpen { source, door: door(), left: Duration::ZERO },
        Line::OneTimeUsed { door: door(), line: 3, left: 2 },
        Line::OneTimeEmpty { door: door() },
        Line::OneTimeNotMarked { door: door(), path: path(), reason: reason() },
    ];
    lines.into_iter().chain(no_sequence).collect()
}

fn of_the_daemon() -> Vec<Line> {
    let interfaces = || "eth0, ppp0".to_owned();
    vec![
        Line::Starting { interfaces: interfaces() },
        Line::Waiting { interfaces: interfaces() },
        Line::ShuttingDown,
        Line::Rereading { path: path() },
        Line::ConfigurationTaken { doors: 3 },
        Line::ConfigurationKept { path: path(), mistakes: 2, first: reason() },
        Line::InterfaceCame { name: "eth0".to_owned() },
        Line::InterfaceWent { name: "eth0".to_owned() },
        Line::PacketsDropped { count: 7 },
        Line::OpeningsLost { count: 7 },
        Line::WatcherEnded { how: reason(), pause: SPAN },
        Line::note("all is well"),
    ]
}

fn of_the_log() -> Vec<Line> {
    let kinds = Kind::ALL.map(|kind| Line::LeftOut { count: 12, kind, sample: None });
    let sample = Some(Box::new(Line::ShuttingDown));
    let lines = [
        Line::LeftOut { count: 12, kind: Kind::Attempt(event::Kind::Stage), sample },
        Line::OutputBroken { output: Output::Syslog, reason: reason() },
        Line::OutputWorks { output: Output::File(path()), lost: 2 },
        Line::NotShown { count: 3 },
        Line::FileReopened { path: path() },
        Line::FileNotReopened { path: path(), reason: reason() },
    ];
    kinds.into_iter().chain(lines).collect()
}
