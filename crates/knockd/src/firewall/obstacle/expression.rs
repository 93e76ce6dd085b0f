//! What rules of others are made of, as far as it can tell what becomes of a packet.

use super::super::nf_tables::{
    attributes::Attributes,
    constants::{
        bitwise, cmp, ct, data, expression, immediate, lookup, meta, payload, range, register, verdict,
        verdict_code, xtables,
    },
};

/// One step of a rule. Registers are numbered in words of four bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// Something of the packet goes into a register.
    Load {
        to: u32,
        field: Field,
    },
    /// A value does.
    Set {
        to: u32,
        value: Vec<u8>,
    },
    /// What is in a register, masked and turned over, goes into another.
    Mask {
        from: u32,
        to: u32,
        mask: Vec<u8>,
        xor: Vec<u8>,
    },
    /// The packet goes on if what is in a register compares so (`enum nft_cmp_ops`).
    Compare {
        from: u32,
        operation: u32,
        value: Vec<u8>,
    },
    /// It goes on if that is between these two, or if it isn't.
    Range {
        from: u32,
        lowest: Vec<u8>,
        highest: Vec<u8>,
        inside: bool,
    },
    /// It goes on if that is in a set, or if it isn't; a map says what becomes of it.
    Lookup {
        from: u32,
        set: String,
        inverted: bool,
        decides: bool,
    },
    /// It goes on if an extension of iptables says so.
    Extension {
        name: String,
        revision: u32,
        info: Vec<u8>,
    },
    Decide(Verdict),
    /// It goes on.
    Nothing,
    /// Nobody knows.
    Unknown,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Drop,
    Jump(String),
    Goto(String),
    Return,
    /// It goes on in the chain.
    Continue,
    /// Nobody knows.
    Unknown,
}

/// Something of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `enum nft_meta_keys`.
    Meta(u32),
    /// `enum nft_ct_keys`.
    Connection(u32),
    /// Bytes of a header (`enum nft_payload_bases`).
    Header { base: u32, offset: u32, length: u32 },
}

impl Expression {
    /// What a member of a rule's list is.
    pub(super) fn read(member: Attributes<'_>) -> Self {
        let inner = member.nested(expression::DATA).unwrap_or(Attributes::new(&[]));
        Self::named(member.text(expression::NAME).unwrap_or_default(), inner).unwrap_or(Self::Unknown)
    }

    /// The set that it looks something up in.
    pub(super) fn set(&self) -> Option<&str> {
        if let Self::Lookup { set, .. } = self { Some(set) } else { None }
    }

    fn named(name: &str, inner: Attributes<'_>) -> Option<Self> {
        let to = |kind| inner.number(kind).map(word);
        Some(match name {
            "meta" => Self::Load { to: to(meta::DESTINATION)?, field: Field::Meta(inner.number(meta::KEY)?) },
            "ct" => Self::Load { to: to(ct::DESTINATION)?, field: Field::Connection(inner.number(ct::KEY)?) },
            "payload" => {
                let base = inner.number(payload::BASE)?;
                let (offset, length) = (inner.number(payload::OFFSET)?, inner.number(payload::LENGTH)?);
                Self::Load { to: to(payload::DESTINATION)?, field: Field::Header { base, offset, length } }
            }
            "bitwise" => {
                let (mask, xor) = (value(inner, bitwise::MASK)?, value(inner, bitwise::XOR)?);
                Self::Mask { from: to(bitwise::SOURCE)?, to: to(bitwise::DESTINATION)?, mask, xor }
            }
            "cmp" => {
                let (operation, value) = (inner.number(cmp::OPERATION)?, value(inner, cmp::DATA)?);
                Self::Compare { from: to(cmp::SOURCE)?, operation, value }
            }
            "range" => {
                let (lowest, highest) = (value(inner, range::FROM)?, value(inner, range::TO)?);
                let inside = inner.number(range::OPERATION)? == range::INSIDE;
                Self::Range { from: to(range::SOURCE)?, lowest, highest, inside }
            }
            "lookup" => Self::Lookup {
                from: to(lookup::SOURCE)?,
                set: inner.text(lookup::SET)?.to_owned(),
                inverted: inner.number(lookup::FLAGS).unwrap_or(0) & lookup::FLAG_INVERTED != 0,
                decides: match inner.number(lookup::DESTINATION) {
                    Some(register::VERDICT) => true,
                    Some(_) => return None,
                    None => false,
                },
            },
            "immediate" => {
                let inner_data = inner.nested(immediate::DATA)?;
                match inner.number(immediate::DESTINATION)? {
                    register::VERDICT => Self::Decide(Verdict::read(inner_data)),
                    other => Self::Set { to: word(other), value: inner_data.bytes(data::VALUE)?.to_vec() },
                }
            }
            "match" => Self::Extension {
                name: inner.text(xtables::NAME)?.to_owned(),
                revision: inner.number(xtables::REVISION)?,
                info: inner.bytes(xtables::INFO)?.to_vec(),
            },
            "target" => Self::Decide(match inner.text(xtables::NAME)? {
                "REJECT" => Verdict::Drop,
                "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "TRACE" | "AUDIT" => Verdict::Continue,
                _ => Verdict::Unknown,
            }),
            "reject" => Self::Decide(Verdict::Drop),
            "counter" | "log" => Self::Nothing,
            _ => Self::Unknown,
        })
    }
}

impl Verdict {
    /// The verdict in the data of an expression or of an element of a map.
    pub(super) fn read(data: Attributes<'_>) -> Self {
        let Some(verdict) = data.nested(data::VERDICT) else { return Self::Unknown };
        let chain = || verdict.text(verdict::CHAIN).map(str::to_owned);
        match verdict.signed_number(verdict::CODE) {
            Some(verdict_code::ACCEPT) => Self::Accept,
            Some(verdict_code::DROP) => Self::Drop,
            Some(verdict_code::JUMP) => chain().map_or(Self::Unknown, Self::Jump),
            Some(verdict_code::GOTO) => chain().map_or(Self::Unknown, Self::Goto),
            Some(verdict_code::RETURN) => Self::Return,
            Some(verdict_code::CONTINUE) => Self::Continue,
            _ => Self::Unknown,
        }
    }
}

fn value(inner: Attributes<'_>, kind: u16) -> Option<Vec<u8>> {
    Some(inner.nested(kind)?.bytes(data::VALUE)?.to_vec())
}

/// Registers come in words of 4 bytes, from number 8 on, and in fours of these, from number 1 on.
fn word(register: u32) -> u32 {
    if register < 8 { 4 * register + 4 } else { register }
}
