//! The client's own copy of a file of one-time sequences.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use knock_core::{
    one_time::{MARK, Next, OneTime},
    sequence::Sequence,
};
use thiserror::Error;

use crate::secret::{self, Exposed};

/// A sequence that nobody can take from the file any more.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The line it stood in, from 1.
    pub(crate) line: usize,
    /// The sequence.
    pub(crate) sequence: Sequence,
    /// How many sequences are left in the file.
    pub(crate) left: usize,
    /// What the user should know about other lines.
    pub(crate) warnings: Vec<String>,
}

/// Takes the next sequence of the file: when this returns, the mark over its line is on disk.
///
/// The file is locked meanwhile: of two clients at once, each gets a line of its own.
pub(crate) fn take(path: &Path) -> Result<Taken, OneTimeError> {
    let error = |mistake| OneTimeError { path: path.to_owned(), mistake };
    let mut file = open(path).map_err(error)?;
    let (next, content) = read_next(&mut file).map_err(error)?;
    mark(&mut file, next.offset).map_err(|reason| error(OneTimeMistake::Mark(next.line, reason)))?;
    let mistakes = content.mistakes.iter().map(ToString::to_string);
    let repeats = content.repeats.iter().map(ToString::to_string);
    Ok(Taken {
        line: next.line,
        sequence: next.sequence,
        left: content.left.saturating_sub(1),
        warnings: mistakes.chain(repeats).map(|warning| format!("{}: {warning}", path.display())).collect(),
    })
}

/// Why no sequence could be taken from a file; then none may be sent.
#[derive(Debug, Error)]
#[error("{}: {mistake}", path.display())]
pub(crate) struct OneTimeError {
    path: PathBuf,
    mistake: OneTimeMistake,
}

#[derive(Debug, Error)]
enum OneTimeMistake {
    #[error("cannot open it for reading and marking: {0}")]
    Open(io::Error),
    #[error("it is not a regular file")]
    NoFile,
    #[error(transparent)]
    Exposed(#[from] Exposed),
    #[error("cannot lock it: {0}")]
    Lock(io::Error),
    #[error("cannot read it: {0}")]
    Read(io::Error),
    #[error("no sequence in it is left; put a new file here and on the server")]
    UsedUp,
    #[error("no sequence in it is left and {0}")]
    NoneValid(String),
    #[error("cannot mark line {0} as used, so nothing was sent: {1}")]
    Mark(usize, io::Error),
}

/// The file, locked until it is closed.
fn open(path: &Path) -> Result<File, OneTimeMistake> {
    // Before it is opened: to open a pipe can take for ever.
    if !path.metadata().map_err(OneTimeMistake::Open)?.is_file() {
        return Err(OneTimeMistake::NoFile);
    }
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(OneTimeMistake::Open)?;
    secret::check(&file)?;
    file.lock().map_err(OneTimeMistake::Lock)?;
    Ok(file)
}

fn read_next(file: &mut File) -> Result<(Next, OneTime), OneTimeMistake> {
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(OneTimeMistake::Read)?;
    let mut content = OneTime::read(&text);
    match (content.next.take(), content.mistakes.first()) {
        (Some(next), _) => Ok((next, content)),
        (None, Some(mistake)) => Err(OneTimeMistake::NoneValid(mistake.to_string())),
        (None, None) => Err(OneTimeMistake::UsedUp),
    }
}

/// Writes the mark and waits until it is on disk: a crash right after the knock must not bring the line back.
fn mark(file: &mut File, offset: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(&[MARK])?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process, thread};

    use super::*;

    /// A file that is gone when the test is over.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, text: &str) -> Self {
            let path = env::temp_dir().join(format!("knock-one-time-{}-{name}", process::id()));
            fs::write(&path, text).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            Self(path)
        }

        fn text(&self) -> String {
            fs::read_to_string(&self.0).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn takes_one_line_after_the_other_and_marks_it_in_place() {
        let file = Scratch::new("order", "# mine\n 1,2:udp\n3,4\n");
        let first = take(&file.0).unwrap();
        assert_eq!((first.line, first.sequence.to_string(), first.left), (2, "1:tcp,2:udp".to_owned(), 1));
        assert_eq!(file.text(), "# mine\n#1,2:udp\n3,4\n");
        let second = take(&file.0).unwrap();
        assert_eq!((second.line, second.sequence.to_string(), second.left), (3, "3:tcp,4:tcp".to_owned(), 0));
        assert_eq!(file.text(), "# mine\n#1,2:udp\n#,4\n");
        let complaint = take(&file.0).unwrap_err().to_string();
        assert!(complaint.ends_with(": no sequence in it is left; put a new file here and on the server"));
        assert_eq!(file.text(), "# mine\n#1,2:udp\n#,4\n");
    }

    #[test]
    fn tells_of_lines_that_are_no_sequences() {
        let file = Scratch::new("mistakes", "0\n1,2\n");
        let taken = take(&file.0).unwrap();
        assert_eq!(taken.line, 2);
        let [warning] = taken.warnings.as_slice() else { panic!("{:?}", taken.warnings) };
        assert!(warning.contains(": line 1 is no sequence and is skipped: "), "{warning}");
        let complaint = take(&file.0).unwrap_err().to_string();
        assert!(complaint.contains("no sequence in it is left and line 1 is no sequence"), "{complaint}");
    }

    #[test]
    fn many_at_once_get_a_line_each() {
        const CLIENTS: usize = 16;
        let text: String = (1..=CLIENTS).flat_map(|port| [port.to_string(), "\n".to_owned()]).collect();
        let file = Scratch::new("crowd", &text);
        let mut lines: Vec<usize> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| take(&file.0).unwrap().line)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        lines.sort_unstable();
        assert_eq!(lines, (1..=CLIENTS).collect::<Vec<_>>());
        assert_eq!(file.text().matches('#').count(), CLIENTS);
    }

    #[test]
    fn a_mark_that_fails_is_an_error() {
        let file = Scratch::new("unwritable", "1,2\n");
        // Whoever runs the tests, this way of opening it allows no writing.
        mark(&mut File::open(&file.0).unwrap(), 0).unwrap_err();
        assert_eq!(file.text(), "1,2\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused_and_kept() {
        let file = Scratch::new("exposed", "1,2\n");
        fs::set_permissions(&file.0, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let complaint = take(&file.0).unwrap_err().to_string();
        assert!(complaint.contains("others can read or write it"), "{complaint}");
        assert_eq!(file.text(), "1,2\n");
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let missing = take(Path::new("/nonexistent/file")).unwrap_err().to_string();
        assert!(
            missing.starts_with("/nonexistent/file: cannot open it for reading and marking: "),
            "{missing}"
        );
        let folder = take(&env::temp_dir()).unwrap_err().to_string();
        assert!(folder.ends_with(": it is not a regular file"), "{folder}");
    }
}
