//! Rules of others, read from the kernel.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::successors,
};

use super::{
    super::{
        nf_tables::{
            attributes::{Attributes, Writer},
            constants::{
                HOOK_INPUT, NFTA_TABLE, NFTA_TABLE_FLAGS, TABLE_DORMANT, data, element, elements, family,
                key_type, message, rule, set_flag,
            },
            socket::{Refusal, Socket},
        },
        own_table::{Base, Chain, Set, is_ours},
    },
    expression::{Expression, Verdict},
};

/// A table with a chain on the way of packets to this host.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) family: u8,
    pub(super) name: String,
    /// Its chains on that way.
    pub(super) bases: Vec<(String, Base)>,
    /// All its chains.
    pub(super) rules: BTreeMap<String, Vec<Rule>>,
    pub(super) sets: BTreeMap<String, Elements>,
}

/// The steps of a rule.
pub(super) type Rule = Vec<Expression>;

/// What is in a set or a map.
#[derive(Debug)]
pub(super) struct Elements {
    /// Whether there are ranges in it: every element holds for all values up to the next.
    has_ranges: bool,
    /// In their order.
    list: Vec<Element>,
}

/// What there is in a set or a map.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    Nothing,
    Element,
    /// An element, and what becomes of the packet.
    Verdict(&'a Verdict),
}

#[derive(Debug)]
struct Element {
    key: Vec<u8>,
    is_end: bool,
    verdict: Option<Verdict>,
}

impl Table {
    /// All such tables but our own, and those that somebody has put to sleep.
    pub(super) fn read_all(socket: &mut Socket) -> Result<Vec<Self>, Refusal> {
        let asleep = socket.list(
            message::GETTABLE,
            family::UNSPECIFIED,
            |_| {},
            |reply| {
                let is_asleep = reply.attributes.number(NFTA_TABLE_FLAGS).unwrap_or(0) & TABLE_DORMANT != 0;
                let table = reply.attributes.text(NFTA_TABLE).filter(|_| is_asleep)?;
                Some((reply.family, table.to_owned()))
            },
        )?;
        let chains = socket.list(
            message::GETCHAIN,
            family::UNSPECIFIED,
            |_| {},
            |reply| {
                let sees_addresses = [family::INET, family::IP, family::IP6].contains(&reply.family);
                let table = reply.attributes.text(NFTA_TABLE)?.to_owned();
                let chain = Chain::read(reply.attributes)?;
                let table = (reply.family, table);
                let counts = sees_addresses && !is_ours(reply) && !asleep.contains(&table);
                counts.then_some((table, chain))
            },
        )?;
        let mut tables: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (table, Chain { name, base }) in chains {
            let bases = tables.entry(table).or_default();
            bases.extend(base.filter(is_on_the_way).map(|base| (name, base)));
        }
        let on_the_way = tables.into_iter().filter(|(_, bases)| !bases.is_empty());
        on_the_way.map(|((family, name), bases)| Self::read(socket, family, name, bases)).collect()
    }

    fn read(
        socket: &mut Socket,
        family: u8,
        name: String,
        bases: Vec<(String, Base)>,
    ) -> Result<Self, Refusal> {
        let table = |attributes: &mut Writer| {
            attributes.text(NFTA_TABLE, &name);
        };
        // Kernels before 5.5 don't heed which table is asked for.
        let is_it = |attributes: Attributes<'_>| attributes.text(NFTA_TABLE) == Some(&name);
        let listed = socket.list(message::GETRULE, family, table, |reply| {
            let chain = reply.attributes.text(rule::CHAIN).filter(|_| is_it(reply.attributes))?.to_owned();
            Some((chain, reply.attributes.list(rule::EXPRESSIONS).map(Expression::read).collect::<Rule>()))
        })?;
        let mut rules: BTreeMap<String, Vec<Rule>> = BTreeMap::new();
        for (chain, rule) in listed {
            rules.entry(chain).or_default().push(rule);
        }
        let listed = socket.list(message::GETSET, family, table, |reply| {
            Some(reply.attributes).filter(|attributes| is_it(*attributes)).and_then(Set::read)
        })?;
        let steps = rules.values().flatten().flatten();
        let looked_up: BTreeSet<_> = steps.filter_map(Expression::set).collect();
        // Addresses are never known, and there may be many.
        let is_of_use = |set: &Set| looked_up.contains(set.name.as_str()) && !has_addresses(set.key_type);
        let mut sets = BTreeMap::new();
        for set in listed.into_iter().filter(is_of_use) {
            let elements = Elements::read(socket, family, &name, &set)?;
            sets.insert(set.name, elements);
        }
        Ok(Self { family, name, bases, rules, sets })
    }
}

