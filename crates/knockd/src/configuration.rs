//! The configuration file, from the disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use knock_core::config::{self, Checked, Mistakes};
use thiserror::Error;

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("cannot read the configuration {path}: {error}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It has mistakes.
    #[error("the configuration has {}:\n{_0}", count(_0.mistakes().len()))]
    Mistakes(Mistakes),
}

/// Reads and checks a configuration file. A relative path begins in `directory`.
pub fn load(directory: &Path, path: &Path) -> Result<Checked, LoadError> {
    let text = fs::read(directory.join(path))
        .map_err(|error| LoadError::Unreadable { path: path.to_owned(), error })?;
    config::read(&path.to_string_lossy(), &text).map_err(LoadError::Mistakes)
}

impl LoadError {
    /// The same with what to do about it, for whoever can name the file by `-c`.
    #[must_use]
    pub fn advised(&self) -> String {
        let advice = match self {
            Self::Unreadable { error, .. } => advice(error),
            Self::Mistakes(_) => "",
        };
        format!("{self}{advice}")
    }
}

fn count(mistakes: usize) -> String {
    if mistakes == 1 { "a mistake".to_owned() } else { format!("{mistakes} mistakes") }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; name another one with -c",
        io::ErrorKind::PermissionDenied => "; be root",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_counted_and_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = |text: &str| {
            fs::write(file.path(), text).unwrap();
            load(Path::new("/"), file.path()).unwrap_err().to_string()
        };
        let one = error("[ssh]\nSequence = 0\n");
        assert!(one.starts_with("the configuration has a mistake:\n/"), "{one}");
        let two = error("[ssh]\nSequence = 0\nSequenze = 1\n");
        assert!(two.starts_with("the configuration has 2 mistakes:\n/"), "{two}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_advice() {
        let error = load(Path::new("/"), Path::new("/nowhere/knockd.conf")).unwrap_err();
        assert_eq!(
            error.advised(),
            "cannot read the configuration /nowhere/knockd.conf: No such file or directory (os error 2); \
             name another one with -c"
        );
    }
}
