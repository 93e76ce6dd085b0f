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
#[derive(Debug, Default)]
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

    /// Whether a change of somebody else's may make another chain an obstacle, or one none any more.
    pub(in crate::firewall) fn is_changed_by(&self, reply: Reply<'_>) -> bool {
        if ![family::INET, family::IP, family::IP6].contains(&reply.family) || is_ours(reply) {
            return false;
        }
        let Some(table) = reply.attributes.text(NFTA_TABLE) else { return false };
        let is_seen = || self.tables.contains(&(reply.family, table.to_owned()));
        match reply.kind {
            // It may have been asleep, and was not seen.
            kind::NEWTABLE => true,
            kind::DELTABLE | kind::NEWRULE | kind::DELRULE | kind::DELCHAIN => is_seen(),
            kind::NEWCHAIN => {
                is_seen()
                    || Chain::read(reply.attributes)
                        .is_some_and(|chain| chain.base.as_ref().is_some_and(is_on_the_way))
            }
            kind::NEWSETELEM | kind::DELSETELEM => reply
                .attributes
                .text(elements::SET)
                .is_some_and(|set| self.sets.contains(&(reply.family, table.to_owned(), set.to_owned()))),
            _ => false,
        }
    }
}
