//! A conversation in which the daemon tells things as they happen.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use knockd::control::protocol::{Hello, Refusal, RefusalKind, Request, Rights, Said, VERSION};
use thiserror::Error;

/// How long the daemon may take to answer. To change the sockets of many interfaces at a reload takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest line that is taken, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// Why there is nothing to follow.
#[derive(Debug, Error)]
pub enum FollowError {
    /// Nobody is there.
    #[error("no knockd answers at {0} ({1}); is it running, and with this control socket (--socket)?")]
    Nobody(PathBuf, io::Error),
    /// Who asks may not.
    #[error("not allowed to use {0}: be root, or a member of the group knockd")]
    NotAllowed(PathBuf),
    /// It does not want to.
    #[error("{0}")]
    Refused(Refusal),
    /// It speaks another language.
    #[error("knockd {0} speaks another protocol than this knockctl: install the same version of both")]
    OtherVersion(String),
    /// It has gone, or is no knockd.
    #[error("{0}")]
    Broken(String),
}

impl FollowError {
    /// The exit status that tells of it.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Nobody(..) => 3,
            Self::NotAllowed(_) => 4,
            Self::Refused(refusal) if refusal.kind == RefusalKind::NotAllowed => 4,
            _ => 1,
        }
    }
}

/// A conversation in which nothing more is asked.
#[derive(Debug)]
pub struct Follower {
    stream: UnixStream,
    input: Vec<u8>,
    hello: Hello,
}

impl Follower {
    /// Asks the daemon at this socket for something that it answers by telling more and more.
    pub fn begin(socket: &Path, request: &Request) -> Result<Self, FollowError> {
        let mut follower = Self::connect(socket)?;
        match follower.ask(request)? {
            Said::Refused(refusal) => Err(FollowError::Refused(refusal)),
            Said::Watching {} | Said::Explaining {} => {
                follower.stream.set_nonblocking(true).map_err(|error| broken(&error))?;
                Ok(follower)
            }
            _ => Err(FollowError::Broken("what knockd answers is no answer to this".to_owned())),
        }
    }

    fn connect(socket: &Path) -> Result<Self, FollowError> {
        let stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => FollowError::NotAllowed(socket.to_owned()),
            _ => FollowError::Nobody(socket.to_owned(), error),
        })?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| broken(&error))?;
        let hello = Hello { knockd: String::new(), protocol: 0, rights: Rights::Watch };
        let mut follower = Self { stream, input: Vec::new(), hello };
        match follower.next()? {
            Said::Hello(hello) if hello.protocol == VERSION => follower.hello = hello,
            Said::Hello(hello) => return Err(FollowError::OtherVersion(hello.knockd)),
            Said::Refused(refusal) => return Err(FollowError::Refused(refusal)),
            _ => return Err(FollowError::Broken("what answers there is no knockd".to_owned())),
        }
        Ok(follower)
    }

    fn ask(&mut self, request: &Request) -> Result<Said, FollowError> {
        self.stream
            .write_all(format!("{}\n", request.encode()).as_bytes())
            .map_err(|error| broken(&error))?;
        self.next()
    }

    /// Whether it tells us everything.
    #[must_use]
    pub fn knows_all(&self) -> bool {
        self.hello.rights == Rights::All
    }

    /// What it has told since. Does not wait.
    pub fn take(&mut self) -> Result<Vec<Said>, FollowError> {
        let mut is_over = None;
        let mut some = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut some) {
                Ok(0) => is_over = Some(FollowError::Broken("knockd has ended".to_owned())),
                Ok(count) => {
                    self.input.extend(some.iter().take(count));
                    if self.input.len() < LONGEST {
                        continue;
                    }
                    // The rest comes when this is told.
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => is_over = Some(broken(&error)),
            }
            break;
        }
        let end = self.input.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let rest = self.input.split_off(end);
        let lines = std::mem::replace(&mut self.input, rest);
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let told = lines.map(decode).collect::<Result<Vec<_>, _>>()?;
        match is_over {
            Some(error) if told.is_empty() => Err(error),
            _ => Ok(told),
        }
    }

    /// The next line, which is waited for.
    fn next(&mut self) -> Result<Said, FollowError> {
        let mut some = [0; 4096];
        loop {
            if let Some(said) = self.line()? {
                return Ok(said);
            }
            match self.stream.read(&mut some) {
                Ok(0) => return Err(FollowError::Broken("knockd has ended".to_owned())),
                Ok(count) => self.input.extend(some.iter().take(count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(FollowError::Broken("knockd does not answer".to_owned()));
                }
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    fn line(&mut self) -> Result<Option<Said>, FollowError> {
        let Some(end) = self.input.iter().position(|byte| *byte == b'\n') else {
            return match self.input.len() {
                0..LONGEST => Ok(None),
                _ => Err(FollowError::Broken("what answers there is no knockd".to_owned())),
            };
        };
        let line: Vec<u8> = self.input.drain(..=end).collect();
        decode(&line).map(Some)
    }
}

/// Asks the daemon at this socket for something that it answers at once.
pub fn ask(socket: &Path, request: &Request) -> Result<Said, FollowError> {
    Follower::connect(socket)?.ask(request)
}

fn decode(line: &[u8]) -> Result<Said, FollowError> {
    Said::decode(line)
        .map_err(|error| FollowError::Broken(format!("knockd says what I don't understand: {error}")))
}

fn broken(error: &io::Error) -> FollowError {
    FollowError::Broken(format!("cannot speak to knockd: {error}"))
}

impl AsFd for Follower {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
