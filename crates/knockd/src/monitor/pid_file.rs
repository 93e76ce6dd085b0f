//! The file that tells others which process the daemon is.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::{Pid, getpid, getppid},
};
use thiserror::Error;

/// A pid file of ours. It is locked while we live and removed when it is dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    /// Holds the lock.
    file: File,
}

/// Why there is no pid file.
#[derive(Debug, Error)]
pub enum PidFileError {
    /// Another daemon lives.
    #[error(
        "knockd is already running as process {pid}, by its pid file {path}; stop it first, or use another pid file (-p)"
    )]
    Running {
        /// The other's process.
        pid: String,
        /// The file that says so.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("cannot write the pid file {path}: {error}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// The most bytes of the file that are looked at.
const LONGEST: u64 = 64;

impl PidFile {
    /// Writes our process number, unless the file belongs to a daemon that lives, ours or a classic one.
    pub fn create(path: &Path) -> Result<Self, PidFileError> {
        let failed = |error| PidFileError::File { path: path.to_owned(), error };
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(path)
            .map_err(failed)?;
        let mut text = String::new();
        // What is no text is no number either.
        let _ = (&file).take(LONGEST).read_to_string(&mut text);
        let pid = text.trim().to_owned();
        let running = || PidFileError::Running { pid: pid.clone(), path: path.to_owned() };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(running()),
            Err(error) => return Err(failed(error.into())),
        }
        if is_other_knockd(&pid) {
            return Err(running());
        }
        // From here on it is ours, and goes again if it can't be written.
        let mut ours = Self { path: path.to_owned(), file };
        ours.write(getpid()).map_err(failed)?;
        Ok(ours)
    }

    fn write(&mut self, pid: Pid) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", pid.as_raw_nonzero())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Nobody is left to tell that it could not be removed; the next start takes it over.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether this is the process of another knockd, one that doesn't lock its file. Who waits for us to be up is none.
fn is_other_knockd(pid: &str) -> bool {
    let number = pid.parse().ok().filter(|number| *number > 0);
    let Some(pid) = number.and_then(Pid::from_raw).filter(|pid| *pid != getpid() && Some(*pid) != getppid())
    else {
        return false;
    };
    fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .is_ok_and(|stat| lives_as_knockd(&stat))
}

/// By the name in brackets and the state behind it (`/proc/PID/stat`, proc(5)). The dead may lie there for ever if nobody
/// takes notice of them, as in a container without an init.
fn lives_as_knockd(stat: &str) -> bool {
    let Some((before, after)) = stat.rsplit_once(')') else { return false };
    let is_named = before.split_once('(').is_some_and(|(_, name)| name == "knockd");
    is_named && !after.trim_start().starts_with(['Z', 'X'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_our_process_while_we_live() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("knockd.pid");
        // What is left of a daemon that died, and more of it than we write.
        fs::write(&path, "999999999\nand more\n").unwrap();
        let file = PidFile::create(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        let error = PidFile::create(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("already running as process {}", std::process::id())), "{error}");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_nobodys_number_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("knockd.pid");
        for content in ["", "0", "-1", "99999999999999999999", "nonsense", "\0"] {
            fs::write(&path, content).unwrap();
            let file = PidFile::create(&path);
            assert!(file.is_ok(), "{content:?}: {file:?}");
        }
    }

    #[test]
    fn the_dead_are_no_daemons() {
        for (stat, lives) in [
            ("7 (knockd) S 1 7 7", true),
            ("7 (knockd) R 1 7 7", true),
            ("7 (knockd) Z 1 7 7", false),
            ("7 (knockd) X 1 7 7", false),
            ("7 (knockd-watcher) S 1 7 7", false),
            ("7 (sh) S 1 7 7", false),
            ("", false),
        ] {
            assert_eq!(lives_as_knockd(stat), lives, "{stat}");
        }
    }

    #[test]
    fn nothing_is_left_of_a_file_without_room_for_the_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("knockd.pid");
        // A disk that is always full (full(4)).
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let error = PidFile::create(&path).unwrap_err().to_string();
        assert!(error.starts_with("cannot write the pid file "), "{error}");
        assert!(!path.is_symlink());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = PidFile::create(Path::new("/nowhere/knockd.pid")).unwrap_err().to_string();
        assert_eq!(
            error,
            "cannot write the pid file /nowhere/knockd.pid: No such file or directory (os error 2)"
        );
    }
}
