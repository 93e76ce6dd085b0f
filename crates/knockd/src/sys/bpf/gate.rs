//! One program for all sockets, and for good, although what it does changes.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use knock_core::filter::{self, ExtendedInstruction};

use super::{Loaded, PROGRAM_ARRAY, load, new_map, set};

/// What sockets are given as their filter, which can be locked: it goes on with the program that was put in last, and
/// lets everything through as long as there is none.
#[derive(Debug)]
pub(crate) struct Gate {
    slots: OwnedFd,
    program: OwnedFd,
}

impl Gate {
    /// One without a program.
    pub(crate) fn new() -> io::Result<Self> {
        // Programs go in as descriptors.
        let slots = new_map(PROGRAM_ARRAY, 4, *b"knockd_gate\0\0\0\0\0")?;
        let program = load(&filter::gate(slots.as_raw_fd()).map(ExtendedInstruction::bytes), &mut [])?;
        Ok(Self { slots, program })
    }

    /// Has this program filter for all sockets in place of the one before. Each packet meets one or the other.
    pub(crate) fn put(&self, Loaded(program): &Loaded) -> io::Result<()> {
        set(&self.slots, program.as_raw_fd())
    }
}

/// What a socket is given.
impl AsFd for Gate {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }
}

/// A gate is the same whatever it lets through.
impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        self.program.as_raw_fd() == other.program.as_raw_fd()
    }
}
