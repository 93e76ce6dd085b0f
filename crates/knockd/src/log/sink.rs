//! Where a line goes.

use std::{collections::VecDeque, path::PathBuf};

use jiff::Timestamp;
use knock_core::moment::Moment;

use super::{
    Outputs,
    file::{FileError, LogFile},
    hostname::Hostname,
    line::{Level, Line, Output},
    stamp,
    syslog::Syslog,
    terminal::Screen,
    wording::Wording,
};

/// The log file, the system's log and the terminal, as far as they are wanted.
///
/// What one of them has to say about itself goes to the others.
#[derive(Debug)]
pub(super) struct Sinks {
    file: Option<LogFile>,
    syslog: Option<Syslog>,
    screen: Screen,
    syslog_path: PathBuf,
    /// Whole lines that are still to be written to the file.
    for_file: String,
}

/// So much goes to the file at once, in bytes: what a pipe takes in whole or not at all (`PIPE_BUF` in `pipe(7)`).
const AT_ONCE: usize = 4096;

impl Sinks {
    /// Opens what is wanted.
    pub(super) fn open(outputs: &Outputs, screen: Screen, syslog_path: PathBuf) -> Result<Self, FileError> {
        let file = outputs.file.as_deref().map(LogFile::open).transpose()?;
        let syslog = outputs.syslog.then(|| Syslog::new(syslog_path.clone()));
        Ok(Self { file, syslog, screen, syslog_path, for_file: String::new() })
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
    pub(super) fn leave_terminal(&self) {
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
        let text = Wording { line, name }.to_string();
        self.screen.write(line, &text);
        if line.level() == Level::Debug {
            return news;
        }
        if self.file.is_some() && !is_for_others_than_the_file(line) {
            let stamp = stamp::for_file(at, stamp::zone());
            let text = format!("[{stamp}] {text}\n");
            if self.for_file.len() + text.len() > AT_ONCE {
                news.extend(self.write_file(now));
            }
            self.for_file.push_str(&text);
        }
        if let Some(syslog) = &mut self.syslog
            && !matches!(line, Line::OutputBroken { output: Output::Syslog, .. })
        {
            let stamp = stamp::for_syslog(at, stamp::zone());
            news.extend(syslog.write(line.level(), &stamp, &text, now));
        }
        news
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
        let outputs = Outputs { file: Some(file.into()), syslog };
        (Sinks::open(&outputs, screen, folder.join("syslog")).unwrap(), [out, err])
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
            let outputs = Outputs { file: file.map(Path::to_owned), syslog: false };
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
}
