//! Packet sockets: `packet(7)`, `linux/if_packet.h`, `linux/filter.h`.

mod group;
mod option;
mod parked;
mod reader;
mod received;
mod ring;

use std::{
    io, mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use knock_core::interface::InterfaceIndex;

use super::filter::Filter;

use self::{
    group::join,
    option::{checked, narrow},
    parked::Parked,
};
pub(crate) use self::{reader::PacketReader, ring::RingSize};

/// How many bytes of packets may wait to be read where there is no ring: some thousands of them.
const RECEIVE_BUFFER: i32 = 4 << 20;

/// A non-blocking packet socket that sees incoming packets from the network header on. Nobody can change its filter.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    socket: Parked,
    is_handed_over: bool,
    /// As soon as there is a successor. To be closed after the socket, which goes first as the first field.
    steersman: Option<Steersman>,
    ring: Option<RingSize>,
    refusal: Option<io::Error>,
}

/// One that may have no filter yet.
#[derive(Debug)]
struct Bare(OwnedFd);

/// Says which socket of a group gets the packets; it gets none itself.
#[derive(Debug)]
struct Steersman(Bare);

impl PacketSocket {
    /// Listens to all protocols on one interface, or on all of them for index 0, with what `filter` lets through.
    ///
    /// Packets come through a ring of the size wanted, or less if the kernel has no memory for it; without one, or if the
    /// kernel refuses it, through a queue.
    pub(crate) fn open(
        interface: InterfaceIndex,
        filter: &Filter,
        wanted: Option<RingSize>,
    ) -> io::Result<Self> {
        Self::member(interface, filter, wanted, |socket| match filter {
            Filter::Classic(_) => join(socket, None),
            // A group costs each packet of the machine as much as the filter does, and nobody will take its place.
            Filter::Exact(_) => Ok(()),
        })
    }

    /// A copy of the socket for the process that reads it, which is to be the only one; an error if there is one already.
    ///
    /// It stays open here, too: to close the last one has the kernel wait for all processors, tens of milliseconds in
    /// which its reader would read nothing else.
    pub(crate) fn hand_over(&mut self) -> io::Result<OwnedFd> {
        if self.is_handed_over {
            return Err(io::ErrorKind::NotFound.into());
        }
        let copy = self.socket.copy()?;
        self.is_handed_over = true;
        Ok(copy)
    }

    /// Whether another process reads it, or was to.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.is_handed_over
    }

    /// The size of its ring; none if packets wait in a queue.
    pub(crate) fn ring(&self) -> Option<RingSize> {
        self.ring
    }

    /// Why it has no ring although one was wanted; none if there is nothing to tell, or it was told.
    pub(crate) fn take_refusal(&mut self) -> Option<io::Error> {
        self.refusal.take()
    }

    /// A new one, which gets what the group gives it that it joins before it hears.
    fn member(
        interface: InterfaceIndex,
        filter: &Filter,
        wanted: Option<RingSize>,
        join: impl FnOnce(&OwnedFd) -> io::Result<()>,
    ) -> io::Result<Self> {
        let (mut ring, mut refusal) = (None, None);
        let socket = Bare::deaf(interface, |socket| {
            match wanted.map(|wanted| ring::set_up(socket, wanted)) {
                Some(Ok(size)) => ring = Some(size),
                Some(Err(error)) => refusal = Some(error),
                None => {}
            }
            if ring.is_some() { Ok(()) } else { socket.lengthen_queue() }
        })?;
        join(&socket.0)?;
        socket.hear(filter)?;
        Ok(Self { socket: Parked::new(socket.0)?, is_handed_over: false, steersman: None, ring, refusal })
    }
}

impl Bare {
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
            Filter::Exact(gate) => {
                option::set(self, libc::SOL_SOCKET, libc::SO_ATTACH_BPF, &gate.as_fd().as_raw_fd())?;
            }
        }
        option::set(self, libc::SOL_SOCKET, libc::SO_LOCK_FILTER, &1_i32)
    }

    /// A new one that is bound, after something has been done to it, but lets nothing through.
    fn deaf(interface: InterfaceIndex, prepare: impl FnOnce(&Self) -> io::Result<()>) -> io::Result<Self> {
        // Protocol 0 keeps it deaf until it is bound: no packet comes in past the filter, nor past the ring.
        let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: socket(2) takes no pointers.
        let fd = checked(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: the descriptor is new, valid and ours alone.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        prepare(&socket)?;
        socket.attach(&mut [TAKE_NOTHING])?;
        option::set(&socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
        socket.bind(interface)?;
        Ok(socket)
    }

    fn lengthen_queue(&self) -> io::Result<()> {
        // Only the host's own root may exceed what net.core.rmem_max allows; the others get that much.
        if option::set(self, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER).is_err() {
            option::set(self, libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER)?;
        }
        Ok(())
    }

    fn attach(&self, instructions: &mut [libc::sock_filter]) -> io::Result<()> {
        let program = program(instructions)?;
        option::set(self, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
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
}

/// `BPF_RET | BPF_K` of `linux/bpf_common.h`: nothing of the packet.
const TAKE_NOTHING: libc::sock_filter = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };

impl AsFd for Bare {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The instructions as the kernel takes them, which have to outlive that.
fn program(instructions: &mut [libc::sock_filter]) -> io::Result<libc::sock_fprog> {
    Ok(libc::sock_fprog { len: narrow(instructions.len())?, filter: instructions.as_mut_ptr() })
}

fn address_length() -> io::Result<libc::socklen_t> {
    narrow(size_of::<libc::sockaddr_ll>())
}

#[cfg(test)]
mod tests;
