//! Descriptors that no process holds: `SCM_RIGHTS` in `unix(7)`.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// A descriptor on its way from us to us. Whatever is started meanwhile inherits the way, for a moment, but not what is
/// on it: when this value goes nobody has the descriptor but whom it was given to.
///
/// To mark it as not to be inherited is not enough: the kernel lets a parent go on (`exec_mmap` in `begin_new_exec`,
/// `fs/exec.c`) before it closes in the child what is marked so, and on a busy machine that can take long.
#[derive(Debug)]
pub(super) struct Parked(OwnedFd);

impl Parked {
    pub(super) fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (near, far) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [descriptor.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(&near, &[IoSlice::new(&[0])], &mut ancillary, SendFlags::NOSIGNAL)?;
        // From here on it is on its way alone.
        drop(descriptor);
        Ok(Self(far))
    }

    /// A copy of it. Should there be no room for one, it is still parked.
    pub(super) fn copy(&self) -> io::Result<OwnedFd> {
        self.receive(RecvFlags::PEEK)
    }

    fn receive(&self, flags: RecvFlags) -> io::Result<OwnedFd> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        recvmsg(&self.0, &mut [IoSliceMut::new(&mut [0])], &mut ancillary, flags)?;
        let descriptor = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        // That is how the kernel says that a process has as many as it may (`unix(7)`).
        descriptor.ok_or(rustix::io::Errno::MFILE.into())
    }
}

impl Drop for Parked {
    /// Were it left where it is, it would be closed with the last copy of the way.
    fn drop(&mut self) {
        let _ = self.receive(RecvFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use std::os::{fd::AsRawFd, unix::net::UnixStream};

    use rustix::io::dup;

    use super::*;

    #[test]
    fn whoever_inherits_the_way_does_not_have_what_was_on_it() {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let parked = Parked::new(near.into()).unwrap();
        // It is open still.
        let is_closed = || matches!(io::Read::read(&mut &far, &mut [0]), Ok(0));
        assert!(!is_closed());
        for _ in 0..2 {
            assert!(parked.copy().unwrap().as_raw_fd() > 2);
        }
        let _inherited = dup(&parked.0).unwrap();
        assert!(!is_closed());
        drop(parked);
        assert!(is_closed());
    }
}
