//! The socket over which the kernel is asked about the ruleset, and told to change it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_DUMP_INTR};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, getsockname,
        netlink::{NETFILTER, SocketAddrNetlink},
        recvfrom, sendto, socket_with,
        sockopt::{set_socket_send_buffer_size, set_socket_send_buffer_size_force, socket_send_buffer_size},
    },
};
use thiserror::Error;

use super::{
    attributes::Writer,
    batch::{Batch, Generation},
    constants::{family, message as kind},
    message::{Content, Header, Message, Reply, in_nf_tables, messages},
};
use crate::sys;

/// The kernel's own address on a netlink socket (netlink(7)).
const KERNEL: SocketAddrNetlink = SocketAddrNetlink::new(0, 0);

/// More than the kernel puts into one datagram: 32 KiB (`netlink_dump()` in its `net/netlink/af_netlink.c`).
const LARGEST_DATAGRAM: usize = 64 << 10;

/// What a datagram takes of the buffer beside itself, and more: 32 bytes (`netlink_sendmsg()`, there).
const SLACK: usize = 4 << 10;

/// How often a list is asked for that somebody changes while it is being read.
const TRIES: usize = 20;

/// A netlink socket of netfilter. The kernel answers while it is being asked: nothing here waits.
#[derive(Debug)]
pub(in crate::firewall) struct Socket {
    fd: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
    tries: usize,
    /// How much can be sent at once, as far as we have asked.
    room: usize,
}

/// Why the kernel did not do what it was asked for.
#[derive(Debug, Error)]
pub(in crate::firewall) enum Refusal {
    /// What it thinks of it, and its words if it has any.
    #[error("{}{}", io::Error::from(*.0), .1.as_ref().map(|words| format!(" ({words})")).unwrap_or_default())]
    Kernel(Errno, Option<String>),
    /// The socket fails.
    #[error(transparent)]
    Socket(#[from] io::Error),
}

impl Refusal {
    /// Whether it was for this reason.
    pub(in crate::firewall) fn is(&self, errno: Errno) -> bool {
        self.errno() == Some(errno)
    }

