//! The guard: the changes that lead to it from whatever is there.
//!
//! nft(8) shows it so for a door `ssh` with `Open = tcp/22`:
//!
//! ```text
//! table inet knockd {
//!     set ssh_ip { type ipv4_addr; flags timeout; comment "ssh"; }
//!     set ssh_ip6 { type ipv6_addr; flags timeout; comment "ssh"; }
//!     chain doors {
//!         tcp dport 22 ip saddr @ssh_ip accept comment "ssh"
//!         tcp dport 22 ip6 saddr @ssh_ip6 accept comment "ssh"
//!         drop
//!     }
//!     chain guard {
//!         type filter hook input priority filter - 10; policy accept;
//!         ct state established,related accept
//!         iif "lo" accept
//!         tcp flags ack / syn,ack accept
//!         tcp dport 22 goto doors
//!     }
//! }
//! ```

use std::collections::BTreeSet;

use knock_core::{config::DoorName, door::TcpFlags, sequence::Protocol};
use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE};

use super::{
    guarded_door::{GuardedDoor, Ranges, ranges},
    ip_version::IpVersion,
    nf_tables::{
        attributes::Writer,
        batch::Batch,
        constants::{
            HOOK_INPUT, NFTA_LIST_ELEM, NFTA_TABLE, NFTA_TABLE_FLAGS, chain, cmp, element, elements, family,
            hook, key_type, message, meta, payload, rule, set, set_flag, verdict_code,
        },
        expression::{Expressions, SetReference, value},
    },
    own_table::{Base, Chain, OwnTable, Set, TABLE},
    set_name::set_name,
};

/// The chain on the way of packets to this host, and the one for packets to ports that are guarded.
const GUARD: &str = "guard";
const DOORS: &str = "doors";

/// Before the chains of others, which usually are at 0 (`NF_IP_PRI_FILTER` in `linux/netfilter_ipv4.h`), behind those that
/// change addresses and marks.
const PRIORITY: i32 = -10;

/// The loopback interface's index in every network (`LOOPBACK_IFINDEX` in the kernel's `net/flow.h`).
const LOOPBACK: u32 = 1;

/// Where the flags stand in the header of TCP, and two of them (RFC 9293, section 3.1).
const TCP_FLAGS: u32 = 13;
const SYN: TcpFlags = TcpFlags(0x02);
const ACK: TcpFlags = TcpFlags(0x10);

/// How many elements go into one message: an attribute has at most 64 KiB.
const ELEMENTS_AT_ONCE: usize = 1024;

/// Writes the changes after which the table guards these doors and no others. The sets of doors that it has already stay
/// as they are, with all that is in them, but for those that are to be emptied: others take their places.
pub(super) fn write(
    batch: &mut Batch,
    doors: &[GuardedDoor<'_>],
    emptied: &BTreeSet<&DoorName>,
    before: &OwnTable,
) {
    let mut writing = Writing { batch, sets: 0 };
    let chains = [guard_chain(), doors_chain()];
    let stays = |door: &&GuardedDoor<'_>| !emptied.contains(door.name);
    let sets = doors.iter().filter(stays).flat_map(door_sets).map(|(set, _)| set);
    let staying: Vec<_> = sets.filter(|set| before.sets.contains(set)).collect();
    writing.table();
    writing.clear(before, &chains, &staying);
    for (set, comment) in doors.iter().flat_map(door_sets).filter(|(set, _)| !staying.contains(set)) {
        writing.set(&set, &comment);
    }
    for chain in chains.iter().filter(|chain| !before.chains.contains(chain)) {
        writing.chain(chain);
    }
    for door in doors {
        writing.let_in(door);
    }
    writing.rule(DOORS, "", |rule| {
        rule.verdict(verdict_code::DROP, None);
    });
    writing.guard(doors);
}

/// Writes the change that wakes up a table whose chains somebody has put to sleep. The kernel takes it by itself only.
pub(super) fn write_awakening(batch: &mut Batch) {
    Writing { batch, sets: 0 }.table();
}

/// Writes the change after which the table is gone.
pub(super) fn write_removal(batch: &mut Batch) {
    batch.add(message::DELTABLE, 0, family::INET, |table| {
        table.text(NFTA_TABLE, TABLE);
    });
}

fn guard_chain() -> Chain {
    let kind = "filter".to_owned();
    let base = Base { kind, hook: HOOK_INPUT, priority: PRIORITY, policy: verdict_code::ACCEPT };
    Chain { name: GUARD.to_owned(), base: Some(base) }
}

fn doors_chain() -> Chain {
    Chain { name: DOORS.to_owned(), base: None }
}

/// The sets of a door and what nft(8) says beside them.
fn door_sets(door: &GuardedDoor<'_>) -> [(Set, String); 2] {
    IpVersion::ALL.map(|version| {
        let key_type = match version {
            IpVersion::V4 => key_type::IPV4_ADDR,
            IpVersion::V6 => key_type::IPV6_ADDR,
        };
        let name = set_name(door.name, version);
        (Set { name, flags: set_flag::TIMEOUT, key_type }, comment(door))
    })
}

/// What nft(8) shows beside what is a door's. It could not read a quotation mark in it.
fn comment(door: &GuardedDoor<'_>) -> String {
    door.name.as_str().replace('"', "'")
}

struct Writing<'a> {
    batch: &'a mut Batch,
    /// How many sets there are in this batch: each has a number in it.
    sets: u32,
}

