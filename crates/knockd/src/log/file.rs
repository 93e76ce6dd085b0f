//! The log file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use knock_core::moment::Moment;
use rustix::fs::OFlags;
use thiserror::Error;

use super::{
    health::Health,
    line::{Line, Output},
};

/// Lines at the end of a file.
///
/// A file that can't be written (the disk is full) or opened anew (its directory has gone) costs lines, never more,
/// and is tried again. What was opened last stays open until something better is.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    /// None until it could be opened for the first time.
    file: Option<File>,
    /// Whether a line was written in part only.
    torn: bool,
    health: Health,
    /// When to try to open it anew, if that has failed.
    reopen_at: Option<Moment>,
}

/// A log file can't be opened.
#[derive(Debug, Error)]
#[error("log file {}: it cannot be opened for writing: {reason}; check that its directory exists and is writable", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub reason: io::Error,
}

impl LogFile {
    /// Opens it, and makes it if there is none.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let mut file = Self::closed(path.to_owned());
        file.try_reopen().map_err(|reason| FileError { path: path.to_owned(), reason })?;
        Ok(file)
    }

    /// A file that is not open yet.
    pub(super) fn closed(path: PathBuf) -> Self {
        Self { path, file: None, torn: false, health: Health::new(TRY_AGAIN), reopen_at: None }
    }

    /// Opens what is now at its path. If that can't be, what is open stays in use.
    pub(super) fn reopen(&mut self, now: Moment) -> Line {
        let Err(error) = self.try_reopen() else {
            return Line::FileReopened { path: self.path.clone() };
        };
        let (path, reason) = (self.path.clone(), error.to_string());
        if self.file.is_none() {
            self.health.failed(now, 1);
            return Line::OutputBroken { output: Output::File(path), reason };
        }
        self.reopen_at = Some(now.after(OPEN_AGAIN));
        Line::FileNotReopened { path, reason }
    }

    /// Opens what is at another path. If that can't be, what is open stays in use.
    pub(super) fn move_to(&mut self, path: PathBuf, now: Moment) -> Line {
        self.path = path;
        self.reopen(now)
    }

    /// Writes a text of whole lines. Returns what there is to tell about the file itself.
    pub(super) fn write(&mut self, text: &str, now: Moment) -> Option<Line> {
        if !self.health.may_try(now, lines_of(text.as_bytes())) {
            return None;
        }
        let overdue = self.reopen_at.is_some_and(|at| at <= now);
        let opened = if overdue || self.health.is_sick() { self.try_reopen() } else { Ok(()) };
        if overdue && opened.is_err() {
            self.reopen_at = Some(now.after(OPEN_AGAIN));
        }
        let mut rest = text.as_bytes();
        let written = match &self.file {
            Some(file) => append(file, &mut rest, &mut self.torn),
            None => opened,
        };
        let output = || Output::File(self.path.clone());
        match written {
            Ok(()) => self.health.worked().map(|lost| Line::OutputWorks { output: output(), lost }),
            Err(error) => {
                let line = Line::OutputBroken { output: output(), reason: error.to_string() };
                self.health.failed(now, lines_of(rest)).then_some(line)
            }
        }
    }

    fn try_reopen(&mut self) -> io::Result<()> {
        self.file = Some(open(&self.path)?);
        self.torn = false;
        self.reopen_at = None;
        Ok(())
    }
}

/// Nobody but its owner and its group reads who knocks here and what commands run.
const MODE: u32 = 0o640;

/// How long a file that took no line is left alone.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How long a file that could not be opened anew is left alone.
const OPEN_AGAIN: Duration = Duration::from_secs(10);

/// Never waits, not even for the reader of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    OpenOptions::new().append(true).create(true).mode(MODE).custom_flags(flags).open(path)
}

