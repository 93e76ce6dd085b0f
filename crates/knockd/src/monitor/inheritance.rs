//! What a daemon that has died leaves to the next one.

use std::{path::Path, thread, time::Duration};

use super::remains::Remains;
use crate::{
    clock,
    journal::{Directory, DirectoryError},
};

/// The state directory and the commands that still run.
#[derive(Debug)]
pub struct Inheritance {
    /// None if it isn't there.
    pub directory: Option<Result<Directory, DirectoryError>>,
    /// As they were when the directory was ours.
    pub remains: Remains,
}

/// How long somebody else may have the state directory. A process that a daemon has made for a command has it, even
/// when the daemon is dead, until it executes the command; on a busy machine that takes its time.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often to look whether it is free.
const PAUSE: Duration = Duration::from_millis(5);

impl Inheritance {
    /// Takes it all. Needs the rights that the commands have.
    #[must_use]
    pub fn take(path: &Path) -> Self {
        // The directory first: who still has it may be about to become a command, and is none yet to look at.
        let directory = path.exists().then(|| take_directory(path));
        Self { directory, remains: Remains::look_for() }
    }
}

fn take_directory(path: &Path) -> Result<Directory, DirectoryError> {
    let deadline = clock::now().after(PATIENCE);
    loop {
        match Directory::take(path) {
            Err(DirectoryError::InUse(_)) if clock::now() < deadline => thread::sleep(PAUSE),
            taken => return taken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_becomes_free_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Inheritance::take(&folder.path().join("none")).directory.is_none());
        let before = Directory::take(folder.path()).unwrap();
        let holder = thread::spawn(move || {
            thread::sleep(4 * PAUSE);
            drop(before);
        });
        assert!(Inheritance::take(folder.path()).directory.unwrap().is_ok());
        holder.join().unwrap();
    }

    #[test]
    fn a_directory_that_stays_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let _other = Directory::take(folder.path()).unwrap();
        let refused = Inheritance::take(folder.path()).directory.unwrap();
        assert!(matches!(refused, Err(DirectoryError::InUse(_))));
    }
}
