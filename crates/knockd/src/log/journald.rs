//! The journal of systemd, which takes the fields of a line as they are.
//!
//! Written by hand for the same reason as what goes to syslog: `systemd-journal-logger` and `libsystemd` wait for a stuck
//! reader for ever. It is one datagram a line to a socket, a line `NAME=value` in it for each field; no value of ours
//! has a line end (`https://systemd.io/JOURNAL_NATIVE_PROTOCOL/`). What is longer than a datagram may be has to come in
//! a file of memory there; such lines go another way here.

use std::{fmt::Write, io, path::PathBuf, time::Duration};

use knock_core::moment::Moment;
use rustix::io::Errno;

use super::{
    fields::{self, Value},
    health::Health,
    json::Record,
    mailbox::Mailbox,
    wording::Wording,
};

/// The socket of the journal.
#[derive(Debug)]
pub(super) struct Journald {
    mailbox: Mailbox,
    health: Health,
}

impl Journald {
    /// Where the journal listens.
    pub(super) const PATH: &'static str = "/run/systemd/journal/socket";

    /// The journal that listens at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { mailbox: Mailbox::new(path), health: Health::new(TRY_AGAIN) }
    }

    /// Whether it has taken the line.
    pub(super) fn takes(&mut self, record: &Record<'_>, now: Moment) -> bool {
        if !self.health.may_try(now, 1) {
            return false;
        }
        match self.mailbox.send(datagram(record).as_bytes()) {
            Ok(()) => {
                self.health.worked();
                true
            }
            Err(error) => {
                if !is_too_long(&error) {
                    self.health.failed(now, 1);
                }
                false
            }
        }
    }
}

/// How long a reader that took no line is left alone.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// `daemon` (RFC 3164, table 1).
const FACILITY: u8 = 3;

fn is_too_long(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::MSGSIZE)
}

fn datagram(record: &Record<'_>) -> String {
    let words = Wording { line: record.line, name: record.name };
    let severity = record.line.level().severity();
    let mut datagram = format!(
        "MESSAGE={words}\nPRIORITY={severity}\nSYSLOG_FACILITY={FACILITY}\nSYSLOG_IDENTIFIER=knockd\nKNOCKD_EVENT={}\n",
        fields::event(record.line)
    );
    let mut put = |name: &str, value: Value<'_>| {
        // To write to a string does not fail.
        let _ = writeln!(datagram, "KNOCKD_{}={value}", name.to_ascii_uppercase());
    };
    fields::each(record.line, &mut |name, value| put(name, value));
    if let Some(name) = record.name {
        put("source_name", Value::text(name));
    }
    datagram
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::net::UnixDatagram, time::Instant};

    use jiff::Timestamp;
    use knock_core::event::What;

    use super::*;
    use crate::log::{hostname::Hostname, line::Line};

    fn at(secs: u64) -> Moment {
        Moment::from_nanos(secs * 1_000_000_000)
    }

    fn takes(journald: &mut Journald, line: &Line, secs: u64) -> bool {
        let name = Hostname::new("a.example");
        let name = name.as_ref().filter(|_| line.source().is_some());
        journald.takes(&Record { line, name, at: Timestamp::UNIX_EPOCH }, at(secs))
    }

    fn received(reader: &UnixDatagram) -> String {
        let mut buffer = [0; 10_000];
        let length = reader.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_line_has_its_fields() {
        let folder = tempfile::tempdir().unwrap();
        let reader = UnixDatagram::bind(folder.path().join("socket")).unwrap();
        let mut journald = Journald::new(folder.path().join("socket"));
        let line = Line::Attempt { source: [10, 0, 0, 2].into(), door: "a\nb".into(), what: What::Stage(2) };
        assert!(takes(&mut journald, &line, 0));
        assert_eq!(
            received(&reader),
            "MESSAGE=10.0.0.2 (a.example): a\\nb: Stage 2\nPRIORITY=5\nSYSLOG_FACILITY=3\n\
             SYSLOG_IDENTIFIER=knockd\nKNOCKD_EVENT=stage\nKNOCKD_DOOR=a\\nb\nKNOCKD_SOURCE=10.0.0.2\n\
             KNOCKD_STAGE=2\nKNOCKD_SOURCE_NAME=a.example\n"
        );
        assert!(takes(&mut journald, &Line::error("x"), 0));
        assert_eq!(received(&reader).lines().nth(1), Some("PRIORITY=3"));
    }

    #[test]
    fn a_line_that_is_too_long_is_not_taken_and_the_next_is() {
        let folder = tempfile::tempdir().unwrap();
        let reader = UnixDatagram::bind(folder.path().join("socket")).unwrap();
        let mut journald = Journald::new(folder.path().join("socket"));
        assert!(!takes(&mut journald, &Line::note("x".repeat(10 << 20)), 0));
        assert!(takes(&mut journald, &Line::ShuttingDown, 0));
        assert!(received(&reader).starts_with("MESSAGE=shutting down\n"));
    }

    #[test]
    fn a_journal_that_is_stuck_or_gone_is_left_alone_for_some_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let mut journald = Journald::new(path.clone());
        assert!(!takes(&mut journald, &Line::ShuttingDown, 0));
        let reader = UnixDatagram::bind(&path).unwrap();
        assert!(!takes(&mut journald, &Line::ShuttingDown, 4));
        let start = Instant::now();
        let taken = (0..10_000).filter(|_| takes(&mut journald, &Line::ShuttingDown, 5)).count();
        assert!((1..10_000).contains(&taken) && start.elapsed() < Duration::from_secs(2), "{taken}");
        received(&reader);
        assert!(takes(&mut journald, &Line::ShuttingDown, 10));
        drop(reader);
        fs::remove_file(&path).unwrap();
        let reader = UnixDatagram::bind(&path).unwrap();
        assert!(takes(&mut journald, &Line::ShuttingDown, 10), "a restart between two lines costs none");
        received(&reader);
    }
}
