//! Where a line goes.

use std::{collections::VecDeque, path::PathBuf};

use jiff::Timestamp;
use knock_core::{config::LogFormat, moment::Moment};

use super::{
    Outputs,
    file::{FileError, LogFile},
    hostname::Hostname,
    journald::Journald,
    json::Record,
    level::Level,
    line::{Line, Output},
    stamp,
    syslog::Syslog,
    terminal::Screen,
    wording::Wording,
};

/// The log file, the system's log and the terminal, as far as they are wanted.
///
/// What one of them has to say about itself goes to the others.
///
/// Where the terminal is systemd's journal, the journal gets what is for the terminal or for syslog, once and with its
/// fields. What it does not take goes to these two.
#[derive(Debug)]
pub(super) struct Sinks {
    file: Option<LogFile>,
    syslog: Option<Syslog>,
    screen: Screen,
    journald: Option<Journald>,
    /// Whether lines are still shown.
    has_terminal: bool,
    format: LogFormat,
    syslog_path: PathBuf,
    /// Whole lines that are still to be written to the file.
    for_file: String,
}

/// Where others listen for lines.
#[derive(Debug)]
pub(super) struct Sockets {
    /// The system's log.
    pub(super) syslog: PathBuf,
    /// The journal, if the terminal is that.
    pub(super) journald: Option<PathBuf>,
}

impl Sockets {
    /// Those of this system; the terminal is the journal, or isn't.
    pub(super) fn of_system(is_journal: bool) -> Self {
        Self { syslog: Syslog::PATH.into(), journald: is_journal.then(|| Journald::PATH.into()) }
    }
}

/// So much goes to the file at once, in bytes: what a pipe takes in whole or not at all (`PIPE_BUF` in `pipe(7)`).
const AT_ONCE: usize = 4096;

impl Sinks {
    /// Opens what is wanted.
    pub(super) fn open(outputs: &Outputs, screen: Screen, sockets: Sockets) -> Result<Self, FileError> {
        let file = outputs.file.as_deref().map(LogFile::open).transpose()?;
        let syslog = outputs.syslog.then(|| Syslog::new(sockets.syslog.clone()));
        Ok(Self {
            file,
            syslog,
            screen,
            journald: sockets.journald.map(Journald::new),
            has_terminal: true,
            format: outputs.format,
            syslog_path: sockets.syslog,
            for_file: String::new(),
        })
    }

    /// Writes a line that was said at `at`; to the file with [`Sinks::settle`] at the latest.
    pub(super) fn write(&mut self, line: &Line, name: Option<&Hostname>, at: Timestamp, now: Moment) {
        let news = self.write_one(line, name, at, now);
        self.tell(news, at, now);
    }

    /// Writes to the file what has gathered for it.
    pub(super) fn settle(&mut self, now: Moment) {
        let news = self.write_file(now);
        if news.is_some() {
            self.tell(news.into_iter().collect(), stamp::now(), now);
            // What the file has to say of itself is not for itself, but that another output is well may be.
            self.write_file(now);
        }
    }

    fn tell(&mut self, mut news: VecDeque<Line>, at: Timestamp, now: Moment) {
        while let Some(line) = news.pop_front() {
            news.extend(self.write_one(&line, None, at, now));
        }
    }

    fn write_file(&mut self, now: Moment) -> Option<Line> {
        if self.for_file.is_empty() {
            return None;
        }
        let news = self.file.as_mut().and_then(|file| file.write(&self.for_file, now));
        self.for_file.clear();
        news
    }

    /// Opens the log file anew, whatever its path leads to now.
    pub(super) fn reopen(&mut self, at: Timestamp, now: Moment) {
        self.settle(now);
        if let Some(file) = &mut self.file {
            let news = file.reopen(now);
            self.write(&news, None, at, now);
        }
    }

    /// Takes other outputs into use. If the log file can't be opened, the old one stays until it can.
    pub(super) fn change(&mut self, outputs: Outputs, at: Timestamp, now: Moment) {
        self.settle(now);
        self.format = outputs.format;
        if outputs.syslog != self.syslog.is_some() {
            self.syslog = outputs.syslog.then(|| Syslog::new(self.syslog_path.clone()));
        }
        let Some(path) = outputs.file else {
            self.file = None;
            return;
        };
        let news = match &mut self.file {
            Some(file) => file.move_to(path, now),
            None => self.file.insert(LogFile::closed(path)).reopen(now),
        };
        self.write(&news, None, at, now);
    }

