//! Chains of others that would drop what a door has let in.
//!
//! To accept a packet in one table does not keep another from dropping it. For every port of a door a packet is followed
//! through each chain of others at the input hook: one that begins a connection from elsewhere. Its port, its protocol
//! and that it is new are known, its addresses and its interface are not. Where a rule asks for something that is not
//! known, it is taken to let the packet pass; so a chain that is told of drops it from wherever it comes. What is known
//! of rules are the usual comparisons, sets, maps, jumps, and those extensions of iptables that ask for a state or a
//! port. Rules of the old iptables (`iptables-legacy`) are not in `nf_tables` and can't be seen, nor can what has been
//! done to the packet before it comes to this hook.

mod expression;
mod fate;
mod packet;
mod ruleset;
mod sight;
#[cfg(test)]
mod tests;

use std::fmt;

use knock_core::ports::PortRange;

pub(super) use self::sight::Sight;
use self::{fate::Fate, packet::Packet, ruleset::Table};
use super::{
    error::FirewallError,
    ip_version::IpVersion,
    nf_tables::{
        constants::{family, verdict_code},
        socket::Socket,
    },
    own_table::Base,
};

/// A chain of somebody else's that drops packets to ports of doors, whatever the guard says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The chain as nft(8) names it: family, table, chain.
    pub chain: String,
    /// The chain's priority: lower ones come first, and the guard is at -10.
    pub priority: i32,
    /// Whether packets are dropped because no rule accepts them; else because a rule drops them.
    pub by_policy: bool,
    /// The ports that nobody gets to; of a range only the ends are looked at.
    pub ports: Vec<PortRange>,
    /// The commands that let packets to these ports pass this chain. The guard stands in their way as before.
    pub remedy: Vec<String>,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports: Vec<_> = self.ports.iter().map(PortRange::to_string).collect();
        let reason = if self.by_policy { "its policy" } else { "a rule of it" };
        write!(
            f,
            "the chain {} (priority {}) drops packets to {} by {reason}, even from whom a door has let in; have it \
             accept them, knockd keeps its guard: {}",
            self.chain,
            self.priority,
            ports.join(", "),
            self.remedy.join("; "),
        )
    }
}

/// What there is of others on the way of packets to this host.
#[derive(Debug)]
pub struct Surroundings {
    pub(super) obstacles: Vec<Obstacle>,
    pub(super) sight: Sight,
}

/// How often a list is asked for that others change while it is being read. They can do so without end.
const TRIES: usize = 3;

impl Surroundings {
    /// Looks for chains of others that drop what a door lets in to these ports; see [`Obstacle`]. With very many rules it
    /// takes seconds.
    pub fn look(mut ports: Vec<PortRange>) -> Result<Self, FirewallError> {
        let doing = "looking for rules that are in the way of doors";
        let failed = |refusal| FirewallError::new(doing, &refusal);
        let mut socket = Socket::open(0).map_err(|error| failed(error.into()))?;
        socket.try_lists(TRIES);
        ports.sort_unstable();
        ports.dedup();
        let tables = Table::read_all(&mut socket).map_err(failed)?;
        let obstacles = tables
            .iter()
            .flat_map(|table| table.bases.iter().filter_map(|base| obstacle(table, base, &ports)));
        Ok(Self { obstacles: obstacles.collect(), sight: Sight::of(&tables) })
    }
}

fn obstacle(table: &Table, (chain, base): &(String, Base), ports: &[PortRange]) -> Option<Obstacle> {
    let fates = |range: &PortRange| fates(table, chain, *range);
    let is_dropped =
        |fate| fate == Fate::Dropped || fate == Fate::Undecided && base.policy == verdict_code::DROP;
    let ports: Vec<_> = ports.iter().copied().filter(|range| fates(range).any(is_dropped)).collect();
    if ports.is_empty() {
        return None;
    }
    Some(Obstacle {
        chain: format!("{} {} {chain}", family_name(table.family), table.name),
        priority: base.priority,
        by_policy: !ports.iter().flat_map(fates).any(|fate| fate == Fate::Dropped),
        remedy: ports.iter().map(|range| remedy(table, chain, *range)).collect(),
        ports,
    })
}

/// What becomes of packets to the ends of a range. What passes by one version of IP passes: whoever has rules for one
/// alone has meant it.
fn fates(table: &Table, chain: &str, range: PortRange) -> impl Iterator<Item = Fate> {
    let ends = if range.lowest() == range.highest() { 1 } else { 2 };
    [range.lowest(), range.highest()].into_iter().take(ends).map(move |port| {
        let packet = |version: &IpVersion| Packet { version: *version, protocol: range.protocol(), port };
        let mut fates = versions(table.family).iter().map(packet).map(|packet| table.fate(packet, chain));
        let first = fates.next().unwrap_or(Fate::Passes);
        fates.fold(first, |one, other| match (one, other) {
            (Fate::Passes, _) | (_, Fate::Passes) => Fate::Passes,
            (Fate::Undecided, _) | (_, Fate::Undecided) => Fate::Undecided,
            (Fate::Dropped, Fate::Dropped) => Fate::Dropped,
        })
    })
}

fn versions(family: u8) -> &'static [IpVersion] {
    match family {
        family::IP => &[IpVersion::V4],
        family::IP6 => &[IpVersion::V6],
        _ => &IpVersion::ALL,
    }
}

fn family_name(family: u8) -> &'static str {
    match family {
        family::IP => "ip",
        family::IP6 => "ip6",
        _ => "inet",
    }
}

/// The command, in the language of whoever has made the table: he would take away what he does not know.
fn remedy(table: &Table, chain: &str, range: PortRange) -> String {
    let protocol = range.protocol();
    let ports = |between: &str| {
        if range.lowest() == range.highest() {
            return range.lowest().to_string();
        }
        format!("{}{between}{}", range.lowest(), range.highest())
    };
    if table.name == "firewalld" {
        return format!(
            "firewall-cmd --permanent --add-port={}/{protocol} && firewall-cmd --reload",
            ports("-")
        );
    }
    if table.rules.keys().any(|chain| chain.starts_with("ufw-") || chain.starts_with("ufw6-")) {
        return format!("ufw allow {}/{protocol}", ports(":"));
    }
    if chain == "INPUT" && table.name == "filter" && table.family != family::INET {
        let program = if table.family == family::IP { "iptables" } else { "ip6tables" };
        return format!("{program} -I INPUT -p {protocol} --dport {} -j ACCEPT", ports(":"));
    }
    let family = family_name(table.family);
    format!("nft insert rule {family} {} {chain} {protocol} dport {} accept", table.name, ports("-"))
}
