//! The socket between the two halves.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
        sockopt::set_socket_send_buffer_size,
    },
};
use thiserror::Error;

use super::{
    frame::{Frame, LENGTH, Malformed},
    pace::IN_FLIGHT,
};

/// One end of the conversation. Nothing here ever blocks: what can't go out yet is kept until [`Channel::flush`].
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    waiting: VecDeque<(Frame, Option<OwnedFd>)>,
    sent: u64,
}

/// What came through the channel.
#[derive(Debug)]
pub enum Received {
    /// A message, and the descriptor that came with it.
    Message(Frame, Option<OwnedFd>),
    /// There is nothing more for now.
    Nothing,
    /// The other half is gone.
    Closed,
}

/// Why nothing could be received.
#[derive(Debug, Error)]
pub enum ReceiveError {
    /// The other half sent what is no message.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The socket failed.
    #[error("the socket between the two halves failed: {0}")]
    Socket(#[from] io::Error),
}

impl Channel {
    /// Two ends: one to keep, and one to give to another process.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        for end in [&ours, &theirs] {
            set_socket_send_buffer_size(end, IN_FLIGHT)?;
        }
        Ok((Self::new(ours), theirs))
    }

    /// The end that another process made.
    #[must_use]
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, waiting: VecDeque::new(), sent: 0 }
    }

    /// Whether messages wait for the other half to read.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many messages have gone out.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends a message, behind those that wait.
    pub fn send(&mut self, frame: Frame, descriptor: Option<OwnedFd>) -> io::Result<()> {
        if self.is_congested() || !self.goes_out(&frame, descriptor.as_ref())? {
            self.waiting.push_back((frame, descriptor));
        }
        self.flush()
    }

    /// Sends as many of the waiting messages as go out now.
    pub fn flush(&mut self) -> io::Result<()> {
        while let Some((frame, descriptor)) = self.waiting.pop_front() {
            if !self.goes_out(&frame, descriptor.as_ref())? {
                self.waiting.push_front((frame, descriptor));
                return Ok(());
            }
        }
        Ok(())
    }

    fn goes_out(&mut self, frame: &Frame, descriptor: Option<&OwnedFd>) -> io::Result<bool> {
        loop {
            match transmit(&self.socket, frame, descriptor) {
                Ok(()) => {
                    self.sent += 1;
                    return Ok(true);
                }
                Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes the next message.
    pub fn receive(&self) -> Result<Received, ReceiveError> {
        let mut frame = [0; LENGTH];
        // One byte more than a message has, to notice one that is too long.
        let mut excess = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut frame), IoSliceMut::new(&mut excess)];
        let length = loop {
            match recvmsg(&self.socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Ok(message) => break message.bytes,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Received::Nothing),
                Err(Errno::CONNRESET) => return Ok(Received::Closed),
                Err(error) => return Err(io::Error::from(error).into()),
            }
        };
        let descriptor = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        match length {
            0 => Ok(Received::Closed),
            LENGTH => Ok(Received::Message(frame, descriptor)),
            _ => Err(Malformed("wrong length").into()),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn transmit(socket: &OwnedFd, frame: &Frame, descriptor: Option<&OwnedFd>) -> rustix::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor.as_fd()]);
    if let Some(descriptors) = &descriptors {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    sendmsg(socket, &[IoSlice::new(frame)], &mut ancillary, SendFlags::NOSIGNAL).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(received: Received) -> (Frame, Option<OwnedFd>) {
        match received {
            Received::Message(frame, descriptor) => (frame, descriptor),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn messages_and_descriptors_arrive_in_order() {
        let (mut near, far) = Channel::pair().unwrap();
        let far = Channel::new(far);
        let file = std::fs::File::open("/dev/null").unwrap();
        near.send([1; LENGTH], Some(file.into())).unwrap();
        near.send([2; LENGTH], None).unwrap();
        let (first, descriptor) = message(far.receive().unwrap());
        assert_eq!((first, descriptor.is_some()), ([1; LENGTH], true));
        let (second, descriptor) = message(far.receive().unwrap());
        assert_eq!((second, descriptor.is_some()), ([2; LENGTH], false));
        assert!(matches!(far.receive(), Ok(Received::Nothing)));
        drop(near);
        assert!(matches!(far.receive(), Ok(Received::Closed)));
    }

    #[test]
    fn what_does_not_go_out_waits_and_nothing_is_lost() {
        let (mut near, far) = Channel::pair().unwrap();
        let far = Channel::new(far);
        let mut sent = 0_u64;
        while !near.is_congested() || sent < 5000 {
            let mut frame = [0; LENGTH];
            frame[..8].copy_from_slice(&sent.to_le_bytes());
            near.send(frame, None).unwrap();
            sent += 1;
        }
        // The rates that the monitor bears rely on it.
        assert!(near.sent() < 1024, "{}", near.sent());
        for expected in 0..sent {
            near.flush().unwrap();
            let (frame, _) = message(far.receive().unwrap());
            assert_eq!(frame[..8], expected.to_le_bytes());
        }
        assert_eq!((near.is_congested(), near.sent()), (false, sent));
    }

    #[test]
    fn a_datagram_of_another_length_is_no_message() {
        let (near, far) = Channel::pair().unwrap();
        let far = Channel::new(far);
        for length in [1, LENGTH - 1, LENGTH + 1, 4 * LENGTH] {
            rustix::net::send(&near, &vec![0; length], SendFlags::empty()).unwrap();
            assert!(matches!(far.receive(), Err(ReceiveError::Malformed(_))), "{length}");
        }
    }
}
