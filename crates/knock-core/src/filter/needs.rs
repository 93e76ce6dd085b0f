//! What doors need to see of the traffic.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use crate::{
    door::{Door, FlagRule, TcpFlags, WrongPort},
    sequence::Protocol,
};

/// The IP versions that are listened to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Families {
    /// IPv4 and IPv6.
    #[default]
    Both,
    /// IPv4 alone.
    V4Only,
}

/// Whose packets are let through, whatever the doors need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attention<'a> {
    /// The IP versions that are listened to.
    pub families: Families,
    /// Sources of which everything comes through that can be a hit, so that it can be explained. They are counted among
    /// those who have begun an attempt. Each is compared with the source of every packet.
    pub explained: &'a [IpAddr],
}

impl From<Families> for Attention<'_> {
    fn from(families: Families) -> Self {
        Self { families, explained: &[] }
    }
}

/// Everything that some door needs. A packet that isn't described here changes nothing anywhere.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// The TCP segments, a demand for each rule; those that need no look at the port come first.
    pub(super) tcp: Vec<Demand>,
    /// The UDP datagrams, at most one demand, whose rule admits everything.
    pub(super) udp: Vec<Demand>,
    /// Those of the TCP segments that can begin an attempt.
    pub(super) first_tcp: Vec<Demand>,
    /// Those of the UDP datagrams that can begin an attempt.
    pub(super) first_udp: Vec<Demand>,
    /// How long an attempt can live.
    pub(super) longest: Duration,
    /// Where IPv4 packets have to go.
    pub(super) v4: Destinations<Ipv4Addr>,
    /// Where IPv6 packets have to go.
    pub(super) v6: Destinations<Ipv6Addr>,
    /// Whose IPv4 packets come through in any case.
    pub(super) explained_v4: BTreeSet<Ipv4Addr>,
    /// Whose IPv6 packets come through in any case.
    pub(super) explained_v6: BTreeSet<Ipv6Addr>,
}

/// Packets of one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    /// The flags that they have.
    pub(super) rule: FlagRule,
    /// The ports that they go to.
    pub(super) ports: Ports,
}

/// Destination ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// Every one, 0 as well.
    All,
    /// Only these.
    These(BTreeSet<u16>),
}

/// Destination addresses of one family.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destinations<A> {
    /// Whatever this host answers to.
    Any,
    /// Only these; with none of them the family isn't needed.
    These(BTreeSet<A>),
}

impl<A> Default for Destinations<A> {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

/// The most addresses of a family that are compared one by one. A host that watches over more than that has
/// better things to do with its instructions.
pub(super) const MAX_TARGETS: usize = 16;

/// The most rules that are tried one after the other. Beyond it one rule stands for all: only what every rule asks for.
pub(super) const MAX_RULES: usize = 8;

impl Needs {
    /// What these doors need of these families, and what is to be explained.
    pub(super) fn of<'a, 'b>(
        doors: impl IntoIterator<Item = &'a Door>,
        attention: impl Into<Attention<'b>>,
    ) -> Self {
        let Attention { families, explained } = attention.into();
        let mut needs = Self::default();
        for source in explained {
            match (source, families) {
                (IpAddr::V4(source), _) => drop(needs.explained_v4.insert(*source)),
                (IpAddr::V6(source), Families::Both) => drop(needs.explained_v6.insert(*source)),
                (IpAddr::V6(_), Families::V4Only) => {}
            }
        }
        for door in doors {
            match (door.target, families) {
                (Some(IpAddr::V6(_)), Families::V4Only) => continue,
                (Some(IpAddr::V4(target)), _) => needs.v4.add(target),
                (Some(IpAddr::V6(target)), Families::Both) => needs.v6.add(target),
                (None, Families::V4Only) => needs.v4 = Destinations::Any,
                (None, Families::Both) => (needs.v4, needs.v6) = (Destinations::Any, Destinations::Any),
            }
            let first = door.sequence.first();
            let is_first = |protocol| first.protocol == protocol;
            let first = || Ports::These(BTreeSet::from([first.port.get()]));
            if door.sequence.uses(Protocol::Tcp) && door.flags.set.0 & door.flags.clear.0 == 0 {
                add(&mut needs.tcp, door.flags, ports(door));
                if is_first(Protocol::Tcp) {
                    add(&mut needs.first_tcp, door.flags, first());
                }
            }
            if door.sequence.uses(Protocol::Udp) {
                add(&mut needs.udp, FlagRule::default(), ports(door));
                if is_first(Protocol::Udp) {
                    add(&mut needs.first_udp, FlagRule::default(), first());
                }
            }
            needs.longest = needs.longest.max(door.timeout);
        }
        needs.tcp = simplified(&needs.tcp);
        needs.first_tcp = simplified(&needs.first_tcp);
        needs
    }
}

impl Needs {
    /// Whether every packet can be dropped.
    pub(super) fn is_nothing(&self) -> bool {
        let is_anybody_explained = !self.explained_v4.is_empty() || !self.explained_v6.is_empty();
        self.tcp.is_empty() && self.udp.is_empty() && !is_anybody_explained
    }