/// Whether packets to this host come through such a chain.
pub(super) fn is_on_the_way(base: &Base) -> bool {
    base.hook == HOOK_INPUT && base.kind == "filter"
}

/// Whether keys of this type are addresses, or have one in them.
fn has_addresses(key_type: u32) -> bool {
    let is_address = |part| [key_type::IPV4_ADDR, key_type::IPV6_ADDR].contains(&part);
    successors(Some(key_type), |rest| Some(rest >> key_type::BITS).filter(|rest| *rest != 0))
        .any(|rest| is_address(rest & ((1 << key_type::BITS) - 1)))
}

impl Elements {
    fn read(socket: &mut Socket, family: u8, table: &str, set: &Set) -> Result<Self, Refusal> {
        let write = |attributes: &mut Writer| {
            attributes.text(NFTA_TABLE, table).text(elements::SET, &set.name);
        };
        let lists = socket.list(message::GETSETELEM, family, write, |reply| {
            Some(reply.attributes.list(elements::LIST).filter_map(Element::read).collect::<Vec<_>>())
        })?;
        let mut list: Vec<_> = lists.into_iter().flatten().collect();
        // Where one range ends and another begins, the beginning counts.
        list.sort_by(|one, other| (&one.key, !one.is_end).cmp(&(&other.key, !other.is_end)));
        Ok(Self { has_ranges: set.flags & set_flag::INTERVAL != 0, list })
    }

    /// What there is for this key.
    pub(super) fn find(&self, key: &[u8]) -> Found<'_> {
        let found = if self.has_ranges {
            self.list.iter().rfind(|element| element.key.as_slice() <= key)
        } else {
            self.list.iter().find(|element| element.key == key)
        };
        match found.filter(|element| !element.is_end) {
            None => Found::Nothing,
            Some(element) => element.verdict.as_ref().map_or(Found::Element, Found::Verdict),
        }
    }

    /// Whether a key of this length can be looked up.
    pub(super) fn takes(&self, key: &[u8]) -> bool {
        self.list.iter().all(|element| element.key.len() == key.len())
    }
}

impl Element {
    fn read(attributes: Attributes<'_>) -> Option<Self> {
        let flags = attributes.number(element::FLAGS).unwrap_or(0);
        Some(Self {
            key: attributes.nested(element::KEY)?.bytes(data::VALUE)?.to_vec(),
            is_end: flags & element::FLAG_INTERVAL_END != 0,
            verdict: attributes.nested(element::DATA).map(Verdict::read),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{firewall::support::nft, own_network::in_own_network};

    #[test]
    fn sets_of_addresses_are_not_read() {
        in_own_network("firewall::obstacle::ruleset::tests::sets_of_addresses_are_not_read", || {
            nft("table inet filter {
                set a4 { type ipv4_addr; elements = { 192.0.2.1 } }
                set a6 { type ipv6_addr; flags interval; elements = { 2001:db8::/32 } }
                set both { type ipv4_addr . inet_service; elements = { 192.0.2.1 . 22 } }
                set turned { type inet_service . ipv6_addr; elements = { 22 . 2001:db8::1 } }
                set ports { type inet_service; elements = { 22 } }
                set more { type inet_proto . inet_service; elements = { tcp . 22 } }
                set unused { type inet_service; elements = { 23 } }
                chain input {
                    type filter hook input priority 0; policy accept;
                    ip saddr @a4 drop
                    ip6 saddr @a6 drop
                    ip saddr . tcp dport @both drop
                    tcp dport . ip6 saddr @turned drop
                    tcp dport @ports drop
                    meta l4proto . th dport @more drop
                }
            }");
            let tables = Table::read_all(&mut Socket::open(0).unwrap()).unwrap();
            assert_eq!(tables[0].sets.keys().collect::<Vec<_>>(), ["more", "ports"]);
        });
    }
}
