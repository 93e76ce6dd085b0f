//! The packet sockets: one for every interface that is listened on, or one for all of them.

mod error;
#[cfg(test)]
mod tests;
mod wanted;

use std::{io, net::IpAddr, os::fd::OwnedFd};

use knock_core::{config::Listen, door::Door, filter::Families, interface::InterfaceIndex};
use rustix::io::Errno;

pub use self::{
    error::ListenError,
    wanted::{is_wanted, missing, names},
};
use super::filters::{FilterKind, Filters};
use crate::{
    ipc::SocketNumber,
    links::Links,
    log::Line,
    sandbox::MOST_SOCKETS,
    settings::Settings,
    sys::{
        filter::Filter,
        packet::{PacketSocket, RingSize},
    },
};

/// The sockets that are open.
#[derive(Debug)]
pub struct Listening {
    doors: Vec<Door>,
    /// Those of before, which the watcher may still know.
    going: Vec<Door>,
    filters: Filters,
    /// What the kernel is to let through.
    filter: Filter,
    ears: Vec<Ear>,
    next_number: u32,
    /// What each socket gets of the memory for packets.
    ring: RingSize,
    /// Why a socket has no ring, if it is the first.
    refusal: Option<io::Error>,
    is_refusal_told: bool,
}

#[derive(Debug)]
struct Ear {
    number: SocketNumber,
    interface: InterfaceIndex,
    socket: PacketSocket,
    /// What the kernel lets through to it.
    filter: Filter,
    /// The socket whose place it has taken, until the watcher has emptied that.
    before: Option<PacketSocket>,
}

/// What a process needs to read packets.
#[derive(Debug)]
pub struct Handle {
    /// The socket.
    pub socket: OwnedFd,
    /// The size of its ring, if it has one.
    pub ring: Option<RingSize>,
}

/// What the watcher has to be told.
#[derive(Debug)]
pub enum Change {
    /// There is a new socket.
    Opened(SocketNumber),
    /// A socket has taken the place of another, which hears nothing any more.
    Replaced {
        /// The other.
        old: SocketNumber,
        /// The new one.
        new: SocketNumber,
    },
    /// A socket is of no use any more.
    Closed(SocketNumber),
}

/// What came of opening and closing sockets.
#[derive(Debug)]
pub struct Followed {
    /// What the watcher has to be told.
    pub changes: Vec<Change>,
    /// What could not be listened on.
    pub failures: Vec<ListenError>,
}

impl Listening {
    /// No sockets and no doors yet.
    #[must_use]
    pub fn new(families: Families, explains: bool) -> Self {
        let mut filters = Filters::new(families, explains);
        let filter = filters.filter(&[], &[]);
        Self {
            doors: Vec::new(),
            going: Vec::new(),
            filters,
            filter,
            ears: Vec::new(),
            next_number: 0,
            ring: RingSize::share(1),
            refusal: None,
            is_refusal_told: false,
        }
    }

    /// Makes sure that everything wanted exists, or may come later.
    pub fn require(settings: &Settings, links: &Links) -> Result<(), ListenError> {
        if let Listen::Named(names) = &settings.interfaces
            && names.len() > MOST_SOCKETS
        {
            return Err(ListenError::TooMany(names.len()));
        }
        match missing(&settings.interfaces, links).next() {
            Some(missing) if !settings.waits => Err(missing.into()),
            _ => Ok(()),
        }
    }

    /// Makes sure that we may listen at all, where there is nothing yet to listen on.
    pub fn try_out(&mut self) -> Result<(), ListenError> {
        if self.ears.is_empty() {
            self.open("any", InterfaceIndex::default())?;
            self.ears.clear();
        }
        Ok(())
    }

    /// Opens, replaces and closes sockets until there is one for everything wanted that exists now, which lets through
    /// what the doors need, as far as that can be done.
    ///
    /// What is replaced stays open, and is not replaced again, until [`Listening::forget_replaced`].
    pub fn follow(&mut self, wanted: &Listen, links: &Links) -> Followed {
        // Those that may come later get their share, too.
        self.ring = RingSize::share(wanted::count(wanted));
        let wanted = wanted::present(wanted, links);
        let mut failures = Vec::new();
        if wanted.len() > MOST_SOCKETS {
            failures.push(ListenError::TooMany(wanted.len()));
        }
        let is_wanted = |ear: &Ear| wanted.iter().any(|(_, index)| *index == ear.interface);
        let mut changes: Vec<Change> =
            self.ears.extract_if(.., |ear| !is_wanted(ear)).map(|ear| Change::Closed(ear.number)).collect();
        for (name, interface) in wanted.into_iter().take(MOST_SOCKETS) {
            if self.ears.iter().any(|ear| ear.interface == interface) {
                continue;
            }
            match self.open(&name, interface) {
                Ok(change) => changes.push(change),
                Err(failure) => failures.push(failure),
            }
        }
        let mut ears = std::mem::take(&mut self.ears);
        for ear in ears.iter_mut().filter(|ear| ear.before.is_none()) {
            if ear.filter == self.filter {
                continue;
            }
            match self.replace(ear) {
                Ok(change) => changes.push(change),
                Err(error) => {
                    failures.push(ListenError::Stale(error));
                    break;
                }
            }
        }
        self.ears = ears;
        Followed { changes, failures }
    }

    /// Closes what listens on an interface that has gone: should another, or the same, come under its index, the
    /// socket would not hear it.
    pub fn leave(&mut self, gone: InterfaceIndex) -> Vec<Change> {
        let ears = self.ears.extract_if(.., |ear| ear.interface == gone);
        ears.map(|ear| Change::Closed(ear.number)).collect()
    }

