//! What has become different since somebody last asked.

use std::{fmt, net::IpAddr};

use knock_core::interface::InterfaceIndex;

use super::{link::State, notice::Unreadable};

/// What has become different, in the order in which it happened.
///
/// A name that went to another interface is there as the end of the one (`Gone` or `Renamed`) and the beginning of the
/// other (`Appeared` or `Renamed`), with their indices.
#[derive(Debug, Default)]
pub struct Changes {
    /// The changes.
    pub list: Vec<Change>,
    /// Whether the kernel had more to say than its queue holds. Everything was then read again and `list` leads to
    /// what there is now, but an interface that left and came back under its index, or went down and up, is not in it.
    pub overrun: bool,
    /// Messages that were skipped.
    pub unreadable: Vec<Unreadable>,
}

/// Something happened to one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which interface.
    pub index: InterfaceIndex,
    /// Its name, after a change of it the new one.
    pub name: String,
    /// What happened.
    pub what: What,
}

/// What happened to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It was made or moved to this network namespace. Its state and each of its addresses follow.
    Appeared,
    /// It was deleted or moved to another network namespace, and its addresses with it.
    Gone,
    /// It has a new name.
    Renamed {
        /// The name it had.
        before: String,
    },
    /// It is now more or less ready for packets.
    State(State),
    /// It can now receive packets for this address.
    AddressAdded(IpAddr),
    /// It can't any more.
    AddressRemoved(IpAddr),
    /// It has the addresses it had, but the broadcast addresses of its networks may be others.
    Networks,
}

impl Changes {
    /// Whether nothing has to be done or told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.overrun && self.unreadable.is_empty()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.what {
            What::Appeared => write!(f, "interface {name} has appeared (index {})", self.index.0),
            What::Gone => write!(f, "interface {name} is gone (index {})", self.index.0),
            What::Renamed { before } => write!(f, "interface {before} is now named {name}"),
            What::State(state) => write!(f, "interface {name} is {state}"),
            What::AddressAdded(address) => write!(f, "interface {name} has the address {address}"),
            What::AddressRemoved(address) => {
                write!(f, "interface {name} no longer has the address {address}")
            }
            What::Networks => write!(f, "the networks of interface {name} have changed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_in_one_line() {
        let told = |what| Change { index: InterfaceIndex(7), name: "eth0".to_owned(), what }.to_string();
        assert_eq!(told(What::Appeared), "interface eth0 has appeared (index 7)");
        assert_eq!(told(What::Gone), "interface eth0 is gone (index 7)");
        assert_eq!(told(What::Renamed { before: "lan".to_owned() }), "interface lan is now named eth0");
        assert_eq!(told(What::State(State::Running)), "interface eth0 is up and running");
        assert_eq!(told(What::State(State::NoCarrier)), "interface eth0 is up, but has no carrier");
        assert_eq!(told(What::State(State::Down)), "interface eth0 is down");
        let address = "2001:db8::1".parse().unwrap();
        assert_eq!(told(What::AddressAdded(address)), "interface eth0 has the address 2001:db8::1");
        assert_eq!(
            told(What::AddressRemoved(address)),
            "interface eth0 no longer has the address 2001:db8::1"
        );
        assert_eq!(told(What::Networks), "the networks of interface eth0 have changed");
    }
}
