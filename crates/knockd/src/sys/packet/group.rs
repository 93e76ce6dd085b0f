//! How one packet socket takes the place of another: `PACKET_FANOUT` in `packet(7)`.
//!
//! The sockets of an interface are a group, which gives every packet to one of them: to the first, or to the one whose
//! place a program says. The kernel takes a new program from one packet to the next, but only from a member whose filter
//! isn't locked, and takes no member out of the group that has a ring in use. So a third one, which hears nothing and has
//! no ring, steers.

use std::io;

use knock_core::{filter::Program, interface::InterfaceIndex};

use super::{PacketSocket, RingSize, option, program};

/// What a group does with a packet. The group itself has to let our own packets be, which kernels before 6.1 don't know
/// yet; the filter drops them in any case.
const GROUP: u32 = libc::PACKET_FANOUT_CBPF | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;

/// The place of the member that was first there, of three or two.
const OLD: u32 = 0;

/// The place of the last of three members. When the first of them has left, the last has its place; the kernel takes the
/// remainder by the number of members (`fanout_demux_bpf` in `net/packet/af_packet.c`), and the program is right still.
const NEW: u32 = 2;

/// A socket that hears nothing until it takes over, and all that this takes.
#[derive(Debug)]
pub(crate) struct Successor {
    steersman: Steersman,
    socket: PacketSocket,
}

/// Has the group give everything to the new one. To be closed when the old one is, and nobody else has that open, either:
/// without it the old one would be the one that is meant.
#[derive(Debug)]
pub(crate) struct Steersman(PacketSocket);

impl PacketSocket {
    /// Opens another one on the same interface, which hears nothing before it takes over.
    ///
    /// There may be one at a time, and nobody whom this one has succeeded may be open still, nor who steered then.
    pub(crate) fn successor(
        &self,
        interface: InterfaceIndex,
        filter: &Program,
        wanted: Option<RingSize>,
    ) -> io::Result<Successor> {
        let group = match self.group()? {
            None => {
                self.join(None)?;
                self.group()?
            }
            group => group,
        };
        // Members leave when their interface goes down, and come again in the order in which they were opened.
        let steersman = Steersman(Self::deaf(interface, None)?);
        steersman.0.join(group)?;
        // There may be the program of an earlier change, with which the next member would get everything.
        steersman.steer(OLD)?;
        let socket = Self::deaf(interface, wanted)?;
        socket.join(group)?;
        socket.hear(filter)?;
        Ok(Successor { steersman, socket })
    }

    /// Becomes the last member of this group, or of a new one.
    pub(super) fn join(&self, group: Option<u32>) -> io::Result<()> {
        let wanted = match group {
            Some(number) => number | GROUP << 16,
            None => (GROUP | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16,
        };
        match option::set(self, libc::SOL_PACKET, libc::PACKET_FANOUT, &wanted) {
            // Some kernels take no socket of an interface that is down. It hears nothing, so there is nothing to share.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }

    /// The number of its group, if it is in one.
    pub(super) fn group(&self) -> io::Result<Option<u32>> {
        // The number in the lower half; the kind and flags in the upper one, which are never 0.
        let group = option::read(self, libc::PACKET_FANOUT, 0_u32)?;
        Ok((group != 0).then_some(group & 0xffff))
    }
}

impl Successor {
    /// The one that is to take over.
    pub(crate) fn socket(&self) -> &PacketSocket {
        &self.socket
    }

    /// Takes the place of the other between two packets: each is given to exactly one of them. When this returns, the
    /// other hears nothing any more; what it has heard before can still be received.
    pub(crate) fn take_over(self) -> io::Result<(PacketSocket, Steersman)> {
        self.steersman.steer(NEW)?;
        Ok((self.socket, self.steersman))
    }
}

impl Steersman {
    /// Has the member at this place get everything. There being a program before, the kernel waits until no packet is on
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