    /// Everything of these families that a hit can be made of.
    pub(super) fn everything(families: Families) -> Self {
        let all = || vec![Demand { rule: FlagRule::default(), ports: Ports::All }];
        let v6 = match families {
            Families::Both => Destinations::Any,
            Families::V4Only => Destinations::default(),
        };
        let (first_tcp, first_udp) = (all(), all());
        Self {
            tcp: all(),
            udp: all(),
            first_tcp,
            first_udp,
            longest: Duration::MAX,
            v4: Destinations::Any,
            v6,
            ..Self::default()
        }
    }
}

impl<A: Ord> Destinations<A> {
    fn add(&mut self, address: A) {
        let Self::These(addresses) = self else { return };
        addresses.insert(address);
        if addresses.len() > MAX_TARGETS {
            *self = Self::Any;
        }
    }
}

impl Ports {
    fn join(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::These(ports), Self::These(others)) => ports.extend(others),
            _ => *self = Self::All,
        }
    }

    fn leave(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::All) => *self = Self::These(BTreeSet::new()),
            (Self::These(ports), Self::These(others)) => ports.retain(|port| !others.contains(port)),
            (Self::All, Self::These(_)) => {}
        }
    }

    fn is_none(&self) -> bool {
        matches!(self, Self::These(ports) if ports.is_empty())
    }
}

/// The ports that can move or end an attempt at the door. A number counts whatever the protocol it has in the
/// sequence: whether 7000:udp is a wrong port where 7000:tcp is a knock is not for the filter to say.
fn ports(door: &Door) -> Ports {
    match door.wrong_port {
        WrongPort::Discard => Ports::All,
        WrongPort::Ignore => {
            Ports::These(door.sequence.knocks().iter().map(|knock| knock.port.get()).collect())
        }
    }
}

fn add(demands: &mut Vec<Demand>, rule: FlagRule, ports: Ports) {
    match demands.iter_mut().find(|demand| demand.rule == rule) {
        Some(demand) => demand.ports.join(ports),
        None => demands.push(Demand { rule, ports }),
    }
}

/// The same packets in fewer demands, or a few more of them where the rules are too many.
fn simplified(all: &[Demand]) -> Vec<Demand> {
    let mut demands = all.to_vec();
    for demand in &mut demands {
        for weaker in all.iter().filter(|other| other.rule != demand.rule && implies(demand.rule, other.rule))
        {
            demand.ports.leave(&weaker.ports);
        }
    }
    demands.retain(|demand| !demand.ports.is_none());
    if demands.len() > MAX_RULES {
        demands = demands.into_iter().reduce(common).into_iter().collect();
    }
    demands.sort_by_key(|demand| demand.ports != Ports::All);
    demands
}

/// Whether all that the strong rule admits is admitted by the weak one.
fn implies(strong: FlagRule, weak: FlagRule) -> bool {
    weak.set.0 & !strong.set.0 == 0 && weak.clear.0 & !strong.clear.0 == 0
}

