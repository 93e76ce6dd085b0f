//! The end of a packet socket where packets come out.

use std::{
    io,
    mem::{self, MaybeUninit},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use knock_core::interface::InterfaceIndex;

use super::{
    address_length, option,
    received::Received,
    ring::{Ring, RingSize},
};

/// Takes packets out of a packet socket, as one process may at a time.
#[derive(Debug)]
pub(crate) struct PacketReader {
    fd: OwnedFd,
    ring: Option<Ring>,
    /// Whether the ring had a packet when it was last looked at.
    had_some: bool,
}

impl PacketReader {
    /// Reads from a socket that was opened in another process, with the ring that it has been given there.
    ///
    /// Nobody may have read from that ring before: where he has stopped is not to be found out.
    pub(crate) fn adopt(fd: OwnedFd, ring: Option<RingSize>) -> io::Result<Self> {
        let ring = ring.map(|size| Ring::map(&fd, size)).transpose()?;
        Ok(Self { fd, ring, had_some: false })
    }

    /// Takes the next packet that waits; [`io::ErrorKind::WouldBlock`] if there is none. What doesn't fit into the
    /// buffer is cut off.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        if let Some(ring) = &mut self.ring {
            let received = ring.take(buffer);
            let had_some = mem::replace(&mut self.had_some, received.is_some());
            if let Some(received) = received {
                return Ok(received);
            }
            // Behind a ring nothing comes but errors of the socket, which wake us until they are taken.
            if had_some {
                return Err(io::Error::from_raw_os_error(libc::EAGAIN));
            }
        }
        let mut from = MaybeUninit::<libc::sockaddr_ll>::zeroed();
        let mut from_length = address_length()?;
        // SAFETY: the buffer and the address are valid for writes of the lengths given.
        let length = unsafe {
            libc::recvfrom(
                self.fd.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
                from.as_mut_ptr().cast(),
                &raw mut from_length,
            )
        };
        let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
        // SAFETY: all bit patterns are valid for this structure of integers, and it was zeroed before the call.
        let from = unsafe { from.assume_init() };
        Ok(Received { length, interface: InterfaceIndex(from.sll_ifindex.cast_unsigned()) })
    }

    /// How many packets the kernel had no room for since the last call.
    pub(crate) fn take_dropped(&self) -> io::Result<u32> {
        // SAFETY: all bit patterns are valid for this structure of integers.
        let counts: libc::tpacket_stats = unsafe { mem::zeroed() };
        option::read(&self.fd, libc::PACKET_STATISTICS, counts).map(|counts| counts.tp_drops)
    }
}

impl AsFd for PacketReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
