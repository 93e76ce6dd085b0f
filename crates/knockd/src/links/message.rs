//! The messages in a datagram from the kernel.

use netlink_packet_core::{
    DoneBuffer, ErrorBuffer, NLM_F_DUMP_INTR, NLMSG_ALIGNTO, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
};

use super::notice::{Notice, Unreadable};

/// The messages of one datagram, in order. What follows one whose length is wrong can't be told apart and is given up.
#[derive(Debug)]
pub(super) struct Messages<'a> {
    rest: &'a [u8],
}

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    /// The number of the request that it answers, if it answers one of ours.
    pub(super) sequence: u32,
    /// Whether what it belongs to changed while it was being read, so that something may be missing.
    pub(super) interrupted: bool,
    pub(super) body: Body,
}

/// What a message says.
#[derive(Debug)]
pub(super) enum Body {
    Notice(Notice),
    /// The answer to a request ends here, well or with an error number (errno(3)).
    End(Result<(), i32>),
    /// Nothing about interfaces.
    Other,
}

impl<'a> Messages<'a> {
    pub(super) fn of(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let message = match NetlinkBuffer::new_checked(rest) {
            Ok(message) => message,
            Err(error) => return Some(Err(error.into())),
        };
        let length =
            usize::try_from(message.length()).unwrap_or(rest.len()).next_multiple_of(NLMSG_ALIGNTO.into());
        self.rest = rest.get(length..).unwrap_or_default();
        Some(body(message.message_type(), message.payload()).map(|body| Message {
            sequence: message.sequence_number(),
            interrupted: message.flags() & NLM_F_DUMP_INTR != 0,
            body,
        }))
    }
}

fn body(kind: u16, payload: &[u8]) -> Result<Body, Unreadable> {
    Ok(match kind {
        NLMSG_ERROR => Body::End(result(ErrorBuffer::new_checked(payload)?.code().map_or(0, i32::from))),
        // Some kernels end an answer without saying how (netlink(7) promises an int).
        NLMSG_DONE if payload.is_empty() => Body::End(Ok(())),
        NLMSG_DONE => Body::End(result(DoneBuffer::new_checked(payload)?.code())),
        _ => Notice::parse(kind, payload)?.map_or(Body::Other, Body::Notice),
    })
}

/// The kernel answers 0 or an error number below it.
fn result(code: i32) -> Result<(), i32> {
    if code == 0 { Ok(()) } else { Err(code.saturating_abs()) }
}

#[cfg(test)]
mod tests {
    use knock_core::interface::InterfaceIndex;
    use netlink_packet_core::{DoneMessage, NetlinkHeader, NetlinkMessage, NetlinkPayload};
    use netlink_packet_route::{
        RouteNetlinkMessage,
        link::{LinkAttribute, LinkMessage},
    };
    use proptest::prelude::*;

    use super::*;

    fn bytes(payload: NetlinkPayload<RouteNetlinkMessage>, flags: u16) -> Vec<u8> {
        let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload);
        message.header.sequence_number = 7;
        message.header.flags = flags;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    }

    fn link(index: u32, name: &str) -> LinkMessage {
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.attributes = vec![LinkAttribute::IfName(name.to_owned())];
        link
    }

    /// An interface that comes and goes, and the end of an answer.
    fn datagram() -> Vec<u8> {
        let mut datagram = bytes(RouteNetlinkMessage::NewLink(link(2, "eth0")).into(), 0);
        datagram.extend(bytes(RouteNetlinkMessage::DelLink(link(2, "eth0")).into(), NLM_F_DUMP_INTR));
        datagram.extend(bytes(NetlinkPayload::Done(DoneMessage::default()), 0));
        datagram
    }

    #[test]
    fn messages_come_one_after_the_other() {
        let datagram = datagram();
        let messages: Vec<_> = Messages::of(&datagram).map(Result::unwrap).collect();
        let [new, gone, end] = messages.as_slice() else { panic!("{messages:?}") };
        assert!(matches!(&new.body, Body::Notice(Notice::Link { name, .. }) if name == "eth0"));
        assert!(matches!(gone.body, Body::Notice(Notice::LinkGone(InterfaceIndex(2)))));
        assert!(matches!(end.body, Body::End(Ok(()))));
        assert_eq!(
            messages.iter().map(|message| message.interrupted).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert_eq!(end.sequence, 7);
    }

    #[test]
    fn an_unreadable_message_does_not_hide_the_next() {
        let mut datagram = bytes(RouteNetlinkMessage::NewLink(link(0, "eth0")).into(), 0);
        datagram.extend(self::datagram());
        let messages: Vec<_> = Messages::of(&datagram).collect();
        assert!(matches!(messages[0], Err(Unreadable::NoIndex)));
        assert_eq!(messages.iter().filter(|message| message.is_ok()).count(), 3);
    }

    #[test]
    fn after_a_wrong_length_nothing_can_be_told_apart() {
        for length in [0, 15, u32::MAX] {
            let mut datagram = datagram();
            datagram[..4].copy_from_slice(&length.to_ne_bytes());
            let messages: Vec<_> = Messages::of(&datagram).collect();
            assert!(matches!(messages.as_slice(), [Err(Unreadable::Malformed(_))]), "{messages:?}");
        }
    }

    #[test]
    fn an_answer_ends_well_or_with_an_error_number() {
        let end = |kind, payload: &[u8]| match body(kind, payload).unwrap() {
            Body::End(result) => result,
            other => panic!("{other:?}"),
        };
        assert_eq!(end(NLMSG_DONE, b""), Ok(()));
        assert_eq!(end(NLMSG_DONE, &0_i32.to_ne_bytes()), Ok(()));
        assert_eq!(end(NLMSG_DONE, &(-libc::EPERM).to_ne_bytes()), Err(libc::EPERM));
        assert_eq!(end(NLMSG_ERROR, &(-libc::EBUSY).to_ne_bytes()), Err(libc::EBUSY));
        assert_eq!(end(NLMSG_ERROR, &i32::MIN.to_ne_bytes()), Err(i32::MAX));
        assert!(body(NLMSG_ERROR, b"").is_err());
        assert!(body(NLMSG_DONE, b"abc").is_err());
    }

    proptest! {
        #[test]
        fn no_datagram_brings_the_reader_down(datagram in prop::collection::vec(any::<u8>(), 0..256)) {
            Messages::of(&datagram).for_each(drop);
        }

        #[test]
        fn no_damage_brings_the_reader_down(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut datagram = datagram();
            for (place, byte) in damage {
                let place = place.index(datagram.len());
                datagram[place] = byte;
            }
            Messages::of(&datagram).for_each(drop);
        }
    }
}