impl Writing<'_> {
    fn table(&mut self) {
        self.change(message::NEWTABLE, NLM_F_CREATE, |table| {
            table.number(NFTA_TABLE_FLAGS, 0);
        });
    }

    /// Takes away all rules, and what else does not belong to the table that is to be.
    fn clear(&mut self, before: &OwnTable, chains: &[Chain], staying: &[Set]) {
        for chain in &before.chains {
            self.change(message::DELRULE, 0, |rule| {
                rule.text(rule::CHAIN, &chain.name);
            });
        }
        for set in &before.sets {
            // Sets without names of their own go with their rules.
            if set.flags & set_flag::ANONYMOUS == 0 && !staying.contains(set) {
                self.change(message::DELSET, 0, |gone| {
                    gone.text(set::NAME, &set.name);
                });
            }
        }
        for chain in before.chains.iter().filter(|chain| !chains.contains(chain)) {
            self.change(message::DELCHAIN, 0, |gone| {
                gone.text(chain::NAME, &chain.name);
            });
        }
    }

    fn chain(&mut self, chain: &Chain) {
        self.change(message::NEWCHAIN, NLM_F_CREATE, |attributes| {
            attributes.text(chain::NAME, &chain.name);
            let Some(base) = &chain.base else { return };
            attributes.text(chain::TYPE, &base.kind);
            attributes.nested(chain::HOOK, |place| {
                place.number(hook::NUMBER, base.hook);
                place.number(hook::PRIORITY, base.priority.cast_unsigned());
            });
            attributes.number(chain::POLICY, base.policy.cast_unsigned());
        });
    }

    fn set(&mut self, set: &Set, comment: &str) {
        let length = if set.key_type == key_type::IPV4_ADDR { 4 } else { 16 };
        self.raw_set(
            set,
            length,
            &user_data(&[(SET_BYTE_ORDER, &BIG_ENDIAN), (SET_COMMENT, &text(comment))]),
        );
    }

    /// A new set, and the number that it has in this batch.
    fn raw_set(&mut self, set: &Set, key_length: u32, user_data: &[u8]) -> u32 {
        self.sets += 1;
        let id = self.sets;
        self.change(message::NEWSET, NLM_F_CREATE, |attributes| {
            attributes.text(set::NAME, &set.name).number(set::FLAGS, set.flags).number(set::ID, id);
            attributes.number(set::KEY_TYPE, set.key_type).number(set::KEY_LENGTH, key_length);
            attributes.bytes(set::USERDATA, user_data);
        });
        id
    }

    /// The rules by which sources at a door are let in.
    fn let_in(&mut self, door: &GuardedDoor<'_>) {
        for (protocol, ranges) in ranges([door.ports]) {
            for version in IpVersion::ALL {
                let name = set_name(door.name, version);
                let set = SetReference { name: &name, id: None };
                let ports = self.ports(&ranges);
                self.rule(DOORS, &comment(door), |rule| {
                    goes_to(rule, protocol, ports);
                    comes_from(rule, version, set);
                    rule.verdict(verdict_code::ACCEPT, None);
                });
            }
        }
    }

    /// The rules by which packets to guarded ports, and no others, have to pass the doors.
    fn guard(&mut self, doors: &[GuardedDoor<'_>]) {
        self.rule(GUARD, "", |rule| {
            rule.belongs_to_a_connection().verdict(verdict_code::ACCEPT, None);
        });
        self.rule(GUARD, "", |rule| {
            rule.meta_is(meta::KEY_IIF, &LOOPBACK.to_ne_bytes()).verdict(verdict_code::ACCEPT, None);
        });
        // Connections that were there before anybody has followed them are not known to be: their packets come in the
        // middle of nothing. All packets of a connection that stands have ACK and not SYN (RFC 9293, 3.10.7.4). Who sends
        // such a one without a connection gets the same RST from a port whether anybody listens or not (3.10.7.1 and
        // 3.10.7.2); all others, which only scans send, have to pass the doors.
        self.rule(GUARD, "", |rule| {
            rule.meta_is(meta::KEY_L4PROTO, &libc::IPPROTO_TCP.to_le_bytes()[..1]);
            rule.load(payload::BASE_TRANSPORT, TCP_FLAGS..=TCP_FLAGS).mask([(SYN | ACK).0]);
            rule.compare(cmp::EQUAL, &[ACK.0]).verdict(verdict_code::ACCEPT, None);
        });
        for (protocol, ranges) in ranges(doors.iter().map(|door| door.ports)) {
            let ports = self.ports(&ranges);
            self.rule(GUARD, "", |rule| {
                goes_to(rule, protocol, ports);
                rule.verdict(verdict_code::GOTO, Some(DOORS));
            });
        }
    }

    /// Prepares what a rule compares ports with.
    fn ports(&mut self, ranges: &Ranges) -> PortMatch {
        if let [(lowest, highest)] = ranges[..] {
            return PortMatch::Range(lowest, highest);
        }
        let flags = set_flag::ANONYMOUS | set_flag::CONSTANT | set_flag::INTERVAL;
        let set = Set { name: UNNAMED.to_owned(), flags, key_type: key_type::INET_SERVICE };
        let id = self.raw_set(&set, 2, &user_data(&[(SET_BYTE_ORDER, &BIG_ENDIAN)]));
        for some in bounds(ranges).chunks(ELEMENTS_AT_ONCE) {
            self.change(message::NEWSETELEM, NLM_F_CREATE, |attributes| {
                attributes.text(elements::SET, UNNAMED).number(elements::SET_ID, id);
                attributes.nested(elements::LIST, |list| some.iter().for_each(|bound| bound.write(list)));
            });
        }
        PortMatch::Set(id)
    }

    fn rule(&mut self, chain: &str, comment: &str, write: impl FnOnce(&mut Expressions<'_>)) {
        self.change(message::NEWRULE, NLM_F_CREATE | NLM_F_APPEND, |attributes| {
            attributes.text(rule::CHAIN, chain);
            attributes.nested(rule::EXPRESSIONS, |list| write(&mut Expressions(list)));
            if !comment.is_empty() {
                attributes.bytes(rule::USERDATA, &user_data(&[(RULE_COMMENT, &text(comment))]));
            }
        });
    }

    fn change(&mut self, kind: u8, flags: u16, write: impl FnOnce(&mut Writer)) {
        self.batch.add(kind, flags, family::INET, |attributes| write(attributes.text(NFTA_TABLE, TABLE)));
    }
}

/// The name of a set that belongs to a rule: the kernel puts a number into it.
const UNNAMED: &str = "__set%d";

/// What a rule compares ports with.
#[derive(Clone, Copy, Debug)]
enum PortMatch {
    Range(u16, u16),
    /// A set with this number in the batch.
    Set(u32),
}

fn goes_to(rule: &mut Expressions<'_>, protocol: Protocol, ports: PortMatch) {
    let number = match protocol {
        Protocol::Tcp => libc::IPPROTO_TCP,
        Protocol::Udp => libc::IPPROTO_UDP,
    };
    rule.meta_is(meta::KEY_L4PROTO, &number.to_le_bytes()[..1]);
    // The destination port is in the same place in TCP and UDP.
    rule.load(payload::BASE_TRANSPORT, 2..=3);
    match ports {
        PortMatch::Range(lowest, highest) if lowest == highest => {
            rule.compare(cmp::EQUAL, &lowest.to_be_bytes())
        }
        PortMatch::Range(lowest, highest) => {
            rule.compare(cmp::AT_LEAST, &lowest.to_be_bytes()).compare(cmp::AT_MOST, &highest.to_be_bytes())
        }
        PortMatch::Set(id) => rule.is_in(SetReference { name: UNNAMED, id: Some(id) }),
    };
}

fn comes_from(rule: &mut Expressions<'_>, version: IpVersion, set: SetReference<'_>) {
    let (family, source) = match version {
        IpVersion::V4 => (family::IP, 12..=15),
        IpVersion::V6 => (family::IP6, 8..=23),
    };
    rule.meta_is(meta::KEY_NFPROTO, &[family]).load(payload::BASE_NETWORK, source).is_in(set);
}

/// Where a range in a set begins, or the first port behind it.
#[derive(Clone, Copy, Debug)]
struct Bound {
    port: u16,
    is_behind: bool,
}

impl Bound {
    fn write(self, list: &mut Writer) {
        list.nested(NFTA_LIST_ELEM, |member| {
            value(member, element::KEY, &self.port.to_be_bytes());
            if self.is_behind {
                member.number(element::FLAGS, element::FLAG_INTERVAL_END);
            }
        });
    }
}

/// Behind the last port of all there is nothing.
fn bounds(ranges: &Ranges) -> Vec<Bound> {
    let of_range = |&(lowest, highest): &(u16, u16)| {
        let behind = highest.checked_add(1).map(|port| Bound { port, is_behind: true });
        [Some(Bound { port: lowest, is_behind: false }), behind]
    };
    ranges.iter().flat_map(of_range).flatten().collect()
}

/// What nft(8) keeps beside sets and rules: a number for what it is, its length, itself. The numbers are those of its
/// library.
const RULE_COMMENT: u8 = 0;
const SET_BYTE_ORDER: u8 = 0;
const SET_COMMENT: u8 = 7;
const BIG_ENDIAN: [u8; 4] = 2_u32.to_ne_bytes();

fn user_data(all: &[(u8, &[u8])]) -> Vec<u8> {
    let fitting =
        all.iter().filter_map(|(kind, value)| Some((*kind, u8::try_from(value.len()).ok()?, *value)));
    fitting.flat_map(|(kind, length, value)| [&[kind, length], value].concat()).collect()
}

fn text(comment: &str) -> Vec<u8> {
    [comment.as_bytes(), &[0]].concat()
}
