//! The system's log.
//!
//! Written by hand because nothing at hand keeps the one promise that counts, never to block: the C library's
//! syslog(3) and the `syslog` crate both wait for a stuck reader for ever, and the latter never connects again. What
//! there is to write is one datagram a line, `<PRI>Mmm dd hh:mm:ss knockd[PID]: TEXT` to `/dev/log`, as syslog(3)
//! sends it (RFC 3164, section 4.1, without the host name).

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
    time::Duration,
};

use knock_core::moment::Moment;

use super::{
    health::Health,
    level::Level,
    line::{Line, Output},
    mailbox::Mailbox,
};

/// Whoever keeps the system's log.
#[derive(Debug)]
pub(super) struct Syslog {
    mailbox: Mailbox,
    health: Health,
}

impl Syslog {
    /// Where the system's log listens on Linux (syslog(3), `_PATH_LOG`).
    pub(super) const PATH: &'static str = "/dev/log";

    /// The log that listens, or will listen, at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { mailbox: Mailbox::new(path), health: Health::new(TRY_AGAIN) }
    }

    /// Sends a line. Returns what there is to tell about the system's log itself.
    pub(super) fn write(&mut self, level: Level, stamp: &str, text: &str, now: Moment) -> Option<Line> {
        if !self.health.may_try(now, 1) {
            return None;
        }
        let priority = FACILITY | level.severity();
        let datagram = format!("<{priority}>{stamp} knockd[{}]: {}", std::process::id(), bounded(text));
        match self.mailbox.send(datagram.as_bytes()) {
            Ok(()) => self.health.worked().map(|lost| Line::OutputWorks { output: Output::Syslog, lost }),
            Err(error) => {
                let line = Line::OutputBroken { output: Output::Syslog, reason: reason(&error) };
                self.health.failed(now, 1).then_some(line)
            }
        }
    }
}

/// `daemon` (RFC 3164, table 1: number 3, times 8).
const FACILITY: u8 = 3 << 3;

/// The most bytes of a line: what common readers take.
const LONGEST: usize = 8000;

/// How long a reader that took no line is left alone.
const TRY_AGAIN: Duration = Duration::from_secs(5);

fn bounded(text: &str) -> &str {
    let end = (0..=text.len().min(LONGEST)).rev().find(|place| text.is_char_boundary(*place));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock => "its reader does not keep up".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::net::UnixDatagram, time::Instant};

    use super::*;

    fn at(secs: u64) -> Moment {
        Moment::from_nanos(secs * 1_000_000_000)
    }

    fn received(reader: &UnixDatagram) -> String {
        let mut buffer = [0; 10_000];
        let length = reader.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn sends_what_syslog_readers_expect() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let reader = UnixDatagram::bind(&path).unwrap();
        let mut syslog = Syslog::new(path);
        let pid = std::process::id();
        assert_eq!(syslog.write(Level::Notice, "Nov  3 00:05:06", "ssh: x", at(0)), None);
        assert_eq!(received(&reader), format!("<29>Nov  3 00:05:06 knockd[{pid}]: ssh: x"));
        assert_eq!(syslog.write(Level::Error, "Nov  3 00:05:06", &"ä".repeat(9000), at(0)), None);
        assert_eq!(received(&reader), format!("<27>Nov  3 00:05:06 knockd[{pid}]: {}", "ä".repeat(4000)));
    }

    #[test]
    fn follows_a_reader_that_comes_late_and_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut syslog = Syslog::new(path.clone());
        let mut write = |text: &str, secs| syslog.write(Level::Notice, "S", text, at(secs));
        assert!(matches!(write("a", 0), Some(Line::OutputBroken { output: Output::Syslog, .. })));
        assert_eq!(write("b", 0), None);
        let first = UnixDatagram::bind(&path).unwrap();
        assert_eq!(write("c", 5), Some(Line::OutputWorks { output: Output::Syslog, lost: 2 }));
        assert!(received(&first).ends_with(": c"));
        drop(first);
        fs::remove_file(&path).unwrap();
        let second = UnixDatagram::bind(&path).unwrap();
        assert_eq!(write("d", 5), None, "a restart between two lines costs none");
        assert!(received(&second).ends_with(": d"));
    }

    #[test]
    fn a_stuck_reader_costs_lines_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let reader = UnixDatagram::bind(&path).unwrap();
        let mut syslog = Syslog::new(path);
        let start = Instant::now();
        let told: Vec<Line> =
            (0..10_000).filter_map(|_| syslog.write(Level::Notice, "S", "x", at(0))).collect();
        assert!(start.elapsed() < Duration::from_secs(2));
        let reason = "its reader does not keep up".to_owned();
        assert_eq!(told, [Line::OutputBroken { output: Output::Syslog, reason }]);
        received(&reader);
        assert!(matches!(syslog.write(Level::Notice, "S", "x", at(5)), Some(Line::OutputWorks { .. })));
    }
}
