//! Packet sockets: `packet(7)`, `linux/if_packet.h`, `linux/filter.h`.

use std::{
    io,
    mem::{self, MaybeUninit},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
};

use knock_core::{filter::Program, interface::InterfaceIndex};

/// How many bytes of packets may wait to be read: some thousands of them.
const RECEIVE_BUFFER: i32 = 4 << 20;

/// A non-blocking packet socket that sees incoming packets from the network header on.
#[derive(Debug)]
pub(crate) struct PacketSocket(OwnedFd);

/// What came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// How many bytes of the buffer are the packet.
    pub(crate) length: usize,
    /// The interface that it came in on.
    pub(crate) interface: InterfaceIndex,
}

impl PacketSocket {
    /// Listens to all protocols on one interface, or on all of them for index 0, with what `filter` lets through.
    pub(crate) fn open(interface: InterfaceIndex, filter: &Program) -> io::Result<Self> {
        // Protocol 0 keeps it deaf until it is bound: no packet comes in past the filter.
        let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: socket(2) takes no pointers.
        let fd = checked(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: the descriptor is new, valid and ours alone.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        socket.set_filter(filter)?;
        socket.set_option(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
        // Only the host's own root may exceed what net.core.rmem_max allows; the others get that much.
        if socket.set_option(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER).is_err() {
            socket.set_option(libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER)?;
        }
        socket.bind(interface)?;
        Ok(socket)
    }

    /// Takes over a socket that [`PacketSocket::open`] made in another process.
    pub(crate) fn adopt(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Replaces the filter in one step; no packet is lost or let through meanwhile.
    pub(crate) fn set_filter(&self, filter: &Program) -> io::Result<()> {
        let mut instructions: Vec<libc::sock_filter> = filter
            .instructions()
            .iter()
            .map(|one| libc::sock_filter { code: one.code, jt: one.jt, jf: one.jf, k: one.k })
            .collect();
        let length = u16::try_from(instructions.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let program = libc::sock_fprog { len: length, filter: instructions.as_mut_ptr() };
        self.set_option(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// How many packets the kernel had no room for since the last call.
    pub(crate) fn take_dropped(&self) -> io::Result<u32> {
        // SAFETY: all bit patterns are valid for this structure of integers.
        let mut counts: libc::tpacket_stats = unsafe { mem::zeroed() };
        let mut length: libc::socklen_t = narrow(size_of::<libc::tpacket_stats>())?;
        // SAFETY: the counts are valid for writes of the length given.
        let result = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut counts).cast(),
                &raw mut length,
            )
        };
        checked(result).map(|_| counts.tp_drops)
    }

    /// Takes the next packet that waits; [`io::ErrorKind::WouldBlock`] if there is none. What doesn't fit into the
    /// buffer is cut off.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut from = MaybeUninit::<libc::sockaddr_ll>::zeroed();
        let mut from_length = address_length()?;
        // SAFETY: the buffer and the address are valid for writes of the lengths given.
        let length = unsafe {
            libc::recvfrom(
                self.0.as_raw_fd(),
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

    fn bind(&self, interface: InterfaceIndex) -> io::Result<()> {
        // SAFETY: all bit patterns are valid for this structure of integers.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = narrow(libc::AF_PACKET)?;
        address.sll_protocol = narrow::<_, u16>(libc::ETH_P_ALL)?.to_be();
        address.sll_ifindex = interface.0.cast_signed();
        // SAFETY: the address is valid for reads of the length given.
        let result =
            unsafe { libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), address_length()?) };
        checked(result).map(drop)
    }

    fn set_option<T>(&self, level: i32, name: i32, value: &T) -> io::Result<()> {
        let length: libc::socklen_t = narrow(size_of::<T>())?;
        // SAFETY: the value is valid for reads of its own size; a filter's instructions outlive the call in its caller.
        let result =
            unsafe { libc::setsockopt(self.0.as_raw_fd(), level, name, ptr::from_ref(value).cast(), length) };
        checked(result).map(drop)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn address_length() -> io::Result<libc::socklen_t> {
    narrow(size_of::<libc::sockaddr_ll>())
}

/// Constants and sizes come from the headers wider than the kernel takes them.
fn narrow<W, N: TryFrom<W>>(value: W) -> io::Result<N> {
    N::try_from(value).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
