//! The claim to guard the ports of a network: only one daemon has it, or two would undo each other's table.
//!
//! It is the name of an abstract Unix socket (unix(7)). Such names belong to a network namespace, as tables do, and are
//! free as soon as the process that has them is gone, however it went. Anybody may take one, though: what a user who
//! could not have a guard has taken keeps no daemon from its work.

use std::{
    fmt, io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    thread,
    time::Duration,
};

use rustix::{
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, UCred, connect, socket_with,
        sockopt::socket_peercred,
    },
    process::geteuid,
};
use thiserror::Error;

use crate::clock;

/// What the socket is called.
const NAME: &[u8] = b"knockd-guard";

/// How often to look whether it is free.
const PAUSE: Duration = Duration::from_millis(5);

/// How many who have asked whose claim it is are forgotten at once.
const TURN: usize = 16;

/// Gone with this value, or with the process.
#[derive(Debug)]
pub struct Claim(UnixListener);

/// Whether a daemon guards ports here, as far as that can be told without disturbing it.
pub fn is_guarded() -> bool {
    Holder::of(NAME).may_guard()
}

/// Why the claim can't be had.
#[derive(Debug, Error)]
pub enum Unclaimed {
    /// Another process has it.
    #[error("another knockd guards ports here{0}; stop it first")]
    Taken(Holder),
    /// The system fails us.
    #[error("cannot claim the guard of ports: {0}")]
    System(#[from] io::Error),
}

/// Who has the claim, as far as that can be found out.
#[derive(Clone, Copy, Debug)]
pub struct Holder(Option<UCred>);

impl Claim {
    /// Takes the claim. While another has it, waits for this time at most, for one that is about to end.
    pub fn take(patience: Duration) -> Result<Self, Unclaimed> {
        Self::take_named(NAME, patience)
    }

    fn take_named(name: &[u8], patience: Duration) -> Result<Self, Unclaimed> {
        let address = SocketAddr::from_abstract_name(name)?;
        let deadline = clock::now().after(patience);
        loop {
            match UnixListener::bind_addr(&address) {
                Ok(listener) => {
                    listener.set_nonblocking(true)?;
                    return Ok(Self(listener));
                }
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => return Err(error.into()),
                Err(_) if clock::now() < deadline => thread::sleep(PAUSE),
                Err(_) => return Err(Unclaimed::Taken(Holder::of(name))),
            }
        }
    }

    /// Forgets those who have asked whose claim it is: there is not room for many.
    pub fn forget_asking(&self) {
        for _ in 0..TURN {
            if self.0.accept().is_err() {
                return;
            }
        }
    }
}

impl Holder {
    /// Asks the kernel whose socket it is; it does not depend on what its owner does.
    fn of(name: &[u8]) -> Self {
        let ask = || {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            connect(&socket, &SocketAddrUnix::new_abstract_name(name)?)?;
            socket_peercred(&socket)
        };
        Self(ask().ok())
    }

    /// Whether it can be a daemon: it is root's or of the user that we are.
    #[must_use]
    pub fn may_guard(self) -> bool {
        self.0.is_some_and(|holder| holder.uid.is_root() || holder.uid == geteuid())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(UCred { pid, uid, .. }) => {
                write!(f, " (process {} of user {})", pid.as_raw_nonzero(), uid.as_raw())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As no other test's.
    fn name(test: &str) -> Vec<u8> {
        format!("knockd-test-{}-{test}", std::process::id()).into_bytes()
    }

    #[test]
    fn there_is_one_at_a_time_and_whose_it_is_can_be_told() {
        let name = name("one");
        let first = Claim::take_named(&name, Duration::ZERO).unwrap();
        for _ in 0..3 {
            let Err(Unclaimed::Taken(holder)) = Claim::take_named(&name, Duration::ZERO) else {
                panic!("taken twice");
            };
            assert!(holder.may_guard());
            let (process, user) = (std::process::id(), geteuid().as_raw());
            assert_eq!(holder.to_string(), format!(" (process {process} of user {user})"));
        }
        first.forget_asking();
        assert!(first.0.accept().is_err());
        drop(first);
        Claim::take_named(&name, Duration::ZERO).unwrap();
    }

    #[test]
    fn one_that_becomes_free_is_waited_for() {
        let name = name("free");
        let before = Claim::take_named(&name, Duration::ZERO).unwrap();
        let holder = thread::spawn(move || {
            thread::sleep(4 * PAUSE);
            drop(before);
        });
        Claim::take_named(&name, Duration::from_secs(60)).unwrap();
        holder.join().unwrap();
    }

    #[test]
    fn a_user_who_can_have_no_guard_has_no_say() {
        let nobody = rustix::process::Uid::from_raw(65534);
        let root = UCred {
            uid: rustix::process::Uid::ROOT,
            pid: rustix::process::getpid(),
            gid: rustix::process::getgid(),
        };
        assert!(Holder(Some(root)).may_guard());
        assert!(!Holder(Some(UCred { uid: nobody, ..root })).may_guard());
        assert!(!Holder(None).may_guard());
    }
}
