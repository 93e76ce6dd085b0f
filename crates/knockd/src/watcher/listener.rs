//! A packet socket that the watcher reads, and when it is asked what it has lost.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use knock_core::{filter::SNAP_LENGTH, hit::Hit, moment::Moment, wire::Link};
use rustix::io::Errno;

use crate::{ipc::SocketNumber, sys::packet::PacketReader};

/// So often, at most, a socket is asked.
const ASKED_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Listener {
    /// What the monitor calls it.
    pub(super) number: SocketNumber,
    socket: PacketReader,
    inquiry: Inquiry,
}

/// Why no more packets were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// No more were wanted.
    Enough,
    /// None waits.
    Nothing,
    /// The socket is of no use any more.
    Deaf(Errno),
}

/// When to ask how many packets the kernel had no room for: at once or a little after some were taken, for only a
/// socket that has had packets can have lost any. A socket at rest is let be.
#[derive(Debug, Default)]
struct Inquiry {
    is_wanted: bool,
    not_before: Moment,
}

impl Listener {
    pub(super) fn new(number: SocketNumber, socket: PacketReader) -> Self {
        Self { number, socket, inquiry: Inquiry::default() }
    }

    /// Takes packets that wait, as many as `most`, and appends the hits among them. Returns how many those were, and why
    /// no more.
    pub(super) fn receive(&mut self, hits: &mut Vec<Hit>, most: usize) -> (usize, End) {
        let mut buffer = [0; SNAP_LENGTH as usize];
        for taken in 0..most {
            let received = match self.socket.receive(&mut buffer) {
                Ok(received) => received,
                Err(error) => match Errno::from_io_error(&error) {
                    Some(Errno::AGAIN) => return (taken, End::Nothing),
                    // The interface is down for now: it is told once and the socket goes on when it is up again.
                    Some(Errno::INTR | Errno::NETDOWN) => continue,
                    errno => return (taken, End::Deaf(errno.unwrap_or(Errno::IO))),
                },
            };
            self.inquiry.is_wanted = true;
            let frame = buffer.get(..received.length).unwrap_or_default();
            hits.extend(Hit::read(Link::Ip, received.interface, frame));
        }
        (most, End::Enough)
    }

    /// How many packets the kernel had no room for that nobody has been told of, for good.
    pub(super) fn last_dropped(&self) -> io::Result<u32> {
        self.socket.take_dropped()
    }

    /// When [`Listener::take_dropped`] has something to find out.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.inquiry.next_deadline()
    }

    /// How many packets the kernel had no room for since this was last found out; 0 if it isn't time to ask.
    pub(super) fn take_dropped(&mut self, now: Moment) -> io::Result<u32> {
        if self.inquiry.is_due(now) { self.socket.take_dropped() } else { Ok(0) }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Inquiry {
    fn next_deadline(&self) -> Option<Moment> {
        self.is_wanted.then_some(self.not_before)
    }

    /// Whether it is time; if so, the next one has to be wanted anew.
    fn is_due(&mut self, now: Moment) -> bool {
        let is_due = self.next_deadline().is_some_and(|deadline| deadline <= now);
        if is_due {
            *self = Self { is_wanted: false, not_before: now.after(ASKED_EVERY) };
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn asks_after_packets_once_a_second_and_never_at_rest() {
        let mut inquiry = Inquiry::default();
        assert!(!inquiry.is_due(at(5000)));
        assert_eq!(inquiry.next_deadline(), None);
        inquiry.is_wanted = true;
        assert!(inquiry.is_due(at(5000)), "the first packet");
        assert!(!inquiry.is_due(at(9000)), "nothing came");
        assert_eq!(inquiry.next_deadline(), None);
        inquiry.is_wanted = true;
        assert!(inquiry.is_due(at(9000)));
        inquiry.is_wanted = true;
        assert!(!inquiry.is_due(at(9999)), "too soon");
        assert_eq!(inquiry.next_deadline(), Some(at(10_000)));
        assert!(inquiry.is_due(at(10_000)), "the last packets before a rest count, too");
        assert_eq!(inquiry.next_deadline(), None);
    }
}
