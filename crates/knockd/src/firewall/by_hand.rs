//! Whom others let in or throw out by hand, with nft(8) for example.

use std::{collections::BTreeMap, mem, net::IpAddr, time::Duration};

use super::{
    nf_tables::{
        constants::{elements, message as kind},
        message::Reply,
    },
    opening::opening,
    own_table::is_ours,
};

/// What somebody else has done about a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// It is let in, for this time or without an end.
    LetIn(Option<Duration>),
    /// It is not let in any more.
    ThrownOut,
}

/// How many sources are remembered.
const MOST: usize = 1 << 16;

/// What others have done in sets of our table, by the set and the source, and nobody has asked for yet.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<(String, IpAddr), ByHand>);

impl Changes {
    /// Takes in a change. What was done last counts, whoever has done it.
    pub(super) fn note(&mut self, reply: Reply<'_>, is_own: bool) {
        if is_own && self.0.is_empty() || ![kind::NEWSETELEM, kind::DELSETELEM].contains(&reply.kind) {
            return;
        }
        let Some(set) = reply.attributes.text(elements::SET).filter(|_| is_ours(reply)) else { return };
        for opening in reply.attributes.list(elements::LIST).filter_map(opening) {
            let element = (set.to_owned(), opening.source);
            if is_own {
                self.0.remove(&element);
            } else if self.0.len() < MOST || self.0.contains_key(&element) {
                let is_in = reply.kind == kind::NEWSETELEM;
                self.0.insert(element, if is_in { ByHand::LetIn(opening.left) } else { ByHand::ThrownOut });
            }
        }
    }

    /// All since this was asked last.
    pub(super) fn take(&mut self) -> BTreeMap<(String, IpAddr), ByHand> {
        mem::take(&mut self.0)
    }
}
