//! A file of one-time sequences on disk: which is in force, and striking it out for good.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use knock_core::{
    one_time::{MARK, OneTime},
    sequence::Sequence,
};
use thiserror::Error;

/// The largest file that is read, in bytes: a million sequences. More is a mistake rather than a wish.
const LONGEST: u64 = 64 << 20;

/// A sequence could not be struck out, so it must not open anything.
#[derive(Debug, Error)]
pub enum MarkError {
    /// The file can't be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// Somebody has changed the file: its next sequence is not the one that was used.
    #[error(
        "the file was changed without a reload; the next knock has to be the sequence that is the next in it now"
    )]
    Changed,
}

/// Reads what the file holds.
pub fn read(path: &Path) -> io::Result<OneTime> {
    Ok(OneTime::read(&content(&open(path, OpenOptions::new().read(true))?)?))
}

/// Strikes out `used`, which must be the next sequence of the file. When this returns the mark is on the disk.
///
/// Returns the number of its line and what the file holds from now on.
pub fn mark(path: &Path, used: &Sequence) -> Result<(usize, OneTime), MarkError> {
    let file = open(path, OpenOptions::new().read(true).write(true))?;
    let mut text = content(&file)?;
    let next = OneTime::read(&text).next.filter(|next| next.sequence == *used).ok_or(MarkError::Changed)?;
    file.write_all_at(&[MARK], next.offset)?;
    file.sync_all()?;
    next.strike_out(&mut text);
    Ok((next.line, OneTime::read(&text)))
}

/// Whoever may write to the directory could put a pipe there, which would have us wait for ever.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

fn content(file: &File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sequences");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn the_used_line_is_struck_out_in_place() {
        let (_folder, path) = file("# mine\n 1,2\n3,4\n");
        let first = read(&path).unwrap().next.unwrap().sequence;
        let (line, rest) = mark(&path, &first).unwrap();
        assert_eq!((line, rest.left), (2, 1));
        assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n#1,2\n3,4\n");
        let second = rest.next.unwrap().sequence;
        assert_eq!(mark(&path, &second).unwrap().1.left, 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n#1,2\n#,4\n");
        assert_eq!(read(&path).unwrap().next, None);
    }

    #[test]
    fn a_file_that_was_changed_is_not_marked() {
        let (_folder, path) = file("1,2\n");
        let used = read(&path).unwrap().next.unwrap().sequence;
        fs::write(&path, "5,6\n1,2\n").unwrap();
        assert!(matches!(mark(&path, &used), Err(MarkError::Changed)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "5,6\n1,2\n");
        fs::remove_file(&path).unwrap();
        let error = mark(&path, &used).unwrap_err().to_string();
        assert!(error.contains("No such file"), "{error}");
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sequences");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "it is not a regular file");
        assert!(mark(&path, &"1,2".parse().unwrap()).is_err());
    }

    #[test]
    fn a_disk_that_takes_no_mark_is_told() {
        let used = "1,2".parse().unwrap();
        assert!(mark(Path::new("/dev/full"), &used).is_err());
    }
}