/// One demand for what either asks for.
fn common(mut one: Demand, other: Demand) -> Demand {
    one.rule = FlagRule {
        set: TcpFlags(one.rule.set.0 & other.rule.set.0),
        clear: TcpFlags(one.rule.clear.0 & other.rule.clear.0),
    };
    one.ports.join(other.ports);
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::tests::{door, rule};

    fn tcp(doors: &[Door]) -> Vec<Demand> {
        Needs::of(doors, Families::Both).tcp
    }

    fn these(rule: FlagRule, ports: &[u16]) -> Demand {
        Demand { rule, ports: Ports::These(ports.iter().copied().collect()) }
    }

    fn ignoring(sequence: &str, flags: FlagRule) -> Door {
        Door { wrong_port: WrongPort::Ignore, flags, ..door(sequence) }
    }

    #[test]
    fn a_strict_door_needs_every_port_of_its_protocols() {
        let needs = Needs::of(&[door("1,2")], Families::Both);
        assert_eq!(needs.tcp, [Demand { rule: FlagRule::default(), ports: Ports::All }]);
        assert_eq!(needs.udp, []);
        assert_eq!(Needs::of(&[door("1,2:udp")], Families::Both).udp.len(), 1);
    }

    #[test]
    fn a_lax_door_needs_its_own_ports() {
        let lax = ignoring("3,1,3,2:udp", FlagRule::default());
        let needs = Needs::of(&[lax], Families::Both);
        assert_eq!(needs.tcp, [these(FlagRule::default(), &[1, 2, 3])]);
        assert_eq!(needs.udp, needs.tcp);
    }

    #[test]
    fn doors_with_the_same_rule_share_a_demand() {
        let syn = rule(0x02, 0);
        assert_eq!(tcp(&[ignoring("1", syn), ignoring("2", syn)]), [these(syn, &[1, 2])]);
        let strict = Door { flags: syn, ..door("7") };
        assert_eq!(tcp(&[ignoring("1", syn), strict]), [Demand { rule: syn, ports: Ports::All }]);
    }

    #[test]
    fn what_a_weaker_rule_covers_is_asked_for_once() {
        let (syn, only_syn) = (rule(0x02, 0), rule(0x02, 0x10));
        let doors = [ignoring("1,2", only_syn), ignoring("2,3", syn)];
        assert_eq!(tcp(&doors), [these(only_syn, &[1]), these(syn, &[2, 3])]);
        let strict = Door { flags: only_syn, ..door("1") };
        let demands = tcp(&[ignoring("5", syn), strict.clone()]);
        assert_eq!(demands, [Demand { rule: only_syn, ports: Ports::All }, these(syn, &[5])]);
        assert_eq!(tcp(&[strict, door("1")]).len(), 1);
    }

    #[test]
    fn a_rule_that_contradicts_itself_asks_for_nothing() {
        assert_eq!(tcp(&[Door { flags: rule(0x02, 0x02), ..door("1") }]), []);
    }

    #[test]
    fn too_many_rules_become_what_they_have_in_common() {
        let pairs = (0..8_u8).flat_map(|one| (0..one).map(move |other| 1 << one | 1 << other));
        let doors: Vec<_> = pairs.map(|set| ignoring("1", rule(set, 0))).collect();
        assert_eq!(tcp(&doors[..MAX_RULES]).len(), MAX_RULES);
        assert_eq!(tcp(&doors), [these(FlagRule::default(), &[1])]);
    }

    #[test]
    fn targets_narrow_the_families() {
        let to = |target: &str| Door { target: Some(target.parse().unwrap()), ..door("1") };
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let needs = Needs::of(&[to("192.0.2.1"), to("192.0.2.2")], Families::Both);
        assert_eq!((needs.v4, needs.v6), (Destinations::These([one, two].into()), Destinations::default()));
        let needs = Needs::of(&[to("2001:db8::1")], Families::Both);
        let six = "2001:db8::1".parse().unwrap();
        assert_eq!((needs.v4, needs.v6), (Destinations::default(), Destinations::These([six].into())));
        let needs = Needs::of(&[to("192.0.2.1"), door("1"), to("192.0.2.2")], Families::V4Only);
        assert_eq!((needs.v4, needs.v6), (Destinations::Any, Destinations::default()));
        assert_eq!(Needs::of(&[to("2001:db8::1")], Families::V4Only).tcp, []);
        let many: Vec<_> = (0..=MAX_TARGETS).map(|n| to(&format!("192.0.2.{n}"))).collect();
        assert_eq!(Needs::of(&many, Families::Both).v4, Destinations::Any);
    }
}
