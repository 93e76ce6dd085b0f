//! A socket that takes datagrams, at a path.

use std::{
    io::{self, ErrorKind},
    os::unix::net::UnixDatagram,
    path::PathBuf,
    time::Duration,
};

/// Whoever listens there may come late, go, come again, or get stuck.
#[derive(Debug)]
pub(super) struct Mailbox {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Mailbox {
    /// The one that is, or will be, at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, socket: None }
    }

    /// Sends over the connection that there is; if it is dead, over a new one. Waits a little for a busy reader.
    pub(super) fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            match socket.send(datagram) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(error),
                Err(_) => self.socket = None,
            }
        }
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.connect(&self.path)?;
        let socket = self.socket.insert(socket);
        socket.send(datagram).map(drop)
    }
}

/// How long a busy reader is waited for; a burst fills the queue of the fastest.
const PATIENCE: Duration = Duration::from_millis(200);