    /// Writes to the terminal no more.
    pub(super) fn leave_terminal(&mut self) {
        self.has_terminal = false;
        self.screen.let_go();
    }

    /// Waits, but not for long, until everything is where it belongs.
    pub(super) fn flush(&self) {
        self.screen.flush();
    }

    /// Returns what the outputs have to say about themselves.
    fn write_one(
        &mut self,
        line: &Line,
        name: Option<&Hostname>,
        at: Timestamp,
        now: Moment,
    ) -> VecDeque<Line> {
        let mut news = VecDeque::new();
        let format = self.format;
        let spell = |line: &Line| match format {
            LogFormat::Classic => Wording { line, name }.to_string(),
            LogFormat::Json => Record { line, name, at }.to_json(),
        };
        let is_taken = self.journald_takes(&Record { line, name, at }, now);
        if !is_taken {
            self.screen.write(line, spell);
        }
        if line.level() == Level::Debug {
            return news;
        }
        if self.file.is_some() && !is_for_others_than_the_file(line) {
            let text = match format {
                LogFormat::Classic => format!("[{}] {}\n", stamp::for_file(at, stamp::zone()), spell(line)),
                LogFormat::Json => spell(line) + "\n",
            };
            if self.for_file.len() + text.len() > AT_ONCE {
                news.extend(self.write_file(now));
            }
            self.for_file.push_str(&text);
        }
        if let Some(syslog) = self.syslog.as_mut().filter(|_| !is_taken)
            && !matches!(line, Line::OutputBroken { output: Output::Syslog, .. })
        {
            let stamp = stamp::for_syslog(at, stamp::zone());
            let text = Wording { line, name }.to_string();
            news.extend(syslog.write(line.level(), &stamp, &text, now));
        }
        news
    }

    /// Whether the journal has taken a line that is for the terminal or for syslog.
    fn journald_takes(&mut self, record: &Record<'_>, now: Moment) -> bool {
        let Some(journald) = &mut self.journald else { return false };
        let is_shown = self.has_terminal && self.screen.shows(record.line);
        let is_for_syslog = self.syslog.is_some() && record.line.level() > Level::Debug;
        (is_shown || is_for_syslog) && journald.takes(record, now)
    }
}