    /// The kernel's reason.
    pub(in crate::firewall) fn errno(&self) -> Option<Errno> {
        match self {
            Self::Kernel(errno, _) => Some(*errno),
            Self::Socket(error) => Errno::from_io_error(error),
        }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Socket(errno.into())
    }
}

impl Socket {
    /// A socket that hears of what happens in these groups (`1 << (NFNLGRP_* - 1)`), or only what it asks for.
    pub(in crate::firewall) fn open(groups: u32) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(NETFILTER))?;
        bind(&fd, &SocketAddrNetlink::new(0, groups))?;
        // A kernel that doesn't know this only says less.
        let _ = sys::netlink::explain_refusals(&fd);
        Ok(Self { fd, buffer: vec![0; LARGEST_DATAGRAM], sequence: 0, tries: TRIES, room: 0 })
    }

    /// Has lists be asked for at most so often.
    pub(in crate::firewall) fn try_lists(&mut self, tries: usize) {
        self.tries = tries;
    }

    /// The number by which changes made over this socket are known.
    pub(in crate::firewall) fn number(&self) -> io::Result<u32> {
        Ok(SocketAddrNetlink::try_from(getsockname(&self.fd)?)?.pid())
    }

    /// Makes changes, all or none. With a basis: if the ruleset has not changed since, else the refusal is `ERESTART`.
    pub(in crate::firewall) fn change(
        &mut self,
        basis: Option<Generation>,
        write: impl FnOnce(&mut Batch),
    ) -> Result<(), Refusal> {
        let sequence = self.next_sequence();
        let mut batch = Batch::new(sequence, basis);
        write(&mut batch);
        self.send(&batch.finish())?;
        // Where something is refused, the last change is still answered as if it were made, if it would have been right.
        let mut refusal = None;
        while let Some(datagram) = self.receive()? {
            for message in messages(datagram) {
                match message? {
                    Message { sequence: number, .. } if number != sequence => {}
                    Message { content: Content::Done, .. } => return refusal.map_or(Ok(()), Err),
                    Message { content: Content::Refused(errno, words), .. } => {
                        let this = || Refusal::Kernel(errno, words.map(str::to_owned));
                        refusal = refusal.or_else(|| Some(this()));
                    }
                    Message { .. } => {}
                }
            }
        }
        Err(refusal.unwrap_or_else(no_answer))
    }

    /// Asks for one thing.
    pub(in crate::firewall) fn ask<T>(
        &mut self,
        kind: u8,
        family: u8,
        write: impl FnOnce(&mut Writer),
        read: impl FnOnce(Reply<'_>) -> T,
    ) -> Result<T, Refusal> {
        let sequence = self.request(kind, 0, family, write)?;
        while let Some(datagram) = self.receive()? {
            for message in messages(datagram) {
                match message? {
                    Message { sequence: number, .. } if number != sequence => {}
                    Message { content: Content::Reply(reply), .. } => return Ok(read(reply)),
                    Message { content: Content::Refused(errno, words), .. } => {
                        return Err(Refusal::Kernel(errno, words.map(str::to_owned)));
                    }
                    Message { .. } => {}
                }
            }
        }
        Err(no_answer())
    }

    /// Asks for a list, again if it was changed while it was being read, and takes what `read` makes of its members.
    pub(in crate::firewall) fn list<T>(
        &mut self,
        kind: u8,
        family: u8,
        write: impl Fn(&mut Writer),
        mut read: impl FnMut(Reply<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Refusal> {
        for _ in 0..self.tries {
            let sequence = self.request(kind, NLM_F_DUMP, family, &write)?;
            if let Some(list) = self.receive_list(sequence, &mut read)? {
                return Ok(list);
            }
        }
        Err(Refusal::Socket(io::Error::other("the ruleset changes faster than it can be read")))
    }

    /// The state of the ruleset.
    pub(in crate::firewall) fn generation(&mut self) -> Result<Generation, Refusal> {
        const ID: u16 = 1; // NFTA_GEN_ID
        let read = |reply: Reply<'_>| reply.attributes.number(ID);
        let number = self.ask(kind::GETGEN, family::UNSPECIFIED, |_| {}, read)?;
        number.map(Generation).ok_or_else(no_answer)
    }

    /// The next datagram from the kernel, if there is one.
    pub(in crate::firewall) fn receive(&mut self) -> Result<Option<&[u8]>, Errno> {
        let taken = loop {
            match retry_on_intr(|| recvfrom(&self.fd, self.buffer.as_mut_slice(), RecvFlags::empty())) {
                Ok((taken, _, sender)) => {
                    let sender = sender.map(SocketAddrNetlink::try_from).transpose()?;
                    // Another process may write to us, too: nothing that we would believe.
                    if sender.is_some_and(|sender| sender.pid() == KERNEL.pid()) {
                        break taken;
                    }
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(error),
            }
        };
        Ok(self.buffer.get(..taken))
    }

    /// None if the list is not of one moment.
    fn receive_list<T>(
        &mut self,
        sequence: u32,
        read: &mut impl FnMut(Reply<'_>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Refusal> {
        let mut list = Vec::new();
        let (mut is_whole, mut is_over) = (true, false);
        while !is_over {
            let Some(datagram) = self.receive()? else { return Err(no_answer()) };
            for message in messages(datagram) {
                let Message { sequence: number, flags, content } = message?;
                if number != sequence {
                    continue;
                }
                is_whole &= flags & NLM_F_DUMP_INTR == 0;
                match content {
                    Content::Reply(reply) => list.extend(read(reply)),
                    Content::Done => is_over = true,
                    Content::Refused(Errno::INTR, _) => return Ok(None),
                    Content::Refused(errno, words) => {
                        return Err(Refusal::Kernel(errno, words.map(str::to_owned)));
                    }
                    Content::Other => {}
                }
            }
        }
        Ok(is_whole.then_some(list))
    }

    fn request(
        &mut self,
        kind: u8,
        flags: u16,
        family: u8,
        write: impl FnOnce(&mut Writer),
    ) -> Result<u32, Refusal> {
        let sequence = self.next_sequence();
        let mut attributes = Writer::default();
        write(&mut attributes);
        let mut bytes = Vec::new();
        let header = Header { kind: in_nf_tables(kind), flags, sequence };
        header.write(&mut bytes, family, 0, &attributes.into_bytes());
        self.send(&bytes)?;
        Ok(sequence)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.make_room(bytes.len())?;
        retry_on_intr(|| sendto(&self.fd, bytes, SendFlags::empty(), &KERNEL))?;
        Ok(())
    }

    /// A datagram has to fit into the buffer as a whole, or the kernel says `EMSGSIZE`. Beyond what is usual
    /// (`net.core.wmem_max`) it takes a right of its own.
    fn make_room(&mut self, length: usize) -> Result<(), Errno> {
        let wanted = length.saturating_add(SLACK);
        if self.room >= wanted {
            return Ok(());
        }
        self.room = socket_send_buffer_size(&self.fd)?;
        if self.room < wanted {
            if set_socket_send_buffer_size_force(&self.fd, wanted).is_err() {
                // As much as there is without it may do.
                let _ = set_socket_send_buffer_size(&self.fd, wanted);
            }
            self.room = socket_send_buffer_size(&self.fd)?;
        }
        Ok(())
    }

    fn next_sequence(&mut self) -> u32 {
        // Changes that nobody asked for may bear the number 0.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        self.sequence
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn no_answer() -> Refusal {
    Refusal::Socket(io::Error::new(
        io::ErrorKind::InvalidData,
        "the kernel gives no answer that can be understood",
    ))
}
