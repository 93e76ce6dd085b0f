//! Netlink messages of netfilter: a header, `struct nfgenmsg` (linux/netfilter/nfnetlink.h), attributes.

use std::io;

use netlink_packet_core::{NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer};
use rustix::io::Errno;

use super::attributes::Attributes;

/// `NFNL_SUBSYS_NFTABLES` (linux/netfilter/nfnetlink.h).
pub(super) const SUBSYSTEM: u16 = 10;

/// The lengths of `struct nlmsghdr` (linux/netlink.h) and `struct nfgenmsg`.
const HEADER: usize = 16;
const FAMILY: usize = 4;

/// What a refusal says in words: `NLMSGERR_ATTR_MSG` (linux/netlink.h).
const REFUSAL_TEXT: u16 = 1;

/// The number of a message of this kind.
pub(super) fn in_nf_tables(kind: u8) -> u16 {
    SUBSYSTEM << 8 | u16::from(kind)
}

/// What stands in front of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: u16,
    /// `NLM_F_*` beside `NLM_F_REQUEST`.
    pub(super) flags: u16,
    pub(super) sequence: u32,
}

impl Header {
    /// Appends the message to others.
    pub(super) fn write(self, to: &mut Vec<u8>, family: u8, resource: u16, attributes: &[u8]) {
        // Nothing that is built here comes near the limit; the kernel would refuse it.
        let length = u32::try_from(HEADER + FAMILY + attributes.len()).unwrap_or(u32::MAX);
        to.extend_from_slice(&length.to_ne_bytes());
        to.extend_from_slice(&self.kind.to_ne_bytes());
        to.extend_from_slice(&(self.flags | NLM_F_REQUEST).to_ne_bytes());
        to.extend_from_slice(&self.sequence.to_ne_bytes());
        // The sender's number: the kernel fills it in.
        to.extend_from_slice(&[0; 4]);
        // The version, NFNETLINK_V0, is 0.
        to.extend_from_slice(&[family, 0]);
        to.extend_from_slice(&resource.to_be_bytes());
        to.extend_from_slice(attributes);
    }
}

/// Adds flags to the message that begins here.
pub(super) fn add_flags(bytes: &mut [u8], start: usize, flags: u16) {
    if let Some([low, high]) = bytes.get_mut(start + 6..start + 8) {
        [*low, *high] = (u16::from_ne_bytes([*low, *high]) | flags).to_ne_bytes();
    }
}

/// A message from the kernel.
#[derive(Clone, Copy, Debug)]
pub(in crate::firewall) struct Reply<'a> {
    /// What it is about: a number of [`constants::message`](super::constants::message).
    pub(in crate::firewall) kind: u8,
    /// The family of the table.
    pub(in crate::firewall) family: u8,
    pub(in crate::firewall) attributes: Attributes<'a>,
    /// Whose change it tells of: the number of his socket.
    pub(in crate::firewall) sender: u32,
}

/// What one message of a datagram is.
#[derive(Clone, Copy, Debug)]
pub(in crate::firewall) enum Content<'a> {
    Reply(Reply<'a>),
    /// The end of a list, or a change that was made.
    Done,
    Refused(Errno, Option<&'a str>),
    /// Of no interest.
    Other,
}

/// One message of a datagram.
#[derive(Clone, Copy, Debug)]
pub(in crate::firewall) struct Message<'a> {
    pub(super) sequence: u32,
    pub(super) flags: u16,
    pub(in crate::firewall) content: Content<'a>,
}

/// The messages of a datagram.
pub(in crate::firewall) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = io::Result<Message<'_>>> {
    std::iter::from_fn(move || {
        if datagram.is_empty() {
            return None;
        }
        let Some((message, rest)) = split(datagram) else {
            datagram = &[];
            return Some(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a message of netfilter is malformed",
            )));
        };
        datagram = rest;
        Some(Ok(message))
    })
}

fn split(datagram: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let header = NetlinkBuffer::new_checked(datagram).ok()?;
    let length = usize::try_from(header.length()).ok()?;
    let body = datagram.get(HEADER..length)?;
    let content = match header.message_type() {
        NLMSG_DONE | NLMSG_ERROR => outcome(body)?,
        kind if kind >> 8 == SUBSYSTEM => Content::Reply(Reply {
            kind: kind.to_be_bytes()[1],
            family: *body.first()?,
            attributes: Attributes::new(body.get(FAMILY..)?),
            sender: header.port_number(),
        }),
        _ => Content::Other,
    };
    let message = Message { sequence: header.sequence_number(), flags: header.flags(), content };
    Some((message, datagram.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// `struct nlmsgerr` (linux/netlink.h): an error number below zero or none, the header of what was asked for, and what
/// there is to say about it.
fn outcome(body: &[u8]) -> Option<Content<'_>> {
    // An end of a list may come without a number.
    let Some(number) = body.get(..4) else { return Some(Content::Done) };
    let number = i32::from_ne_bytes(number.try_into().ok()?);
    if number >= 0 {
        return Some(Content::Done);
    }
    let words = body.get(4 + HEADER..).map(Attributes::new);
    let words = words.and_then(|words| words.text(REFUSAL_TEXT)).filter(|words| !words.is_empty());
    Some(Content::Refused(Errno::from_raw_os_error(number.checked_neg()?), words))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_was_written() {
        let mut bytes = Vec::new();
        let header = Header { kind: in_nf_tables(3), flags: 0, sequence: 7 };
        header.write(&mut bytes, 1, 0, &[8, 0, 2, 0, 0, 0, 0, 9]);
        header.write(&mut bytes, 2, 0, &[]);
        add_flags(&mut bytes, 0, 4);
        let all: Vec<_> = messages(&bytes).map(Result::unwrap).collect();
        assert_eq!((all.len(), all[0].sequence, all[0].flags), (2, 7, 5));
        let Content::Reply(reply) = all[0].content else { panic!("{all:?}") };
        assert_eq!((reply.kind, reply.family, reply.attributes.number(2)), (3, 1, Some(9)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_messages_or_an_error(bytes: Vec<u8>, length in 0_u32..64, kind: u16) {
            let mut datagram = [&length.to_ne_bytes()[..], &kind.to_ne_bytes()].concat();
            datagram.extend(bytes);
            prop_assert!(messages(&datagram).count() <= datagram.len() / HEADER + 1);
        }
    }
}