/// The classic daemon doesn't write into a log file that it was opened anew, either.
fn is_for_others_than_the_file(line: &Line) -> bool {
    matches!(line, Line::OutputBroken { output: Output::File(_), .. } | Line::FileReopened { .. })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{PipeReader, Read, pipe},
        os::unix::net::UnixDatagram,
        path::Path,
    };

    use knock_core::{
        event::{Reason, What},
        sequence::Protocol,
    };

    use super::*;
    use crate::log::terminal::Terminal;

    fn sinks(folder: &Path, file: &str, syslog: bool) -> (Sinks, [PipeReader; 2]) {
        let ((out, to_out), (err, to_err)) = (pipe().unwrap(), pipe().unwrap());
        let screen = Screen::new(Terminal::Debug, to_out, to_err).unwrap();
        let outputs = Outputs { file: Some(file.into()), syslog, format: LogFormat::Classic };
        (Sinks::open(&outputs, screen, sockets(folder)).unwrap(), [out, err])
    }

    fn sockets(folder: &Path) -> Sockets {
        Sockets { syslog: folder.join("syslog"), journald: None }
    }

    fn say(sinks: &mut Sinks, line: &Line) {
        sinks.write(line, None, Timestamp::UNIX_EPOCH, Moment::default());
        sinks.settle(Moment::default());
    }

    fn shown(sinks: Sinks, readers: [PipeReader; 2]) -> [String; 2] {
        drop(sinks);
        readers.map(|mut reader| {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        })
    }

    #[test]
    fn explanations_are_for_the_terminal_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let reader = UnixDatagram::bind(folder.path().join("syslog")).unwrap();
        let (mut sinks, readers) = sinks(folder.path(), path.to_str().unwrap(), true);
        let what = What::Ignored { port: 1, protocol: Protocol::Udp, reason: Reason::NotFirst };
        say(&mut sinks, &Line::Attempt { source: [10, 0, 0, 2].into(), door: "ssh".into(), what });
        say(&mut sinks, &Line::ShuttingDown);
        let [out, err] = shown(sinks, readers);
        assert_eq!(out.lines().count(), 2);
        assert_eq!(err, "");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.starts_with("[19") && text.ends_with("] shutting down\n"), "{text}");
        let mut buffer = [0; 100];
        let length = reader.recv(&mut buffer).unwrap();
        assert!(buffer[..length].ends_with(b"]: shutting down"));
        reader.set_nonblocking(true).unwrap();
        assert!(reader.recv(&mut buffer).is_err());
    }

    #[test]
    fn what_is_broken_is_told_to_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let (mut sinks, readers) = sinks(folder.path(), "/dev/full", true);
        for _ in 0..3 {
            say(&mut sinks, &Line::ShuttingDown);
        }
        let [out, err] = shown(sinks, readers);
        assert_eq!(out.lines().count(), 3);
        let mut told: Vec<&str> = err.lines().filter_map(|line| line.split(" takes").next()).collect();
        told.sort_unstable();
        assert_eq!(told, ["log file /dev/full", "syslog"]);
    }

    #[test]
    fn outputs_can_be_exchanged() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        let (mut sinks, readers) = sinks(folder.path(), first.to_str().unwrap(), false);
        let change = |sinks: &mut Sinks, file: Option<&Path>| {
            let outputs = Outputs { file: file.map(Path::to_owned), ..Outputs::default() };
            sinks.change(outputs, Timestamp::UNIX_EPOCH, Moment::default());
            say(sinks, &Line::ShuttingDown);
        };
        change(&mut sinks, Some(&second));
        change(&mut sinks, None);
        change(&mut sinks, Some(&second));
        change(&mut sinks, Some(Path::new("/nonexistent/log")));
        let [out, err] = shown(sinks, readers);
        assert_eq!(fs::read_to_string(&first).unwrap(), "");
        assert_eq!(fs::read_to_string(&second).unwrap().matches("shutting down").count(), 3);
        assert_eq!(out.matches("re-opening log file: ").count(), 2);
        assert!(err.starts_with("log file /nonexistent/log cannot be opened: "), "{err}");
    }

    #[test]
    fn in_json_every_line_is_an_object_and_syslog_has_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let syslog = UnixDatagram::bind(folder.path().join("syslog")).unwrap();
        let (mut sinks, readers) = sinks(folder.path(), path.to_str().unwrap(), true);
        let format = LogFormat::Json;
        let outputs = Outputs { file: Some(path.clone()), syslog: true, format };
        sinks.change(outputs, Timestamp::UNIX_EPOCH, Moment::default());
        say(&mut sinks, &Line::OpeningsLost { count: 2 });
        let [out, err] = shown(sinks, readers);
        for text in [out + &err, fs::read_to_string(&path).unwrap()] {
            let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
            assert_eq!((&last["event"], &last["count"]), (&"openings-lost".into(), &2.into()));
        }
        let mut buffer = [0; 200];
        let mut next = || syslog.recv(&mut buffer).map(|length| buffer[..length].to_vec()).unwrap();
        assert!(next().ends_with(b"log") && next().ends_with(b" sequences opened nothing"));
    }

    #[test]
    fn the_journal_gets_each_line_once_and_the_others_what_it_does_not_take() {
        let folder = tempfile::tempdir().unwrap();
        let bind = |name| UnixDatagram::bind(folder.path().join(name)).unwrap();
        let (journal, syslog) = (bind("journal"), bind("syslog"));
        let ((out, to_out), (err, to_err)) = (pipe().unwrap(), pipe().unwrap());
        let screen = Screen::new(Terminal::Verbose, to_out, to_err).unwrap();
        let outputs = Outputs { syslog: true, ..Outputs::default() };
        let sockets = Sockets { journald: Some(folder.path().join("journal")), ..sockets(folder.path()) };
        let mut sinks = Sinks::open(&outputs, screen, sockets).unwrap();
        let mut buffer = [0; 300];
        for line in [Line::ShuttingDown, Line::error("bad")] {
            say(&mut sinks, &line);
            let length = journal.recv(&mut buffer).unwrap();
            let expected = format!("MESSAGE={line}\n");
            assert!(buffer[..length].starts_with(expected.as_bytes()), "{expected}");
        }
        drop(journal);
        say(&mut sinks, &Line::error("worse"));
        let length = syslog.recv(&mut buffer).unwrap();
        assert!(buffer[..length].ends_with(b": worse"));
        assert_eq!(shown(sinks, [out, err]), [String::new(), "worse\n".to_owned()]);
    }
}
