//! Signals as something that can be waited for.

use std::{
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

use signal_hook::{consts, low_level::pipe};

/// Has been told of signals when it can be read from.
#[derive(Debug)]
pub struct Signals(UnixStream);

impl Signals {
    /// Those that ask to end.
    pub fn of_end() -> io::Result<Self> {
        Self::of(&[consts::SIGINT, consts::SIGTERM, consts::SIGHUP])
    }

    /// The one that tells that the terminal has another size.
    pub fn of_size() -> io::Result<Self> {
        Self::of(&[consts::SIGWINCH])
    }

    /// Forgets those that have come. Returns whether there were any.
    pub fn take(&mut self) -> bool {
        let mut some = [0; 64];
        let mut any = false;
        while self.0.read(&mut some).is_ok_and(|count| count > 0) {
            any = true;
        }
        any
    }

    fn of(signals: &[i32]) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        for signal in signals {
            pipe::register(*signal, theirs.try_clone()?)?;
        }
        Ok(Self(ours))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
