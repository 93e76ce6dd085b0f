//! Files that hold sequences, and so are nobody else's business.

use std::{fs::File, io};

use thiserror::Error;

/// Refuses a file whose sequences others may know or have chosen, as ssh(1) refuses keys and its configuration: it must
/// belong to the user or to root; the user's own must be closed to everybody else (no bit of 077 set), and nobody but
/// root may be able to write to root's.
///
/// On systems that have no such modes every file is taken.
pub(crate) fn check(file: &File) -> Result<(), Exposed> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = file.metadata()?;
        judge(metadata.uid(), metadata.mode() & 0o777, rustix::process::geteuid().as_raw())
    }
    #[cfg(not(unix))]
    {
        _ = file;
        Ok(())
    }
}

/// Why a file is not used.
#[derive(Debug, Error)]
pub(crate) enum Exposed {
    /// It could not be looked at.
    #[error("cannot look at its permissions: {0}")]
    Unknown(#[from] io::Error),
    /// It is somebody else's.
    #[cfg(unix)]
    #[error("it belongs to another user (number {0}), so its sequences are not used; it has to be yours")]
    Owner(u32),
    /// Others can read or write it.
    #[cfg(unix)]
    #[error(
        "others can read or write it (mode {mode:04o}), so its sequences are not used; close it: {remedy}"
    )]
    Mode {
        /// Its permissions.
        mode: u32,
        /// What to do about it.
        remedy: &'static str,
    },
}

#[cfg(unix)]
fn judge(owner: u32, mode: u32, user: u32) -> Result<(), Exposed> {
    if owner != user && owner != 0 {
        return Err(Exposed::Owner(owner));
    }
    let (taboo, remedy) = if owner == user { (0o077, "chmod 600") } else { (0o022, "chmod go-w") };
    if mode & taboo != 0 {
        return Err(Exposed::Mode { mode, remedy });
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn verdict(owner: u32, mode: u32, user: u32) -> String {
        judge(owner, mode, user).map_or_else(|exposed| exposed.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn ones_own_file_is_closed_to_others() {
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!(verdict(7, mode, 7), "fine");
        }
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610] {
            assert!(verdict(7, mode, 7).ends_with("close it: chmod 600"), "{mode:o}");
        }
        assert!(verdict(7, 0o644, 7).starts_with("others can read or write it (mode 0644)"));
        assert!(verdict(0, 0o640, 0).ends_with("chmod 600"));
    }

    #[test]
    fn roots_file_may_be_meant_for_a_group() {
        assert_eq!(verdict(0, 0o640, 7), "fine");
        assert!(verdict(0, 0o660, 7).ends_with("close it: chmod go-w"));
        assert!(verdict(8, 0o600, 7).contains("belongs to another user (number 8)"));
        assert!(verdict(7, 0o600, 0).contains("belongs to another user (number 7)"));
    }

    #[test]
    fn files_are_looked_at() {
        let file = tempfile::tempfile().unwrap();
        file.set_permissions(PermissionsExt::from_mode(0o600)).unwrap();
        check(&file).unwrap();
        file.set_permissions(PermissionsExt::from_mode(0o604)).unwrap();
        assert!(matches!(check(&file), Err(Exposed::Mode { mode: 0o604, .. })));
    }
}
