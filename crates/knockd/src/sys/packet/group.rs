//! How one packet socket takes the place of another: `PACKET_FANOUT` in `packet(7)`.
//!
//! The sockets of an interface are a group, which gives every packet to the one whose place a program says. The kernel
//! takes a new program from one packet to the next, but only from a member whose filter isn't locked, and takes no member
//! out of the group that has a ring in use. So the first member, which hears nothing and has no ring, steers. It stays as
//! long as any of the others, so that it doesn't matter when one of those is closed at last, and by whom.

use std::{io, os::fd::OwnedFd, sync::Arc};

use knock_core::interface::InterfaceIndex;

use super::{Bare, Filter, PacketSocket, RingSize, Steersman, option, program};

/// What a group does with a packet. The group itself has to let our own packets be, which kernels before 6.1 don't know
/// yet; the filter drops them in any case.
const GROUP: u32 = libc::PACKET_FANOUT_CBPF | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;

/// The second member, whether there are two or three.
const OLD: u32 = 1;

/// The third member, and the second when there are only two: the kernel takes the remainder by the number of members
/// (`fanout_demux_bpf` in `net/packet/af_packet.c`), and has the last take the place of one that leaves.
const NEW: u32 = 5;

impl PacketSocket {
    /// Opens another one on the same interface, which hears nothing before this one gives way to it.
    ///
    /// There may be one at a time, and nobody whom this one has succeeded may be open still, in any process: while there
    /// is one, he would get everything.
    pub(crate) fn successor(
        &self,
        interface: InterfaceIndex,
        filter: &Filter,
        wanted: Option<RingSize>,
    ) -> io::Result<Self> {
        // Members leave when their interface goes down, and come again in the order in which they were opened.
        let socket = self.socket.copy()?;
        if group(&socket)?.is_none() {
            self.steersman.gather()?;
            self.steersman.0.group()?.map_or(Ok(()), |group| join(&socket, Some(group)))?;
        }
        drop(socket);
        // Since an earlier change the next member would get everything.
        self.steersman.steer(OLD)?;
        Self::member(interface, filter, wanted, Arc::clone(&self.steersman))
    }

    /// Has its successor take its place between two packets: each is given to exactly one of them. When this returns,
    /// this one hears nothing any more; what it has heard before can still be received.
    pub(crate) fn give_way(&self) -> io::Result<()> {
        self.steersman.steer(NEW)
    }
}

impl Bare {
    /// The number of its group, if it is in one.
    pub(super) fn group(&self) -> io::Result<Option<u32>> {
        group(&self.0)
    }
}

/// Becomes the last member of this group, or the first of a new one.
pub(super) fn join(socket: &OwnedFd, group: Option<u32>) -> io::Result<()> {
    let wanted = match group {
        Some(number) => number | GROUP << 16,
        None => (GROUP | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16,
    };
    match option::set(socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &wanted) {
        // Some kernels take no socket of an interface that is down. It hears nothing, so there is nothing to share.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

fn group(socket: &OwnedFd) -> io::Result<Option<u32>> {
    // The number in the lower half; the kind and flags in the upper one, which are never 0.
    let group = option::read(socket, libc::PACKET_FANOUT, 0_u32)?;
    Ok((group != 0).then_some(group & 0xffff))
}

impl Steersman {
    /// Begins a group that gives everything to its second member.
    pub(super) fn gather(&self) -> io::Result<()> {
        join(&self.0.0, None)?;
        self.steer(OLD)
    }

    /// Has the member at this place get everything. If there is a program before, the kernel waits until no packet is on
    /// its way by that (`__fanout_set_data_bpf`).
    fn steer(&self, place: u32) -> io::Result<()> {
        if self.0.group()?.is_none() {
            return Ok(());
        }
        // BPF_RET | BPF_K of linux/bpf_common.h.
        let mut instructions = [libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: place }];
        let program = program(&mut instructions)?;
        option::set(&self.0, libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, &program)
    }
}
