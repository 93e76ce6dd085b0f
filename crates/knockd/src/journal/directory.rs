//! The directory that the journal lies in: ours alone.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::geteuid,
};
use thiserror::Error;

/// The largest journal that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// As much as some openings need: a disk without it has no room for us.
const ROOM: [u8; 4096] = [b'\n'; 4096];

/// A directory that no other daemon uses while this value lives.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Holds the lock.
    handle: File,
}

/// The state directory can't be used.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// Another daemon has it.
    #[error(
        "another knockd uses the state directory {}; stop it first, or give this one a directory of its own \
         (--state-dir)", .0.display()
    )]
    InUse(PathBuf),
    /// Others could write commands into it that we would run.
    #[error(
        "the state directory {} is {why}, and knockd runs the commands that it finds there: make it yours alone \
         (chown, chmod go-w), or use another one (--state-dir)", .path.display()
    )]
    Unsafe {
        /// Where it is.
        path: PathBuf,
        /// Whose it is beside ours.
        why: String,
    },
    /// The system won't have it.
    #[error("cannot use the state directory {}, which is to hold what is open: {error}", .path.display())]
    File {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl Directory {
    /// Makes the directory if it isn't there, and takes it.
    pub fn take(path: &Path) -> Result<Self, DirectoryError> {
        let failed = |error| DirectoryError::File { path: path.to_owned(), error };
        make(path).map_err(failed)?;
        let handle = File::open(path).map_err(failed)?;
        check(path, &handle.metadata().map_err(failed)?)?;
        match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), handle }),
            Err(Errno::WOULDBLOCK) => Err(DirectoryError::InUse(path.to_owned())),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Where a file of it lies.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What a file of it holds; nothing if it isn't there.
    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        match File::open(self.file(name)) {
            Ok(file) => file.take(LONGEST).read_to_end(&mut text).map(|_| text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(text),
            Err(error) => Err(error),
        }
    }

    /// Puts a file with this text in the place of the one that there is, all at once. When this returns its content is
    /// on the disk, with room to grow; its name is after [`Directory::sync`]. If this fails the other one is still there.
    pub(super) fn replace(&self, name: &str, text: &str) -> io::Result<File> {
        let fresh = self.file(&format!("{name}.new"));
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.write_all(&ROOM)?;
        file.sync_data()?;
        file.set_len(text.len() as u64)?;
        file.sync_all()?;
        fs::rename(fresh, self.file(name))?;
        Ok(file)
    }

    /// Has the names of the files on the disk. There are file systems where that can't be asked for.
    pub(super) fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.handle) {
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a text for us alone to read.
    pub(super) fn keep(&self, name: &str, text: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(self.file(name))?;
        file.write_all(text)
    }

    /// Whether this open file is the one of that name.
    pub(super) fn holds(&self, name: &str, file: &File) -> bool {
        is_at(&self.file(name), file)
    }

    /// Whether the directory is still where it was taken.
    pub(super) fn is_in_place(&self) -> bool {
        is_at(&self.path, &self.handle)
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether there can be such a directory that is ours.
pub fn check_state_directory(path: &Path) -> Result<(), DirectoryError> {
    let failed = |error| DirectoryError::File { path: path.to_owned(), error };
    let there = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("."));
    if there == path {
        check(path, &fs::metadata(path).map_err(failed)?)?;
    }
    let rights = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(there, rights).map_err(|error| failed(error.into()))
}

fn is_at(path: &Path, file: &File) -> bool {
    let (Ok(found), Ok(ours)) = (fs::metadata(path), file.metadata()) else { return false };
    (found.dev(), found.ino()) == (ours.dev(), ours.ino())
}

fn make(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn check(path: &Path, found: &fs::Metadata) -> Result<(), DirectoryError> {
    let unsafe_for = |why| Err(DirectoryError::Unsafe { path: path.to_owned(), why });
    let us = geteuid().as_raw();
    if !found.is_dir() {
        let error = Errno::NOTDIR.into();
        return Err(DirectoryError::File { path: path.to_owned(), error });
    }
    if found.uid() != us && found.uid() != 0 {
        return unsafe_for(format!("owned by user {}", found.uid()));
    }
    if found.mode() & 0o022 != 0 {
        return unsafe_for(format!("writable by others (mode {:04o})", found.mode() & 0o7777));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn is_made_for_us_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("var/lib/knockd");
        check_state_directory(&path).unwrap();
        assert!(!path.exists());
        let directory = Directory::take(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        let error = Directory::take(&path).unwrap_err().to_string();
        assert!(error.starts_with("another knockd uses the state directory "), "{error}");
        drop(directory);
        Directory::take(&path).unwrap();
        check_state_directory(&path).unwrap();
    }

    #[test]
    fn what_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o770, 0o707, 0o1777] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            for error in [
                Directory::take(folder.path()).unwrap_err().to_string(),
                check_state_directory(folder.path()).unwrap_err().to_string(),
            ] {
                assert!(error.contains(&format!("writable by others (mode {mode:04o})")), "{error}");
            }
        }
    }

    #[test]
    fn what_is_no_directory_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        for path in [path.clone(), path.join("below")] {
            let error = Directory::take(&path).unwrap_err().to_string();
            assert!(error.contains("ot a directory"), "{error}");
            assert!(check_state_directory(&path).is_err());
        }
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::take(folder.path()).unwrap();
        assert_eq!(directory.read("a").unwrap(), b"");
        for text in ["long text\n", "short\n", ""] {
            let file = directory.replace("a", text).unwrap();
            directory.sync().unwrap();
            assert_eq!(directory.read("a").unwrap(), text.as_bytes());
            assert!(directory.holds("a", &file));
            assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        }
        assert!(!directory.file("a.new").exists());
        let file = directory.replace("a", "").unwrap();
        fs::remove_file(directory.file("a")).unwrap();
        assert!(!directory.holds("a", &file) && directory.is_in_place());
        fs::remove_dir(folder.path()).unwrap();
        assert!(!directory.is_in_place());
    }
}
