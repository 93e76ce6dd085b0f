//! What the engine knows of a door: when it opens, not what happens then.

use std::{fmt, net::IpAddr, time::Duration};

use crate::sequence::Sequence;

/// The name by which a door's definition goes between the programs' halves.
///
/// A number is never used again for another definition: when a door's sequence changes, so does its number. A report
/// about a definition that has been replaced in the meantime is therefore recognised as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DoorNumber(pub u32);

impl fmt::Display for DoorNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "door {}", self.0)
    }
}

/// A sequence and the circumstances under which its completion opens the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The definition's number.
    pub number: DoorNumber,
    /// The knocks that open it.
    pub sequence: Sequence,
    /// How long an attempt lives from its first knock.
    pub timeout: Duration,
    /// The TCP segments it looks at.
    pub flags: FlagRule,
    /// Whether a port outside its sequence discards an attempt.
    pub wrong_port: WrongPort,
    /// The address that its knocks are sent to, if it isn't one of this host's own.
    pub target: Option<IpAddr>,
    /// Whether its sequence is spent when somebody has completed it.
    pub one_time: bool,
    /// The door in whose place it comes when that one is gone; until then it does not stand.
    pub after: Option<DoorNumber>,
}

/// What a port that isn't in the door's sequence does to an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WrongPort {
    /// It discards the attempt: no scan can walk through the sequence.
    #[default]
    Discard,
    /// It is overlooked, for clients whose other traffic keeps flowing.
    Ignore,
}

/// The control bits of a TCP header (RFC 9293, section 3.1), one bit each as on the wire.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// The names that a configuration can use, in the order of the bits on the wire from the lowest.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("fin", Self(0x01)),
        ("syn", Self(0x02)),
        ("rst", Self(0x04)),
        ("psh", Self(0x08)),
        ("ack", Self(0x10)),
        ("urg", Self(0x20)),
    ];
}

impl std::ops::BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMES.iter().filter(|(_, flag)| self.0 & flag.0 != 0).map(|(name, _)| name);
        f.write_str(names.next().unwrap_or(&"none"))?;
        names.try_for_each(|name| write!(f, ",{name}"))
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcpFlags({self})")
    }
}

/// Which TCP segments a door looks at: every flag of `set` must be set and every flag of `clear` clear.
///
/// The default looks at all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlagRule {
    /// Flags that must be set.
    pub set: TcpFlags,
    /// Flags that must be clear.
    pub clear: TcpFlags,
}

impl FlagRule {
    /// Whether the rule lets a segment with these flags count.
    #[must_use]
    pub fn admits(self, flags: TcpFlags) -> bool {
        flags.0 & self.set.0 == self.set.0 && flags.0 & self.clear.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYN: TcpFlags = TcpFlags(0x02);
    const ACK: TcpFlags = TcpFlags(0x10);

    #[test]
    fn flags_named_must_be_set_and_denied_ones_clear() {
        let rule = FlagRule { set: SYN, clear: ACK };
        assert!(rule.admits(SYN));
        assert!(rule.admits(SYN | TcpFlags(0x20)));
        assert!(!rule.admits(SYN | ACK));
        assert!(!rule.admits(TcpFlags(0)));
        assert!(FlagRule::default().admits(TcpFlags(0xff)));
    }

    #[test]
    fn flags_are_written_by_name() {
        assert_eq!((SYN | ACK).to_string(), "syn,ack");
        assert_eq!(TcpFlags(0).to_string(), "none");
    }
}
