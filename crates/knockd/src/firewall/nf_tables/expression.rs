//! Expressions, of which rules are made: what nft(8) writes as `tcp dport 22` are four of them.

use std::ops::RangeInclusive;

use super::{
    attributes::Writer,
    constants::{
        NFTA_LIST_ELEM, bitwise, cmp, ct, ct_state, data, expression, immediate, lookup, meta, payload,
        register, verdict,
    },
};

/// The list of a rule's expressions.
#[derive(Debug)]
pub(in crate::firewall) struct Expressions<'a>(pub(in crate::firewall) &'a mut Writer);

/// A set as a rule of the same batch names it.
#[derive(Clone, Copy, Debug)]
pub(in crate::firewall) struct SetReference<'a> {
    pub(in crate::firewall) name: &'a str,
    /// The number that a set without a name of its own has in this batch.
    pub(in crate::firewall) id: Option<u32>,
}

impl Expressions<'_> {
    /// Goes on if the packet belongs or is related to a connection that was made.
    pub(in crate::firewall) fn belongs_to_a_connection(&mut self) -> &mut Self {
        let mask = ct_state::ESTABLISHED | ct_state::RELATED;
        self.add("ct", |data| {
            data.number(ct::KEY, ct::KEY_STATE).number(ct::DESTINATION, register::FIRST);
        });
        self.mask(mask.to_ne_bytes()).compare(cmp::NOT_EQUAL, &[0; 4])
    }

    /// Clears the bits of what was taken that are not set in `mask`.
    pub(in crate::firewall) fn mask<const LENGTH: usize>(&mut self, mask: [u8; LENGTH]) -> &mut Self {
        self.add("bitwise", |data| {
            data.number(bitwise::SOURCE, register::FIRST).number(bitwise::DESTINATION, register::FIRST);
            data.number(bitwise::LENGTH, u32::try_from(LENGTH).unwrap_or(0));
            value(data, bitwise::MASK, &mask);
            value(data, bitwise::XOR, &[0; LENGTH]);
        })
    }

    /// Goes on if this value of the packet (`enum nft_meta_keys`) is that one.
    pub(in crate::firewall) fn meta_is(&mut self, key: u32, wanted: &[u8]) -> &mut Self {
        self.add("meta", |data| {
            data.number(meta::KEY, key).number(meta::DESTINATION, register::FIRST);
        });
        self.compare(cmp::EQUAL, wanted)
    }

    /// Takes these bytes of a header (`enum nft_payload_bases`).
    pub(in crate::firewall) fn load(&mut self, base: u32, bytes: RangeInclusive<u32>) -> &mut Self {
        let length = bytes.end() - bytes.start() + 1;
        self.add("payload", |data| {
            data.number(payload::DESTINATION, register::FIRST).number(payload::BASE, base);
            data.number(payload::OFFSET, *bytes.start()).number(payload::LENGTH, length);
        })
    }

    /// Goes on if what was taken compares so (`enum nft_cmp_ops`) with this.
    pub(in crate::firewall) fn compare(&mut self, operation: u32, with: &[u8]) -> &mut Self {
        self.add("cmp", |data| {
            data.number(cmp::SOURCE, register::FIRST).number(cmp::OPERATION, operation);
            value(data, cmp::DATA, with);
        })
    }

    /// Goes on if what was taken is in a set.
    pub(in crate::firewall) fn is_in(&mut self, set: SetReference<'_>) -> &mut Self {
        self.add("lookup", |data| {
            data.number(lookup::SOURCE, register::FIRST).text(lookup::SET, set.name);
            if let Some(id) = set.id {
                data.number(lookup::SET_ID, id);
            }
        })
    }

    /// The end: what becomes of the packet (`enum nft_verdicts`), with the chain that it goes to if it does.
    pub(in crate::firewall) fn verdict(&mut self, code: i32, chain: Option<&str>) -> &mut Self {
        self.add("immediate", |data| {
            data.number(immediate::DESTINATION, register::VERDICT);
            data.nested(immediate::DATA, |data| {
                data.nested(data::VERDICT, |outcome| {
                    outcome.number(verdict::CODE, code.cast_unsigned());
                    if let Some(chain) = chain {
                        outcome.text(verdict::CHAIN, chain);
                    }
                });
            });
        })
    }

    fn add(&mut self, name: &str, write: impl FnOnce(&mut Writer)) -> &mut Self {
        self.0.nested(NFTA_LIST_ELEM, |member| {
            member.text(expression::NAME, name).nested(expression::DATA, write);
        });
        self
    }
}

/// A value as an attribute of this kind.
pub(in crate::firewall) fn value(writer: &mut Writer, kind: u16, bytes: &[u8]) {
    writer.nested(kind, |inner| {
        inner.bytes(data::VALUE, bytes);
    });
}