    /// Closes all that listen on an interface of their own: any of them may have gone unnoticed and come back.
    pub fn leave_named(&mut self) -> Vec<Change> {
        let ears = self.ears.extract_if(.., |ear| ear.interface != InterfaceIndex::default());
        ears.map(|ear| Change::Closed(ear.number)).collect()
    }

    /// Has every socket let through what these doors need: at once, or if it takes another filter for that as soon as
    /// [`Listening::follow`] is called.
    pub fn set_doors(&mut self, doors: Vec<Door>) {
        self.going.append(&mut self.doors);
        self.going.retain(|old| doors.iter().all(|door| door.number != old.number));
        self.doors = doors;
        self.make_filter();
    }

    /// Has [`Listening::follow`] see to it that everything comes through from these sources, to be explained.
    pub fn explain(&mut self, sources: Vec<IpAddr>) {
        self.filters.explain(sources);
        self.make_filter();
    }

    /// What the kernel filters packets by.
    #[must_use]
    pub fn filter_kind(&self) -> FilterKind {
        FilterKind::of(&self.filter)
    }

    /// What to tell of how packets come to us, once.
    pub fn take_news(&mut self) -> Vec<Line> {
        let refusal = self.refusal.take().map(|refusal| {
            Line::warning(format!(
                "the system gives us no ring for packets ({refusal}): they are read one by one"
            ))
        });
        self.filters.take_news(self.filter_kind()).into_iter().chain(refusal).collect()
    }

    /// Whether the interface that was given this name, or `any`, is listened on.
    #[must_use]
    pub fn hears(&self, name: &str, wanted: &Listen, links: &Links) -> bool {
        let present = wanted::present(wanted, links);
        let mut indices = present.iter().filter(|(present, _)| present == name).map(|(_, index)| *index);
        indices.any(|index| self.ears.iter().any(|ear| ear.interface == index))
    }

    /// Whether a socket that was replaced is still open.
    #[must_use]
    pub fn is_replacing(&self) -> bool {
        self.ears.iter().any(|ear| ear.before.is_some())
    }

    /// Whether a socket lets through what doors of before needed.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.ears.iter().any(|ear| ear.filter != self.filter)
    }

    /// Closes the sockets that were replaced, and forgets the doors of before: the watcher has done so, too, or is no more.
    pub fn forget_replaced(&mut self) {
        self.ears.iter_mut().for_each(|ear| ear.before = None);
        if !self.going.is_empty() {
            self.going.clear();
            self.make_filter();
        }
    }

    /// Closes all sockets.
    pub fn close_all(&mut self) {
        self.ears.clear();
    }

    /// Closes the sockets of a watcher that is no more: the next one could not tell how far that has read, nor what it
    /// has written to the memory that packets come in.
    pub fn close_handed_over(&mut self) {
        self.ears.retain(|ear| !ear.socket.is_handed_over());
    }

    /// All sockets, for a watcher that has none yet.
    #[must_use]
    pub fn all(&self) -> Vec<Change> {
        self.ears.iter().map(|ear| Change::Opened(ear.number)).collect()
    }

    /// What the watcher needs to read packets of this socket, which is its own from then on.
    pub fn hand_over(&mut self, number: SocketNumber) -> io::Result<Handle> {
        let ear = self.ears.iter_mut().find(|ear| ear.number == number);
        let ear = ear.ok_or(io::ErrorKind::NotFound)?;
        Ok(Handle { socket: ear.socket.hand_over()?, ring: ear.socket.ring() })
    }

    fn open(&mut self, name: &str, interface: InterfaceIndex) -> Result<Change, ListenError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied => ListenError::NotAllowed,
            _ => ListenError::System { name: name.to_owned(), error },
        };
        let ring = Some(self.ring);
        let open = |filter: &Filter| PacketSocket::open(interface, filter, ring);
        let mut socket = self.with_filter(open).map_err(failed)?;
        self.note_refusal(&mut socket);
        let (number, filter) = (self.number(), self.filter.clone());
        self.ears.push(Ear { number, interface, socket, filter, before: None });
        Ok(Change::Opened(number))
    }

    fn replace(&mut self, ear: &mut Ear) -> io::Result<Change> {
        let ring = Some(self.ring);
        let mut next = self.with_filter(|filter| ear.socket.successor(ear.interface, filter, ring))?;
        ear.socket.give_way()?;
        self.note_refusal(&mut next);
        let (old, new) = (ear.number, self.number());
        ear.before = Some(std::mem::replace(&mut ear.socket, next));
        ear.number = new;
        ear.filter = self.filter.clone();
        Ok(Change::Replaced { old, new })
    }

    fn note_refusal(&mut self, socket: &mut PacketSocket) {
        let refusal = socket.take_refusal().filter(|_| !self.is_refusal_told);
        self.is_refusal_told |= refusal.is_some();
        self.refusal = refusal.or(self.refusal.take());
    }

    fn number(&mut self) -> SocketNumber {
        let number = SocketNumber(self.next_number);
        self.next_number = self.next_number.wrapping_add(1);
        number
    }

    /// Uses the longest program that the kernel has memory for (`net.core.optmem_max`).
    fn with_filter<T>(&mut self, mut attach: impl FnMut(&Filter) -> io::Result<T>) -> io::Result<T> {
        loop {
            match attach(&self.filter) {
                Err(error)
                    if Errno::from_io_error(&error) == Some(Errno::NOMEM) && self.filters.shorten() =>
                {
                    self.make_filter();
                }
                result => return result,
            }
        }
    }

    fn make_filter(&mut self) {
        self.filter = self.filters.filter(&self.doors, &self.going);
    }
}
