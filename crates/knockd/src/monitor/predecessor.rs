//! Waits until a daemon that has died is really gone.

use std::{path::Path, thread, time::Duration};

use crate::{
    clock,
    journal::{Directory, DirectoryError},
};

/// How long somebody else may have the state directory, or the claim to guard ports. It takes that long only if another daemon lives, or on a machine
/// that is very busy.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// How often to look whether it is free.
const PAUSE: Duration = Duration::from_millis(5);

/// Takes the state directory, if it is there, when nobody has it any more.
///
/// A process that a daemon has made for a command has the lock, even when the daemon is dead, and nothing else by which
/// it could be known, until it executes the command. After this all that are going to open a door can be found.
pub fn await_end(state_directory: &Path) -> Option<Directory> {
    let deadline = clock::now().after(PATIENCE);
    while state_directory.exists() {
        match Directory::take(state_directory) {
            Err(DirectoryError::InUse(_)) if clock::now() < deadline => thread::sleep(PAUSE),
            taken => return taken.ok(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_becomes_free_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        assert!(await_end(&folder.path().join("none")).is_none());
        let before = Directory::take(folder.path()).unwrap();
        let holder = thread::spawn(move || {
            thread::sleep(4 * PAUSE);
            drop(before);
        });
        assert!(await_end(folder.path()).is_some());
        holder.join().unwrap();
    }

    #[test]
    fn one_that_stays_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let _other = Directory::take(folder.path()).unwrap();
        assert!(await_end(folder.path()).is_none());
    }
}
