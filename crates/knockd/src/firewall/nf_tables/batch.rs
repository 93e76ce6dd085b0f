//! Changes that the kernel makes all at once, or not at all.

use netlink_packet_core::NLM_F_ACK;

use super::{
    attributes::Writer,
    constants::family,
    message::{self, Header},
};

/// Changes in their order.
#[derive(Debug)]
pub(in crate::firewall) struct Batch {
    bytes: Vec<u8>,
    sequence: u32,
    /// Where the last change begins.
    last: usize,
}

/// A state of the ruleset: each transaction makes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::firewall) struct Generation(pub(in crate::firewall) u32);

/// The kinds of the messages before and behind a batch, `NFNL_MSG_BATCH_BEGIN` and `NFNL_MSG_BATCH_END`, and the
/// attribute of the first one, `NFNL_BATCH_GENID` (linux/netfilter/nfnetlink.h).
const BEGIN: u16 = 16;
const END: u16 = 17;
const GENERATION: u16 = 1;

impl Batch {
    /// Changes that the kernel refuses if the ruleset is not in this state any more; without one they are made in any.
    pub(super) fn new(sequence: u32, basis: Option<Generation>) -> Self {
        let mut batch = Self { bytes: Vec::with_capacity(1024), sequence, last: 0 };
        let mut attributes = Writer::default();
        if let Some(Generation(number)) = basis {
            attributes.number(GENERATION, number);
        }
        batch.frame(BEGIN, &attributes.into_bytes());
        batch
    }

    /// One more change: its kind, what it does if something is there already (`NLM_F_*`), and in tables of which
    /// family.
    pub(in crate::firewall) fn add(
        &mut self,
        kind: u8,
        flags: u16,
        family: u8,
        write: impl FnOnce(&mut Writer),
    ) {
        let mut attributes = Writer::default();
        write(&mut attributes);
        self.last = self.bytes.len();
        let header = Header { kind: message::in_nf_tables(kind), flags, sequence: self.sequence };
        header.write(&mut self.bytes, family, 0, &attributes.into_bytes());
    }

    /// The whole datagram. The last change asks for an answer.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.frame(END, &[]);
        message::add_flags(&mut self.bytes, self.last, NLM_F_ACK);
        self.bytes
    }

    fn frame(&mut self, kind: u16, attributes: &[u8]) {
        let header = Header { kind, flags: 0, sequence: self.sequence };
        header.write(&mut self.bytes, family::UNSPECIFIED, message::SUBSYSTEM, attributes);
    }
}
