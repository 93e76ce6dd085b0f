//! How the watcher is to be confined, and whether it is.

use std::{fs, io};

use knock_core::moment::Moment;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use thiserror::Error;

use super::{Monitor, reports::Untenable};
use crate::{
    clock,
    ipc::Report,
    log::Line,
    sandbox::{Identity, NoIdentity, Protections},
};

/// Where the users are.
const PASSWD: &str = "/etc/passwd";

/// What is wanted, and what was last told of it.
#[derive(Debug)]
pub struct Confinement {
    identity: Option<Identity>,
    /// Whether a watcher that lacks a protection is not to work.
    is_required: bool,
    told: Option<Protections>,
    /// What the watcher that runs has given up, if it has said so.
    given_up: Option<Protections>,
}

/// Why a watcher can't be confined as it has to be.
#[derive(Debug, Error)]
pub enum ConfinementError {
    /// The user that was asked for can't be had.
    #[error("--user {name}: {error}")]
    User {
        /// Its name.
        name: String,
        /// Why not.
        error: NoIdentity,
    },
    /// The users can't be read.
    #[error("--user {name}: cannot read {PASSWD}: {error}")]
    NoUsers {
        /// Who was asked for.
        name: String,
        /// Why not.
        error: io::Error,
    },
    /// It lacks something.
    #[error("{0}; start knockd as root, on a kernel with seccomp and landlock, or without --require-sandbox")]
    Lacking(String),
    /// There is none, or it can't be waited for.
    #[error(transparent)]
    Watcher(#[from] io::Error),
}

impl Confinement {
    /// Looks up the user that the watcher is to be: this one, or the usual one.
    pub fn new(user: Option<&str>, is_required: bool) -> Result<Self, ConfinementError> {
        let passwd = fs::read(PASSWD).map(|text| String::from_utf8_lossy(&text).into_owned());
        let identity = match (user, passwd) {
            (None, passwd) => Identity::usual(&passwd.unwrap_or_default()),
            (Some(name), Ok(passwd)) => Some(
                Identity::named(name, &passwd)
                    .map_err(|error| ConfinementError::User { name: name.to_owned(), error })?,
            ),
            (Some(name), Err(error)) => {
                return Err(ConfinementError::NoUsers { name: name.to_owned(), error });
            }
        };
        Ok(Self { identity, is_required, told: None, given_up: None })
    }

    /// What the last watcher has given up; none until one has said so.
    #[must_use]
    pub fn given_up(&self) -> Option<Protections> {
        self.given_up
    }

    /// Whom the watcher is to be; nobody if the system has no user for it.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.identity
    }
}

impl Monitor {
    /// Waits for the first watcher to be confined, if we are not to work without that.
    pub(super) fn await_confinement(&mut self) -> Result<(), ConfinementError> {
        while self.confinement.is_required && !self.supervisor.is_confined() {
            self.supervisor.flush();
            self.judge_watcher(clock::now())?;
            self.alarm.set(self.supervisor.next_deadline())?;
            let Some(watcher) = self.supervisor.watcher() else { return Ok(()) };
            let mut polled =
                [PollFd::new(&watcher.channel, PollFlags::IN), PollFd::new(&self.alarm, PollFlags::IN)];
            match poll(&mut polled, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            match self.next_report(clock::now()) {
                Ok(Some(Report::Confined(protections))) => {
                    self.confinement.given_up = Some(protections);
                    if let Some(lacking) = lacking(protections) {
                        self.supervisor.end();
                        return Err(ConfinementError::Lacking(lacking));
                    }
                }
                Ok(Some(Report::Forbidden(call))) => {
                    self.lose_watcher(Moment::default(), &Untenable::Forbidden(call))?;
                }
                // Nothing else comes before it.
                Ok(_) => {}
                Err(untenable) => self.lose_watcher(Moment::default(), &untenable)?,
            }
        }
        Ok(())
    }

    /// Takes in what a watcher has given up. What it lacks is told once.
    pub(super) fn take_confined(&mut self, now: Moment, protections: Protections) {
        self.confinement.given_up = Some(protections);
        let Some(lacking) = lacking(protections) else { return };
        if self.confinement.is_required {
            self.note_watcher_failed(now, &lacking);
        } else if self.confinement.told != Some(protections) {
            self.confinement.told = Some(protections);
            self.log.say(Line::warning(lacking));
        }
    }
}

/// What a watcher with these protections lacks, in words.
fn lacking(protections: Protections) -> Option<String> {
    let missing: Vec<String> = protections.missing().map(|protection| protection.to_string()).collect();
    (!missing.is_empty()).then(|| {
        format!("the process that looks at packets is not fully confined: it {}", missing.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_put_into_words() {
        let (all, no_user) = (Protections::from_bits(0xff).unwrap(), Protections::from_bits(0xfc).unwrap());
        assert_eq!(lacking(all), None);
        assert_eq!(
            lacking(no_user).as_deref(),
            Some(
                "the process that looks at packets is not fully confined: \
                 it keeps the user that knockd was started by, keeps groups"
            )
        );
    }

    #[test]
    fn a_user_that_is_none_is_named_with_advice() {
        let told = |name: &str| Confinement::new(Some(name), false).unwrap_err().to_string();
        assert_eq!(
            told("no-such-user"),
            "--user no-such-user: there is no such user in /etc/passwd; create it (useradd --system) or name another"
        );
        assert!(told("root").starts_with("--user root: it has the user or group number of root"));
    }
}