/// Writes what is left, as much as there is room for.
fn append(mut file: &File, rest: &mut &[u8], torn: &mut bool) -> io::Result<()> {
    if *torn {
        file.write_all(b"\n")?;
        *torn = false;
    }
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                let (written, left) = rest.split_at_checked(count).unwrap_or((rest, &[]));
                *torn = !written.ends_with(b"\n");
                *rest = left;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn lines_of(text: &[u8]) -> u64 {
    let lines = text.split_inclusive(|byte| *byte == b'\n').count();
    u64::try_from(lines).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    fn at(secs: u64) -> Moment {
        Moment::from_nanos(secs * 1_000_000_000)
    }

    #[test]
    fn adds_to_what_is_there_and_is_not_for_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for text in ["a\n", "b\n"] {
            assert_eq!(LogFile::open(&path).unwrap().write(text, at(0)), None);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\nb\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o027, 0);
    }

    #[test]
    fn says_in_one_line_why_it_cannot_be_opened() {
        let error = LogFile::open(Path::new("/nonexistent/log")).unwrap_err().to_string();
        assert!(
            error.starts_with("log file /nonexistent/log: it cannot be opened for writing: No such file")
        );
        assert!(!error.contains('\n'));
    }

    #[test]
    fn a_full_disk_is_told_once_and_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, real) = (folder.path().join("log"), folder.path().join("real"));
        symlink("/dev/full", &path).unwrap();
        let mut log = LogFile::open(&path).unwrap();
        let Some(Line::OutputBroken { reason, .. }) = log.write("a\n", at(0)) else { panic!() };
        assert!(reason.starts_with("No space left"));
        assert_eq!(log.write("b\n", at(0)), None);
        assert_eq!(log.write("c\n", at(1)), None);
        fs::remove_file(&path).unwrap();
        symlink(&real, &path).unwrap();
        assert_eq!(log.write("d\n", at(1)), None, "it was tried just now");
        let output = Output::File(path);
        assert_eq!(log.write("e\n", at(2)), Some(Line::OutputWorks { output, lost: 4 }));
        assert_eq!(fs::read_to_string(&real).unwrap(), "e\n");
    }

    #[test]
    fn a_torn_line_is_ended_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = LogFile::open(&path).unwrap();
        log.torn = log.file.as_ref().unwrap().write(b"half").is_ok();
        log.write("whole\n", at(0));
        assert_eq!(fs::read_to_string(&path).unwrap(), "half\nwhole\n");
    }

    #[test]
    fn a_vanished_directory_leaves_the_old_file_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let (place, moved) = (folder.path().join("place"), folder.path().join("moved"));
        fs::create_dir(&place).unwrap();
        let path = place.join("log");
        let mut log = LogFile::open(&path).unwrap();
        fs::rename(&place, &moved).unwrap();
        assert!(matches!(log.reopen(at(0)), Line::FileNotReopened { .. }));
        log.write("a\n", at(1));
        fs::create_dir(&place).unwrap();
        log.write("b\n", at(9));
        log.write("c\n", at(10));
        assert_eq!(fs::read_to_string(moved.join("log")).unwrap(), "a\nb\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "c\n");
    }

    #[test]
    fn a_file_that_was_never_open_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("place/log");
        let mut log = LogFile::closed(path.clone());
        assert!(matches!(log.reopen(at(0)), Line::OutputBroken { .. }));
        assert_eq!(log.write("a\n", at(1)), None);
        fs::create_dir(folder.path().join("place")).unwrap();
        assert!(matches!(log.write("b\n", at(2)), Some(Line::OutputWorks { lost: 2, .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "b\n");
    }

    #[test]
    fn a_pipe_that_nobody_reads_costs_lines_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        assert!(LogFile::open(&path).is_err());
        let _reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut log = LogFile::open(&path).unwrap();
        let told: Vec<Line> =
            (0..3000).filter_map(|_| log.write(&format!("{}\n", "x".repeat(99)), at(0))).collect();
        assert!(matches!(told.as_slice(), [Line::OutputBroken { .. }]));
    }
}
