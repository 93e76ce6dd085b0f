//! The socket over which the kernel tells of interfaces: whole lists on request, and every change unasked.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage};
use netlink_packet_route::{RouteNetlinkMessage, address::AddressMessage, link::LinkMessage};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, retry_on_intr},
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, netlink::SocketAddrNetlink,
        recvfrom, sendto, socket_with,
    },
};

/// The groups that a socket can be in when it is bound (linux/rtnetlink.h).
const GROUPS: u32 = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR).cast_unsigned();

/// The kernel's own address on a netlink socket (netlink(7)).
const KERNEL: SocketAddrNetlink = SocketAddrNetlink::new(0, 0);

/// A netlink socket that hears of every interface and address.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

/// A whole list that the kernel can be asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum List {
    Links,
    Addresses,
}

/// What was in the socket.
#[derive(Debug)]
pub(super) enum Received<'a> {
    Datagram(&'a [u8]),
    /// Something was there but can't be had any more.
    Lost,
    Nothing,
}

impl Socket {
    /// A socket that takes in datagrams of up to `buffer` bytes at first; a larger one is lost, but not the next of
    /// its size.
    pub(super) fn open(buffer: usize) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // No protocol is number 0: NETLINK_ROUTE (netlink(7)).
        let fd = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&fd, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Self { fd, buffer: vec![0; buffer], sequence: 0 })
    }

    /// Asks for a list. The answer's messages bear the number that is returned.
    pub(super) fn request(&mut self, list: List) -> io::Result<u32> {
        // Changes that nobody asked for may bear the number 0.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        let mut message = NetlinkMessage::from(match list {
            List::Links => RouteNetlinkMessage::GetLink(LinkMessage::default()),
            List::Addresses => RouteNetlinkMessage::GetAddress(AddressMessage::default()),
        });
        message.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        retry_on_intr(|| sendto(&self.fd, &bytes, SendFlags::empty(), &KERNEL))?;
        Ok(self.sequence)
    }

    /// The next datagram from the kernel, if there is one.
    pub(super) fn receive(&mut self) -> io::Result<Received<'_>> {
        let (taken, length) = loop {
            match retry_on_intr(|| recvfrom(&self.fd, self.buffer.as_mut_slice(), RecvFlags::TRUNC)) {
                Ok((taken, length, sender)) => {
                    let sender = sender.map(SocketAddrNetlink::try_from).transpose()?;
                    // Another process may write to us, too: nothing that we would believe.
                    if sender.is_some_and(|sender| sender.pid() == KERNEL.pid()) {
                        break (taken, length);
                    }
                }
                Err(Errno::AGAIN) => return Ok(Received::Nothing),
                Err(Errno::NOBUFS) => return Ok(Received::Lost),
                Err(error) => return Err(error.into()),
            }
        };
        if length > taken {
            self.buffer.resize(length, 0);
            return Ok(Received::Lost);
        }
        Ok(self.buffer.get(..taken).map_or(Received::Nothing, Received::Datagram))
    }

    /// Waits until there is something to receive, but not longer than `limit`.
    pub(super) fn wait(&self, limit: &Timespec) -> io::Result<()> {
        let ready = retry_on_intr(|| poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(limit)))?;
        if ready == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the kernel does not list its interfaces"));
        }
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
