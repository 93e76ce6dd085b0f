//! How one packet socket takes the place of another: `PACKET_FANOUT` in `packet(7)`.
//!
//! The sockets of an interface are a group, which gives every packet to its first member as long as nobody says otherwise;
//! mostly there is only one. While another takes its place, a program says who gets the packets. The kernel takes a new
//! program from one packet to the next, but only from a member whose filter isn't locked, and takes no member out of the
//! group that has a ring in use. So a third member, which hears nothing and has no ring, steers.

use std::{io, os::fd::OwnedFd};

use knock_core::interface::InterfaceIndex;

use super::{Bare, Filter, PacketSocket, RingSize, Steersman, option, program};

/// What a group does with a packet. The group itself has to let our own packets be, which kernels before 6.1 don't know
/// yet; the filter drops them in any case.
const GROUP: u32 = libc::PACKET_FANOUT_CBPF | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;

/// The place of the one that is replaced, whoever else is in the group.
const OLD: u32 = 0;

/// The third place, behind the one that steers. When the old one leaves the last takes its place, which is what this
/// number means then, too: the kernel takes the remainder by the number of members (`fanout_demux_bpf` in
/// `net/packet/af_packet.c`).
const NEW: u32 = 2;

impl PacketSocket {
    /// Opens another one on the same interface, which hears nothing before this one gives way to it.
    ///
    /// There may be one at a time, and nobody whom this one has succeeded may be open still, in any process: while there
    /// is one, he would get everything. For the same reason no other process may have this one open when it is dropped.
    pub(crate) fn successor(
        &mut self,
        interface: InterfaceIndex,
        filter: &Filter,
        wanted: Option<RingSize>,
    ) -> io::Result<Self> {
        let socket = self.socket.copy()?;
        if group(&socket)?.is_none() {
            join(&socket, None)?;
        }
        let group = group(&socket)?;
        drop(socket);
        // Members that left when their interface went down come again in the order in which they were opened.
        let steersman = match self.steersman.take() {
            Some(steersman) if self::group(&steersman.0.0)? == group => steersman,
            _ => Steersman::of(interface, group)?,
        };
        self.steersman.insert(steersman).steer(OLD)?;
        Self::member(interface, filter, wanted, |next| group.map_or(Ok(()), |group| join(next, Some(group))))
    }

    /// Has its successor take its place between two packets: each is given to exactly one of them. When this returns,
    /// this one hears nothing any more; what it has heard before can still be received.
    pub(crate) fn give_way(&self) -> io::Result<()> {
        self.steersman.as_ref().map_or(Ok(()), |steersman| steersman.steer(NEW))
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

pub(super) fn group(socket: &OwnedFd) -> io::Result<Option<u32>> {
    // The number in the lower half; the kind and flags in the upper one, which are never 0.
    let group = option::read(socket, libc::PACKET_FANOUT, 0_u32)?;
    Ok((group != 0).then_some(group & 0xffff))
}

impl Steersman {
    /// The last member of this group; of none, if there is none because the interface is down.
    fn of(interface: InterfaceIndex, group: Option<u32>) -> io::Result<Self> {
        let steersman = Self(Bare::deaf(interface, |_| Ok(()))?);
        group.map_or(Ok(()), |group| join(&steersman.0.0, Some(group)))?;
        Ok(steersman)
    }

    /// Has the member at this place get everything. If there is a program before, the kernel waits until no packet is on
    /// its way by that (`__fanout_set_data_bpf`).
    fn steer(&self, place: u32) -> io::Result<()> {
        if group(&self.0.0)?.is_none() {
            return Ok(());
        }
        // BPF_RET | BPF_K of linux/bpf_common.h.
        let mut instructions = [libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: place }];
        let program = program(&mut instructions)?;
        option::set(&self.0, libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, &program)
    }
}
