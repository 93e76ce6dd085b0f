//! Somebody else who changes our table.

use std::{
    collections::BTreeMap,
    fmt, io, mem,
    net::IpAddr,
    os::fd::{AsFd, BorrowedFd},
};

use rustix::{
    io::Errno,
    net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force},
};

use super::{
    by_hand::{ByHand, Changes},
    nf_tables::{
        constants::message as kind,
        message::{Content, Reply, messages},
        socket::{Refusal, Socket},
    },
    obstacle::Sight,
    own_table::is_ours,
};

/// What somebody else has done to the table `inet knockd`. Elements that come and go are not told: to let somebody in by
/// hand, or to shut him out ([`Firewall::by_hand`](super::Firewall::by_hand)), is no meddling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meddling {
    /// Whether the whole table is gone, and with it all openings.
    pub removed: bool,
    /// The program that did it, if it is known: its name and its process.
    pub by: Option<String>,
}

impl fmt::Display for Meddling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = if self.removed { "removed" } else { "changed" };
        match &self.by {
            Some(program) => write!(f, "the table inet knockd was {done} by {program}"),
            None => write!(f, "somebody has {done} the table inet knockd"),
        }
    }
}

/// What was to be heard of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing that matters.
    Nothing,
    /// They have changed our table.
    Meddling(Meddling),
    /// There was more than could be kept: [`Firewall::compare`](super::Firewall::compare) tells what has become of our
    /// table.
    Lost,
}

/// `1 << (NFNLGRP_NFTABLES - 1)` (linux/netfilter/nfnetlink.h): all changes of `nf_tables`.
const GROUP: u32 = 1 << 6;

/// How much may wait to be heard, in bytes: some thousand changes.
const RECEIVE_BUFFER: usize = 4 << 20;

/// How many datagrams are taken in at once.
const AT_ONCE: usize = 256;

/// Who has made a transaction: `NFTA_GEN_PROC_PID` and `NFTA_GEN_PROC_NAME` (`linux/netfilter/nf_tables.h`).
const PROCESS: u16 = 2;
const PROGRAM: u16 = 3;

/// The socket that hears of changes.
#[derive(Debug)]
pub(super) struct Listener {
    socket: Socket,
    /// Whether news may be lost: once some are, more are without a word, until nothing waits (`netlink_overrun()` and
    /// `netlink_rcv_wake()` in the kernel's `net/netlink/af_netlink.c`).
    is_lossy: bool,
    by_hand: Changes,
    /// What has been seen of others, and whether that has changed since. While somebody looks, anything may be seen.
    sight: Option<Sight>,
    is_another_sight: bool,
}

impl Listener {
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::open(GROUP)?;
        // Without the right to it a flood of changes is lost earlier.
        if set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER).is_err() {
            let _ = set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER);
        }
        Ok(Self {
            socket,
            is_lossy: false,
            by_hand: Changes::default(),
            sight: None,
            is_another_sight: false,
        })
    }

    /// Takes in what has happened, but for what was done over the socket with this number. If it is more than is taken in
    /// at once, the socket can still be read from.
    pub(super) fn hear(&mut self, own: u32) -> Result<News, Refusal> {
        let mut heard = None::<(u32, Meddling)>;
        let mut lost = self.is_lossy;
        for _ in 0..AT_ONCE {
            let datagram = match self.socket.receive() {
                Ok(Some(datagram)) => datagram,
                Ok(None) => {
                    self.is_lossy = false;
                    break;
                }
                Err(Errno::NOBUFS) => {
                    (lost, self.is_lossy) = (true, true);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            for message in messages(datagram) {
                let Content::Reply(reply) = message?.content else { continue };
                let is_own = reply.sender == own;
                self.by_hand.note(reply, is_own);
                if !is_own {
                    self.is_another_sight |= Sight::is_changed(self.sight.as_ref(), reply);
                    take_in(&mut heard, reply);
                }
            }
        }
        self.is_another_sight |= lost;
        Ok(match heard {
            Some((_, meddling)) => News::Meddling(meddling),
            None if lost => News::Lost,
            None => News::Nothing,
        })
    }

    /// Takes in that somebody looks what there is of others.
    pub(super) fn begin_look(&mut self) {
        (self.sight, self.is_another_sight) = (None, false);
    }

    /// Takes in what he has seen.
    pub(super) fn end_look(&mut self, sight: Sight) {
        self.sight = Some(sight);
    }

    /// Whether that has changed since this was asked last, as far as it was heard.
    pub(super) fn sees_another(&mut self) -> bool {
        mem::take(&mut self.is_another_sight)
    }

    /// Whom others have let in or thrown out since this was asked last, as far as it was heard, by the sets' names.
    pub(super) fn by_hand(&mut self) -> BTreeMap<(String, IpAddr), ByHand> {
        self.by_hand.take()
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A transaction's changes come one after the other, and at its end who made it.
fn take_in(heard: &mut Option<(u32, Meddling)>, reply: Reply<'_>) {
    match (reply.kind, heard.as_mut()) {
        (kind::NEWGEN, Some((sender, meddling))) if *sender == reply.sender && meddling.by.is_none() => {
            meddling.by = program(reply);
        }
        (kind::NEWGEN | kind::NEWSETELEM | kind::DELSETELEM, _) => {}
        _ if !is_ours(reply) => {}
        (done, Some((_, meddling))) => meddling.removed |= done == kind::DELTABLE,
        (done, None) => {
            *heard = Some((reply.sender, Meddling { removed: done == kind::DELTABLE, by: None }));
        }
    }
}

fn program(reply: Reply<'_>) -> Option<String> {
    let name = reply.attributes.text(PROGRAM)?;
    Some(format!("{} (process {})", name.escape_debug(), reply.attributes.number(PROCESS)?))
}
