//! Frames put on a cable as they are.

use std::{
    io::IoSlice,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    ifaddrs::getifaddrs,
    sys::socket::{
        AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, SockaddrLike, sendmmsg, sendto,
        socket,
    },
};

use super::Namespace;
use crate::trouble::{Outcome, Trouble, While};

/// One end of a cable, held by a packet socket (packet(7)).
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
    end: LinkAddr,
}

impl Wire {
    /// The end called `interface` in `host`. It is of no more use when the interface has gone.
    pub fn open(host: &Namespace, interface: &str) -> Outcome<Self> {
        host.inside(|| {
            // Protocol 0: a socket that only sends.
            let flags = SockFlag::SOCK_CLOEXEC;
            let socket =
                socket(AddressFamily::Packet, SockType::Raw, flags, None).while_("a packet socket")?;
            let mut all = getifaddrs()?.filter(|entry| entry.interface_name == interface);
            let end = all.find_map(|entry| entry.address?.as_link_addr().copied());
            let end = end.ok_or_else(|| Trouble::new(format!("there is no interface {interface}")))?;
            Ok(Self { socket, end })
        })
    }

    /// Sends a frame, from its Ethernet header on.
    pub fn send(&self, frame: &[u8]) -> Outcome {
        debug_assert_eq!(self.end.family(), Some(AddressFamily::Packet));
        sendto(self.socket.as_raw_fd(), frame, &self.end, MsgFlags::empty()).while_("sending a frame")?;
        Ok(())
    }

    /// Sends frames, all in one system call if the kernel takes them so. For floods.
    pub fn send_all(&self, frames: &[Vec<u8>]) -> Outcome {
        let slices: Vec<[IoSlice<'_>; 1]> = frames.iter().map(|frame| [IoSlice::new(frame)]).collect();
        let ends = vec![Some(self.end); frames.len()];
        let mut sent = 0;
        while let (Some(slices @ [_, ..]), Some(ends)) = (slices.get(sent..), ends.get(sent..)) {
            let mut headers = MultiHeaders::preallocate(slices.len(), None);
            let socket = self.socket.as_raw_fd();
            let results = sendmmsg(socket, &mut headers, slices, ends, [], MsgFlags::empty());
            sent += results.while_("sending frames")?.count();
        }
        Ok(())
    }
}
