//! What is wrong with a set that sources should be put into.

use knock_core::set_address::SetAddress;
use thiserror::Error;

use super::{super::nf_tables::constants::key_type, OpenSet};
use crate::firewall::{FirewallError, IpVersion};

/// Why sources can't be put into a set of the administrator's.
#[derive(Debug, Error)]
pub enum SetMistake {
    /// The table is missing.
    #[error("{0}: there is no table {family} {table} in nftables", family = .0.family(), table = .0.table())]
    NoTable(SetAddress),
    /// The table has no such set.
    #[error(
        "{0}: the table {family} {table} has no set {name}",
        family = .0.family(), table = .0.table(), name = .0.name()
    )]
    NoSet(SetAddress),
    /// Rules of its table never see such addresses.
    #[error("{set}: a table of the family {family} never sees {version}; take a set in a table inet", family = .set.family())]
    Family {
        /// The set.
        set: SetAddress,
        /// What it should hold.
        version: IpVersion,
    },
    /// It is a map, which needs a value beside each key.
    #[error("{0}: this is a map; a set is needed")]
    Map(SetAddress),
    /// Nothing can be put into it.
    #[error("{0}: the set is constant, nothing can be added; take the flag constant away")]
    Constant(SetAddress),
    /// It holds ranges.
    #[error("{0}: the set holds ranges; take the flag interval away, which makes every opening slow")]
    Interval(SetAddress),
    /// It holds something else.
    #[error(
        "{set}: the set holds {found}; it should have the type {address}, {address} . inet_service or \
         {address} . inet_proto . inet_service",
        address = address_type(*.version)
    )]
    Key {
        /// The set.
        set: SetAddress,
        /// The type of its keys.
        found: String,
        /// What it should hold.
        version: IpVersion,
    },
    /// Who is put there would stay for ever.
    #[error("{0}: the set has no timeouts, nobody would ever be shut out; give it `flags timeout`")]
    NoTimeout(SetAddress),
    /// It needs ports, and the door has none.
    #[error("{0}: the set holds ports beside addresses; say which with Open, as in Open = tcp/22")]
    NoPorts(SetAddress),
    /// The door has more ports than elements should be made of.
    #[error(
        "{0}: the set holds single ports, and Open names more than {most}; name fewer, or take a set of addresses",
        most = OpenSet::MOST_PORTS
    )]
    TooManyPorts(SetAddress),
    /// It can't be looked at.
    #[error(transparent)]
    Firewall(#[from] FirewallError),
}

/// The types that a type of keys is made of, the first one first.
pub(super) fn parts(mut key: u32) -> Vec<u32> {
    let mut parts = Vec::new();
    while key != 0 {
        parts.insert(0, key & ((1 << key_type::BITS) - 1));
        key >>= key_type::BITS;
    }
    parts
}

/// A type of keys as nft(8) writes it; types that nobody would take by mistake have no name here.
pub(super) fn key_type(key: u32) -> String {
    let names: Vec<_> = parts(key).into_iter().map(name).collect();
    if names.is_empty() { "nothing that has a type".to_owned() } else { names.join(" . ") }
}

fn name(part: u32) -> &'static str {
    match part {
        4 => "integer",
        5 => "string",
        key_type::IPV4_ADDR => "ipv4_addr",
        key_type::IPV6_ADDR => "ipv6_addr",
        9 => "ether_addr",
        key_type::INET_PROTO => "inet_proto",
        key_type::INET_SERVICE => "inet_service",
        19 => "mark",
        41 => "ifname",
        _ => "something else",
    }
}

fn address_type(version: IpVersion) -> &'static str {
    match version {
        IpVersion::V4 => "ipv4_addr",
        IpVersion::V6 => "ipv6_addr",
    }
}
