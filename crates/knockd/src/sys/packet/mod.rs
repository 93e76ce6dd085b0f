//! Packet sockets: `packet(7)`, `linux/if_packet.h`, `linux/filter.h`.

use std::{
    io,
    mem::{self, MaybeUninit},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
};

use knock_core::interface::InterfaceIndex;

use super::filter::Filter;

/// How many bytes of packets may wait to be read: some thousands of them.
const RECEIVE_BUFFER: i32 = 4 << 20;

/// What a group does with a packet (`PACKET_FANOUT` in packet(7)): without a program of its own, this kind gives all of
/// them to its first member. The group itself has to let our own packets be, which kernels before 6.1 don't know yet; the
/// filter drops them in any case.
const GROUP: u32 = libc::PACKET_FANOUT_CBPF | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;

/// A non-blocking packet socket that sees incoming packets from the network header on. Nobody can change its filter.
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
    pub(crate) fn open(interface: InterfaceIndex, filter: &Filter) -> io::Result<Self> {
        let socket = Self::deaf(interface)?;
        socket.join(None)?;
        socket.hear(filter)?;
        Ok(socket)
    }

    /// Opens another one on the same interface, which hears nothing before this one gives way to it.
    ///
    /// There may be one at a time, and nobody whom this one has succeeded may be open still when it gives way.
    pub(crate) fn successor(&self, interface: InterfaceIndex, filter: &Filter) -> io::Result<Self> {
        let group = match self.group()? {
            None => {
                self.join(None)?;
                self.group()?
            }
            group => group,
        };
        let next = Self::deaf(interface)?;
        next.join(group)?;
        next.hear(filter)?;
        Ok(next)
    }

    /// Has its successor take its place between two packets: each is given to exactly one of them. When this returns,
    /// this one hears nothing any more; what it has heard before can still be received.
    ///
    /// A group gives everything to its first member. There is no call to change the order. But to set up a ring for
    /// sending, even one without room, the kernel takes the socket off the network, with which the last member becomes
    /// the first, waits until nobody is about to give it a packet, and puts it back as the last (`packet_set_ring` in
    /// `net/packet/af_packet.c`). With a kernel that did not, this one would be heard until it is closed.
    pub(crate) fn give_way(&self) -> io::Result<()> {
        let no_room =
            libc::tpacket_req { tp_block_size: 0, tp_block_nr: 0, tp_frame_size: 0, tp_frame_nr: 0 };
        self.set_option(libc::SOL_PACKET, libc::PACKET_TX_RING, &no_room)
    }

    /// Takes over a socket that was opened in another process.
    pub(crate) fn adopt(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// A new one that is bound but lets nothing through yet.
    fn deaf(interface: InterfaceIndex) -> io::Result<Self> {
        // Protocol 0 keeps it deaf until it is bound: no packet comes in past the filter.
        let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: socket(2) takes no pointers.
        let fd = checked(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: the descriptor is new, valid and ours alone.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        socket.attach(&mut [TAKE_NOTHING])?;
        socket.set_option(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
        // Only the host's own root may exceed what net.core.rmem_max allows; the others get that much.
        if socket.set_option(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER).is_err() {
            socket.set_option(libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER)?;
        }
        socket.bind(interface)?;
        Ok(socket)
    }

    /// Lets through what `filter` does, for good.
    fn hear(&self, filter: &Filter) -> io::Result<()> {
        match filter {
            Filter::Classic(program) => {
                let instructions = program.instructions().iter();
                let mut instructions: Vec<_> = instructions
                    .map(|one| libc::sock_filter { code: one.code, jt: one.jt, jf: one.jf, k: one.k })
                    .collect();
                self.attach(&mut instructions)?;
            }
            Filter::Exact(loaded) => {
                self.set_option(libc::SOL_SOCKET, libc::SO_ATTACH_BPF, &loaded.fd.as_raw_fd())?;
            }
        }
        self.set_option(libc::SOL_SOCKET, libc::SO_LOCK_FILTER, &1_i32)
    }

    fn attach(&self, instructions: &mut [libc::sock_filter]) -> io::Result<()> {
        let length = u16::try_from(instructions.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let program = libc::sock_fprog { len: length, filter: instructions.as_mut_ptr() };
        self.set_option(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// Becomes the last member of this group, or of a new one.
    fn join(&self, group: Option<u32>) -> io::Result<()> {
        let wanted = match group {
            Some(number) => number | GROUP << 16,
            None => (GROUP | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16,
        };
        match self.set_option(libc::SOL_PACKET, libc::PACKET_FANOUT, &wanted) {
            // Some kernels take no socket of an interface that is down. It hears nothing, so there is nothing to share.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }

    /// The number of its group, if it is in one.
    fn group(&self) -> io::Result<Option<u32>> {
        // The number in the lower half; the kind and flags in the upper one, which are never 0.
        let group = self.option(libc::PACKET_FANOUT, 0_u32)?;
        Ok((group != 0).then_some(group & 0xffff))
    }

    /// How many packets the kernel had no room for since the last call.
    pub(crate) fn take_dropped(&self) -> io::Result<u32> {
        // SAFETY: all bit patterns are valid for this structure of integers.
        let counts: libc::tpacket_stats = unsafe { mem::zeroed() };
        self.option(libc::PACKET_STATISTICS, counts).map(|counts| counts.tp_drops)
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

    /// What the kernel says of one of the options of packet sockets, in the place of `value`.
    fn option<T: Integers>(&self, name: i32, mut value: T) -> io::Result<T> {
        let mut length: libc::socklen_t = narrow(size_of::<T>())?;
        // SAFETY: the value is valid for writes of its own size, and whatever is written is valid for integers.
        let result = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                name,
                (&raw mut value).cast(),
                &raw mut length,
            )
        };
        checked(result).map(|_| value)
    }

    fn set_option<T>(&self, level: i32, name: i32, value: &T) -> io::Result<()> {
        let length: libc::socklen_t = narrow(size_of::<T>())?;
        // SAFETY: the value is valid for reads of its own size; a filter's instructions outlive the call in its caller.
        let result =
            unsafe { libc::setsockopt(self.0.as_raw_fd(), level, name, ptr::from_ref(value).cast(), length) };
        checked(result).map(drop)
    }
}

/// Types for which all bit patterns are valid.
trait Integers {}

impl Integers for u32 {}
impl Integers for libc::tpacket_stats {}

/// `BPF_RET | BPF_K` of `linux/bpf_common.h`: nothing of the packet.
const TAKE_NOTHING: libc::sock_filter = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };

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

#[cfg(test)]
mod tests;
