//! What keeps a watcher that was taken over from doing harm.

use std::fmt;

/// One of the ways in which the watcher is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Its user and group are its own (`setresuid(2)`).
    User,
    /// It is in no supplementary group (`setgroups(2)`).
    Groups,
    /// It has no capability and can get none (`capabilities(7)`).
    Capabilities,
    /// No program that it could run gives it more rights (`PR_SET_NO_NEW_PRIVS(2const)`).
    Privileges,
    /// Processes of its user can't look into it (`PR_SET_DUMPABLE(2const)`).
    Memory,
    /// It sees no files, and where the kernel can do that no TCP ports and no other processes (`landlock(7)`).
    Files,
    /// It makes only the system calls of its work (`seccomp(2)`).
    Calls,
    /// It starts no processes, writes no files and holds few descriptors (`setrlimit(2)`).
    Limits,
}

/// Which protections are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protections(u16);

impl Protection {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::User,
        Self::Groups,
        Self::Capabilities,
        Self::Privileges,
        Self::Memory,
        Self::Files,
        Self::Calls,
        Self::Limits,
    ];

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// What the process that lacks the protection can do.
impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "keeps the user that knockd was started by",
            Self::Groups => "keeps groups",
            Self::Capabilities => "keeps capabilities",
            Self::Privileges => "can get new privileges",
            Self::Memory => "lets its user look into it",
            Self::Files => "sees files (no landlock)",
            Self::Calls => "may make every system call (no seccomp)",
            Self::Limits => "has no limits",
        })
    }
}

impl Protections {
    /// The protections with these bits; none if a bit belongs to no protection.
    #[must_use]
    pub fn from_bits(bits: u16) -> Option<Self> {
        let all = Protection::ALL.into_iter().fold(0, |bits, protection| bits | protection.bit());
        (bits & !all == 0).then_some(Self(bits))
    }

    /// One bit for each protection.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Takes in whether a protection is there.
    pub fn note(&mut self, protection: Protection, is_there: bool) {
        if is_there {
            self.0 |= protection.bit();
        }
    }

    /// Those that are not there.
    pub fn missing(self) -> impl Iterator<Item = Protection> {
        Protection::ALL.into_iter().filter(move |protection| self.0 & protection.bit() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_noted_is_missing() {
        let mut some = Protections::default();
        assert_eq!(some.missing().count(), Protection::ALL.len());
        for protection in Protection::ALL {
            some.note(protection, protection != Protection::Calls);
        }
        assert_eq!(some.missing().collect::<Vec<_>>(), [Protection::Calls]);
        assert_eq!(Protections::from_bits(some.bits()), Some(some));
    }

    #[test]
    fn bits_that_belong_to_nothing_are_refused() {
        assert!(Protections::from_bits(0xff).is_some_and(|all| all.missing().count() == 0));
        assert_eq!(Protections::from_bits(0x100), None);
    }
}
