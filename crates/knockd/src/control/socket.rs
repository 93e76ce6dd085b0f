//! The socket in the file system.

use std::{
    fs::{self, DirBuilder, Metadata, Permissions},
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, chown},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, fchmod},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with},
    process::getpid,
};
use thiserror::Error;

use super::{group, protocol::GROUP};

/// How many clients wait to be let in.
const BACKLOG: i32 = 128;

/// A socket of ours that listens. It is removed when it is dropped, and the directory with it if we have made that.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    /// By what it is known as ours: device and inode.
    identity: (u64, u64),
    /// The directory, if we have made it.
    made: Option<PathBuf>,
    is_removed: bool,
    /// Why it is for root alone although there is a group.
    doubt: Option<io::Error>,
}

/// Why there is no control socket.
#[derive(Debug, Error)]
pub enum SocketError {
    /// Another daemon lives there.
    #[error(
        "another knockd has the control socket {0}; give this one its own (--socket), or none (--socket none)"
    )]
    Taken(PathBuf),
    /// Something else is there.
    #[error(
        "{0} is there and is no socket: not used as control socket; remove it, or name another (--socket)"
    )]
    NoSocket(PathBuf),
    /// It can't be made.
    #[error("cannot make the control socket {path}: {error}")]
    System {
        /// Where.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl ControlSocket {
    /// Makes the socket: for root alone, or for the group `knockd` as well, if there is one. What a dead daemon has left
    /// there is replaced.
    ///
    /// To give it to the group takes `CAP_CHOWN`: to be called before capabilities are given up.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed = |error| SocketError::System { path: path.to_owned(), error };
        let made = make_directory(path).map_err(failed)?;
        let bound = bind(path);
        if let (Err(_), Some(directory)) = (&bound, &made) {
            let _ = fs::remove_dir(directory);
        }
        bound.map(|mut socket| {
            socket.made = made;
            socket
        })
    }

    /// Why members of the group can't use it, if there is a group.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let error = self.doubt.as_ref()?;
        Some(format!(
            "cannot give the control socket {} to the group {GROUP}, it is for root alone: {error}",
            self.path.display()
        ))
    }

    /// Where clients come in.
    pub(super) fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }

    /// Removes it from the file system, if it is still ours.
    pub(super) fn remove(&mut self) {
        if std::mem::replace(&mut self.is_removed, true) {
            return;
        }
        // Nobody is left to tell that it could not be removed; the next start takes its place.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
        if let Some(directory) = &self.made {
            let _ = fs::remove_dir(directory);
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.remove();
    }
}

fn bind(path: &Path) -> Result<ControlSocket, SocketError> {
    let failed = |error| SocketError::System { path: path.to_owned(), error };
    // Under its later name it has to be one that clients can use.
    SocketAddrUnix::new(path).map_err(|error| failed(error.into()))?;
    is_free(path)?;
    // Under another name until it is whole: who finds it can use it, and what was there is replaced at one stroke.
    let new = path.with_file_name(format!(".knockd-{}", getpid().as_raw_nonzero()));
    let _ = fs::remove_file(&new);
    let made = listen(&new).and_then(|(listener, doubt)| {
        let identity = identity(&fs::symlink_metadata(&new)?);
        fs::rename(&new, path)?;
        Ok((listener, doubt, identity))
    });
    let (listener, doubt, identity) = made.map_err(|error| {
        let _ = fs::remove_file(&new);
        failed(error)
    })?;
    Ok(ControlSocket { path: path.to_owned(), listener, identity, made: None, is_removed: false, doubt })
}

/// Whether nobody lives there.
fn is_free(path: &Path) -> Result<(), SocketError> {
    let failed = |error| SocketError::System { path: path.to_owned(), error };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NoSocket(path.to_owned())),
        Ok(_) => {}
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let address = SocketAddrUnix::new(path).map_err(|error| failed(error.into()))?;
    let asker = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .map_err(|error| failed(error.into()))?;
    match connect(&asker, &address) {
        // Gone meanwhile, or left by a dead daemon.
        Err(Errno::NOENT | Errno::CONNREFUSED) => Ok(()),
        // Or it has no time for us.
        Ok(()) | Err(Errno::AGAIN) => Err(SocketError::Taken(path.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

/// Who is not to use it can't, from the first moment on: what the socket itself allows is what its file does.
fn listen(path: &Path) -> io::Result<(UnixListener, Option<io::Error>)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let doubt = match group::number(GROUP).map(|group| chown(path, None, Some(group))) {
        None => None,
        Some(Ok(())) => {
            fs::set_permissions(path, Permissions::from_mode(0o660))?;
            None
        }
        Some(Err(error)) => Some(error),
    };
    rustix::net::listen(&socket, BACKLOG)?;
    Ok((socket.into(), doubt))
}

fn make_directory(path: &Path) -> io::Result<Option<PathBuf>> {
    let Some(directory) = path.parent() else { return Ok(None) };
    match DirBuilder::new().mode(0o755).create(directory) {
        Ok(()) => {
            // Whatever the umask is: who may use the socket has to get there.
            fs::set_permissions(directory, Permissions::from_mode(0o755))?;
            Ok(Some(directory.to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn it_is_there_as_long_as_it_lives_and_its_directory_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("knockd");
        let path = directory.join("knockd.sock");
        let mut socket = ControlSocket::bind(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        let mode = fs::symlink_metadata(&path).unwrap().mode() & 0o777;
        assert!(mode == 0o600 || mode == 0o660, "{mode:o}");
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        socket.remove();
        assert!(!directory.exists());
    }

    #[test]
    fn what_a_dead_daemon_left_is_replaced_and_a_living_one_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("knockd.sock");
        drop(UnixListener::bind(&path).unwrap());
        let socket = ControlSocket::bind(&path).unwrap();
        let error = ControlSocket::bind(&path).unwrap_err().to_string();
        assert!(
            error.starts_with("another knockd has the control socket /") && error.contains("--socket"),
            "{error}"
        );
        UnixStream::connect(&path).unwrap();
        drop(socket);
        assert!(!path.exists() && folder.path().exists());
    }

    #[test]
    fn anothers_is_not_removed_with_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("knockd.sock");
        let ours = ControlSocket::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let other = ControlSocket::bind(&path).unwrap();
        drop(ours);
        UnixStream::connect(&path).unwrap();
        drop(other);
    }

    #[test]
    fn what_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "text").unwrap();
        let error = ControlSocket::bind(&path).unwrap_err().to_string();
        assert!(error.ends_with("remove it, or name another (--socket)"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        let error = ControlSocket::bind(Path::new("/nowhere/at/all")).unwrap_err().to_string();
        assert_eq!(
            error,
            "cannot make the control socket /nowhere/at/all: No such file or directory (os error 2)"
        );
        let long = folder.path().join("x".repeat(200));
        assert!(ControlSocket::bind(&long).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
