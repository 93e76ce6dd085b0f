//! What of others has a say about packets to this host, as it was seen last.

use std::collections::BTreeSet;

use super::{
    super::{
        nf_tables::{
            constants::{NFTA_TABLE, elements, family, message as kind},
            message::Reply,
        },
        own_table::{Chain, is_ours},
    },
    ruleset::{Table, is_on_the_way},
};

/// Tables, by family and name, and the sets in them that rules look something up in.
#[derive(Debug)]
pub(in crate::firewall) struct Sight {
    tables: BTreeSet<(u8, String)>,
    sets: BTreeSet<(u8, String, String)>,
}

impl Sight {
    pub(super) fn of(tables: &[Table]) -> Self {
        let sets = |table: &Table| {
            let named = |set: &String| (table.family, table.name.clone(), set.clone());
            table.sets.keys().map(named).collect::<Vec<_>>()
        };
        Self {
            tables: tables.iter().map(|table| (table.family, table.name.clone())).collect(),
            sets: tables.iter().flat_map(sets).collect(),
        }
    }

    /// Whether a change of somebody else's may make another chain an obstacle, or one none any more. As long as it is not
    /// known what is in sight, anything is.
    pub(in crate::firewall) fn is_changed(sight: Option<&Self>, reply: Reply<'_>) -> bool {
        if ![family::INET, family::IP, family::IP6].contains(&reply.family) || is_ours(reply) {
            return false;
        }
        let Some(table) = reply.attributes.text(NFTA_TABLE) else { return false };
        let is_seen = || sight.is_none_or(|sight| sight.tables.contains(&(reply.family, table.to_owned())));
        match reply.kind {
            // It may have been asleep, and was not seen.
            kind::NEWTABLE => true,
            kind::DELTABLE | kind::NEWRULE | kind::DELRULE | kind::DELCHAIN => is_seen(),
            kind::NEWCHAIN => {
                let base = || Chain::read(reply.attributes).and_then(|chain| chain.base);
                is_seen() || base().as_ref().is_some_and(is_on_the_way)
            }
            kind::NEWSETELEM | kind::DELSETELEM => sight.is_none_or(|sight| {
                let set = reply.attributes.text(elements::SET).map(str::to_owned);
                set.is_some_and(|set| sight.sets.contains(&(reply.family, table.to_owned(), set)))
            }),
            _ => false,
        }
    }
}
