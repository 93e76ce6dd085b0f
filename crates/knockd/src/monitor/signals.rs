//! Signals, turned into something that poll(2) can wait for.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    os::unix::net::UnixStream,
};

use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM},
    iterator::{backend::SignalDelivery, exfiltrator::SignalOnly},
};

use crate::sys::mask;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Close all doors and end.
    Stop,
    /// Read the configuration again.
    Reload,
    /// See which child has ended.
    Reap,
}

/// Takes the signals of the whole process.
#[derive(Debug)]
pub struct Signals(SignalDelivery<UnixStream, SignalOnly>);

impl Signals {
    /// From now on signals are requests.
    pub fn take() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        let signals = [SIGTERM, SIGINT, SIGHUP, SIGCHLD];
        // Some starters leave them blocked.
        mask::unblock(&signals)?;
        SignalDelivery::with_pipe(read, write, SignalOnly, signals).map(Self)
    }

    /// What has been asked for since the last call.
    pub fn requests(&mut self) -> Vec<Request> {
        let pending = self.0.pending();
        pending
            .map(|signal| match signal {
                SIGHUP => Request::Reload,
                SIGCHLD => Request::Reap,
                _ => Request::Stop,
            })
            .collect()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }
}
