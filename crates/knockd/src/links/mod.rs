//! The interfaces and addresses that this host has now, read from the kernel and followed from then on (rtnetlink(7)).

mod answer;
mod change;
mod link;
mod message;
mod notice;
mod socket;
mod table;
#[cfg(test)]
mod tests;

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use knock_core::{host::Host, interface::InterfaceIndex};
use rustix::event::Timespec;
use thiserror::Error;

use self::{
    answer::Answer,
    message::{Body, Messages},
    socket::{List, Received, Socket},
    table::Table,
};
pub use self::{
    change::{Change, Changes, What},
    link::{Link, State},
    notice::Unreadable,
};

/// Larger than any datagram that a kernel is known to send here; the lists come in pieces of at most 32 KiB.
const BUFFER: usize = 64 << 10;

/// How often a list is asked for that changes while it is read, before we give up for now.
const ATTEMPTS: u32 = 16;

/// How long the kernel may take for a piece of a list. It makes the next piece when one is taken, so this is for a
/// kernel that never finishes.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// The interfaces of this host's network namespace.
#[derive(Debug)]
pub struct Links {
    socket: Socket,
    table: Table,
    /// Whether something was lost since the table was complete.
    stale: bool,
    /// What nobody has been told yet.
    untold: Changes,
}

/// No interface has the name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no interface {name}; this machine has: {}", .present.join(", "))]
pub struct NoInterface {
    /// The name.
    pub name: String,
    /// The names there are, sorted.
    pub present: Vec<String>,
}

impl Links {
    /// Reads all interfaces and their addresses. What changes from here on is found by [`Self::follow`].
    pub fn open() -> io::Result<Self> {
        Self::open_with_buffer(BUFFER)
    }

    /// Takes in everything that the kernel has said by now and tells what is different.
    ///
    /// To be called when the descriptor is readable; it doesn't wait for news. Only when some were lost, and all is
    /// read again, does it wait for the kernel's answers. After an error the changes of this call are not forgotten: the
    /// next one, for which nothing need be readable, tells them too.
    pub fn follow(&mut self) -> io::Result<Changes> {
        loop {
            match self.socket.receive()? {
                Received::Nothing => break,
                Received::Lost => self.stale = true,
                Received::Datagram(datagram) => {
                    for message in Messages::of(datagram) {
                        match message.map(|message| message.body) {
                            Ok(Body::Notice(notice)) => self.untold.list.extend(self.table.apply(notice)),
                            Ok(Body::End(_) | Body::Other) => {}
                            Err(unreadable) => self.untold.unreadable.push(unreadable),
                        }
                    }
                }
            }
        }
        if self.stale {
            self.untold.overrun = true;
            self.read_again()?;
        }
        Ok(std::mem::take(&mut self.untold))
    }

    /// Whether [`Links::follow`] has something to do even if nobody has written.
    #[must_use]
    pub fn are_behind(&self) -> bool {
        self.stale || !self.untold.is_empty()
    }

    /// What the interfaces answer to, for the engine.
    #[must_use]
    pub fn host(&self) -> Host {
        self.table.host()
    }

    /// The interface with this index.
    #[must_use]
    pub fn link(&self, index: InterfaceIndex) -> Option<&Link> {
        self.table.link(index)
    }

    /// The interface with this name.
    pub fn named(&self, name: &str) -> Result<(InterfaceIndex, &Link), NoInterface> {
        self.iter().find(|(_, link)| link.name() == name).ok_or_else(|| {
            let mut present: Vec<_> = self.iter().map(|(_, link)| link.name().to_owned()).collect();
            present.sort_unstable();
            NoInterface { name: name.to_owned(), present }
        })
    }

    /// All interfaces, by their index.
    pub fn iter(&self) -> impl Iterator<Item = (InterfaceIndex, &Link)> {
        self.table.iter()
    }

    /// The socket is in its groups before the first list is asked for: no change goes unnoticed in between.
    fn open_with_buffer(buffer: usize) -> io::Result<Self> {
        let socket = Socket::open(buffer)?;
        let mut links = Self { socket, table: Table::default(), stale: true, untold: Changes::default() };
        links.read_again()?;
        links.untold.list.clear();
        Ok(links)
    }

    fn read_again(&mut self) -> io::Result<()> {
        for _ in 0..ATTEMPTS {
            let mut now = Table::default();
            if self.read(List::Links, &mut now)? && self.read(List::Addresses, &mut now)? {
                self.untold.list.extend(self.table.catch_up(&now));
                self.stale = false;
                return Ok(());
            }
        }
        Err(io::Error::other("the interfaces of this machine change faster than they can be read"))
    }

    /// Reads a list, and what changes meanwhile, into `table`. The kernel queues both in the order in which they were
    /// true. Returns whether nothing was lost.
    fn read(&mut self, list: List, table: &mut Table) -> io::Result<bool> {
        let mut answer = Answer::to(self.socket.request(list)?);
        while !answer.ended {
            match self.socket.receive()? {
                // The end of the list may be what was lost.
                Received::Nothing if !answer.whole => break,
                Received::Nothing => self.socket.wait(&PATIENCE)?,
                Received::Lost => answer.whole = false,
                Received::Datagram(datagram) => {
                    for message in Messages::of(datagram) {
                        match message {
                            Ok(message) => {
                                answer.hear(message)?.map(|notice| table.apply(notice));
                            }
                            Err(unreadable) => self.untold.unreadable.push(unreadable),
                        }
                    }
                }
            }
        }
        Ok(answer.whole)
    }
}

impl AsFd for Links {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
