//! The table `inet knockd` as it is in the kernel.

use super::nf_tables::{
    attributes::{Attributes, Writer},
    constants::{NFTA_TABLE, NFTA_TABLE_FLAGS, chain, family, hook, message, rule, set},
    message::Reply,
    socket::{Refusal, Socket},
};

/// What it is called; its family is `inet`.
pub(super) const TABLE: &str = "knockd";

/// Whether something that the kernel tells of is in it.
pub(super) fn is_ours(reply: Reply<'_>) -> bool {
    reply.family == family::INET && reply.attributes.text(NFTA_TABLE) == Some(TABLE)
}

/// Everything in it but the elements of its sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnTable {
    /// `enum nft_table_flags`; none if the table is not there.
    pub(super) flags: Option<u32>,
    pub(super) chains: Vec<Chain>,
    pub(super) sets: Vec<Set>,
    /// The rules by their chains and the numbers that the kernel has given them. A rule that is changed gets another.
    rules: Vec<(String, u64)>,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) name: String,
    /// Where packets come in, if not from another chain.
    pub(super) base: Option<Base>,
}

/// Where a chain stands in the way of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// Its type, of which `filter` is the one for what is done here.
    pub(super) kind: String,
    /// `enum nf_inet_hooks` (linux/netfilter.h).
    pub(super) hook: u32,
    /// Lower ones come first.
    pub(super) priority: i32,
    /// What becomes of packets about which no rule decides (`enum nft_verdicts`).
    pub(super) policy: i32,
}

/// A set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) name: String,
    /// `enum nft_set_flags`.
    pub(super) flags: u32,
    pub(super) key_type: u32,
}

impl OwnTable {
    /// Asks the kernel for it. A table that is not there has nothing in it.
    pub(super) fn read(socket: &mut Socket) -> Result<Self, Refusal> {
        let ours = |reply: &Reply<'_>| is_ours(*reply);
        let flags = socket.list(
            message::GETTABLE,
            family::INET,
            |_| {},
            |reply| {
                Some(reply).filter(ours).map(|reply| reply.attributes.number(NFTA_TABLE_FLAGS).unwrap_or(0))
            },
        )?;
        let flags = flags.first().copied();
        let chains = socket.list(
            message::GETCHAIN,
            family::INET,
            |_| {},
            |reply| Some(reply).filter(ours).and_then(|reply| Chain::read(reply.attributes)),
        )?;
        let sets = socket.list(
            message::GETSET,
            family::INET,
            |_| {},
            |reply| Some(reply).filter(ours).and_then(|reply| Set::read(reply.attributes)),
        )?;
        let of_table = |attributes: &mut Writer| {
            attributes.text(NFTA_TABLE, TABLE);
        };
        let rules = socket.list(message::GETRULE, family::INET, of_table, |reply| {
            let chain = reply.attributes.text(rule::CHAIN)?.to_owned();
            Some((chain, reply.attributes.long_number(rule::HANDLE)?)).filter(|_| is_ours(reply))
        })?;
        Ok(Self { flags, chains, sets, rules })
    }
}

impl Chain {
    /// What a message tells of a chain.
    pub(super) fn read(attributes: Attributes<'_>) -> Option<Self> {
        let name = attributes.text(chain::NAME)?.to_owned();
        let base = attributes.nested(chain::HOOK).and_then(|place| {
            Some(Base {
                kind: attributes.text(chain::TYPE)?.to_owned(),
                hook: place.number(hook::NUMBER)?,
                priority: place.signed_number(hook::PRIORITY)?,
                policy: attributes.signed_number(chain::POLICY)?,
            })
        });
        Some(Self { name, base })
    }
}

impl Set {
    /// What a message tells of a set.
    pub(super) fn read(attributes: Attributes<'_>) -> Option<Self> {
        Some(Self {
            name: attributes.text(set::NAME)?.to_owned(),
            flags: attributes.number(set::FLAGS).unwrap_or(0),
            key_type: attributes.number(set::KEY_TYPE).unwrap_or(0),
        })
    }
}
