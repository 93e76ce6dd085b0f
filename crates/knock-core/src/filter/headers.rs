//! The way through a packet: from what the kernel knows of it to its port.

use std::{collections::BTreeSet, net::Ipv6Addr};

use super::{
    assembler::{Assembler, Label},
    extended::step,
    instruction::{Instruction, ancillary, code},
    needs::{Demand, Destinations, Needs, Ports},
    program::SNAP_LENGTH,
    tree::{self, Detail},
};
use crate::door::FlagRule;

/// What a program is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// Knows nothing but the packet.
    Classic,
    /// Remembers who has an attempt under way, and has the [steps](step) for that.
    Extended,
}

/// A program that takes what is needed, and more of it where `detail` is coarse.
pub(super) fn assemble(needs: &Needs, detail: Detail, machine: Machine) -> Vec<Instruction> {
    let mut assembler = Assembler::default();
    let drop = assembler.end(0);
    if needs.is_nothing() {
        return assembler.finish(drop);
    }
    let verdicts = Verdicts::write(&mut assembler, drop, machine);
    let mut writer = Writer { assembler, needs, detail, machine, verdicts, drop, tcp: drop, udp: drop };
    writer.udp = writer.protocol(&needs.udp, &needs.first_udp, Transport::AtX);
    writer.tcp = writer.protocol(&needs.tcp, &needs.first_tcp, Transport::AtX);
    let entry = writer.link();
    writer.assembler.finish(entry)
}

/// What is being written. X holds where the transport header begins when `tcp` or `udp` is reached.
struct Writer<'a> {
    assembler: Assembler,
    needs: &'a Needs,
    detail: Detail,
    machine: Machine,
    verdicts: Verdicts,
    drop: Label,
    tcp: Label,
    udp: Label,
}

/// Where the transport header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    /// At X.
    AtX,
    /// Behind an IPv4 header without options, at the begin of the packet, which has been copied.
    Copied,
}

/// How it ends with a packet that is not simply dropped.
#[derive(Clone, Copy)]
struct Verdicts {
    /// It can move or end an attempt, if its source has one.
    other: Label,
    /// It can begin an attempt.
    first: Label,
    /// It may be anything, from anybody.
    unknown: Label,
}

impl Verdicts {
    fn write(assembler: &mut Assembler, drop: Label, machine: Machine) -> Self {
        let take = assembler.end(SNAP_LENGTH.into());
        if machine == Machine::Classic {
            return Self { other: take, first: take, unknown: take };
        }
        let unknown = assembler.step(step::ANYBODY_BEGINS, 0, take);
        let first = assembler.step(step::BEGIN, 0, take);
        let known = assembler.branch(code::IF_EQUAL, 0, drop, take);
        let other = assembler.step(step::ASK, 0, known);
        Self { other, first, unknown }
    }
}

impl Writer<'_> {
    /// The begin. What the data begin with is known from the kernel's protocol number and not from the data: the
    /// first half byte of a tag can be a 4 or a 6 as well.
    ///
    /// The kernel takes one tag off. It leaves an inner one in front of the IP header, and the number is the tag's.
    fn link(&mut self) -> Label {
        let tagged = self.network_behind_tag();
        let network = self.network(0, tagged);
        let packet_type = self.assembler.branch(code::IF_EQUAL, PACKET_HOST, network, self.drop);
        self.assembler.step(code::LOAD_WORD, ancillary::PACKET_TYPE, packet_type)
    }

    fn network_behind_tag(&mut self) -> Label {
        let [ipv4, ipv6] = [self.ipv4(TAG), self.ipv6(TAG)];
        // More tags than two are left to the engine.
        let cases = [
            (IPV4, ipv4),
            (IPV6, ipv6),
            (TAG_8021Q, self.verdicts.unknown),
            (TAG_8021AD, self.verdicts.unknown),
        ];
        let protocol = self.select(&cases);
        self.assembler.step(code::LOAD_HALF, 2, protocol)
    }

    fn network(&mut self, base: u32, tagged: Label) -> Label {
        let ipv4 = self.ipv4(base);
        let [ipv4, ipv6] = [self.copied_ipv4(ipv4), self.ipv6(base)];
        let cases = [(IPV4, ipv4), (IPV6, ipv6), (TAG_8021Q, tagged), (TAG_8021AD, tagged)];
        let protocol = self.select(&cases);
        self.assembler.step(code::LOAD_WORD, ancillary::PROTOCOL, protocol)
    }

    /// The IPv4 header (RFC 791) at `base`, which is 0 or the length of a tag.
    fn ipv4(&mut self, base: u32) -> Label {
        let mut next = self.ipv4_of_doors(base);
        if !self.needs.explained_v4.is_empty() {
            let sources = self.needs.explained_v4.iter().map(|source| source.to_bits());
            let wanted = self.verdicts.first;
            next = tree::search(&mut self.assembler, sources, Detail::FINEST, wanted, next);
            next = self.assembler.step(code::LOAD_WORD, base + 12, next);
        }
        if next == self.drop { next } else { self.header(step::V4, base, next) }
    }

    /// The same, of a source that nobody wants to have explained.
    fn ipv4_of_doors(&mut self, base: u32) -> Label {
        let mut next = self.select(&[(TCP, self.tcp), (UDP, self.udp)]);
        // Two bytes of flags and offset, one of the time to live, one of the protocol.
        next = self.assembler.step(code::AND, 0xff, next);
        next = self.assembler.branch(code::IF_ANY_BIT, 0x1fff_0000, self.drop, next);
        next = self.assembler.step(code::LOAD_WORD, base + 6, next);
        if base > 0 {
            next = self.assembler.step(code::A_TO_X, 0, next);
            next = self.assembler.step(code::ADD, base, next);
            next = self.assembler.step(code::X_TO_A, 0, next);
        }
        next = self.assembler.step(code::SET_X_TO_IHL, base, next);
        if let Destinations::These(targets) = &self.needs.v4 {
            if targets.is_empty() {
                return self.drop;
            }
            let targets = targets.iter().map(|target| target.to_bits());
            next = tree::search(&mut self.assembler, targets, Detail::FINEST, next, self.drop);
            next = self.assembler.step(code::LOAD_WORD, base + 16, next);
        }
        next
    }

    /// The usual IPv4 header, which has no options, at the begin of a packet that is not too short to be copied: nearly
    /// all that there are. Where this doesn't hold it goes on with `other`, which is as good and slower.
    fn copied_ipv4(&mut self, other: Label) -> Label {
        let is_any_explained = !self.needs.explained_v4.is_empty();
        if self.machine == Machine::Classic || is_any_explained || other == self.drop {
            return other;
        }
        let needs = self.needs;
        let udp = self.protocol(&needs.udp, &needs.first_udp, Transport::Copied);
        let tcp = self.protocol(&needs.tcp, &needs.first_tcp, Transport::Copied);
        let mut next = self.select(&[(TCP, tcp), (UDP, udp)]);
        next = self.assembler.step(step::COPIED_BYTE, 9, next);
        next = self.assembler.branch(code::IF_ANY_BIT, 0x1fff, self.drop, next);
        next = self.assembler.step(step::COPIED_HALF, 6, next);
        if let Destinations::These(targets) = &needs.v4 {
            let targets = targets.iter().map(|target| target.to_bits());
            next = tree::search(&mut self.assembler, targets, Detail::FINEST, next, self.drop);
            next = self.assembler.step(step::COPIED_WORD, 16, next);
        }
        next = self.assembler.step(step::COPIED_V4, 0, next);
        // Version 4, and five words of four bytes.
        next = self.assembler.branch(code::IF_EQUAL, 0x45, next, other);
        next = self.assembler.step(step::COPIED_BYTE, 0, next);
        next = self.assembler.branch(code::IF_EQUAL, 0, next, other);
        self.assembler.step(step::COPY, 0, next)
    }

    /// The IPv6 header (RFC 8200) at `base`.
    fn ipv6(&mut self, base: u32) -> Label {
        let next = self.ipv6_of_doors(base);
        let needs = self.needs;
        let next = self.ipv6_address(&needs.explained_v6, base + 8, self.verdicts.first, next);
        if next == self.drop { next } else { self.header(step::V6, base, next) }
    }

    /// The same, of a source that nobody wants to have explained.
    fn ipv6_of_doors(&mut self, base: u32) -> Label {
        let is_elsewhere = matches!(&self.needs.v6, Destinations::These(targets) if targets.is_empty());
        // Extension headers are let through, but for nobody there is no need to.
        if is_elsewhere || self.needs.tcp.is_empty() && self.needs.udp.is_empty() {
            return self.drop;
        }
        let fragment = self.ipv6_fragment(base);
        let next = self.ipv6_next_header(base, 6, 40, fragment);
        match &self.needs.v6 {
            Destinations::Any => next,
            Destinations::These(targets) => self.ipv6_address(targets, base + 24, next, self.drop),
        }
    }

    /// Whether the address at `place` is one of these.
    fn ipv6_address(
        &mut self,
        those: &BTreeSet<Ipv6Addr>,
        place: u32,
        wanted: Label,
        mut other: Label,
    ) -> Label {
        for address in those {
            let mut same = wanted;
            for (word, offset) in address.octets().as_chunks().0.iter().zip([0, 4, 8, 12]).rev() {
                same = self.assembler.branch(code::IF_EQUAL, u32::from_be_bytes(*word), same, other);
                same = self.assembler.step(code::LOAD_WORD, place + offset, same);
            }
            other = same;
        }
        other
    }

    /// The fragment header behind the IPv6 header at `base`: only the first fragment has ports.
    fn ipv6_fragment(&mut self, base: u32) -> Label {
        let first = self.ipv6_next_header(base, 40, 48, self.verdicts.first);
        let offset = self.assembler.branch(code::IF_ANY_BIT, 0xfff8, self.drop, first);
        self.assembler.step(code::LOAD_HALF, base + 42, offset)
    }

    /// What follows, by the number at `field`, at `start`, both counted from `base`. Extension headers other than a
    /// fragment's are left to the engine: they are rare, and who wants to get through to it could always put one more
    /// than we would walk.
    fn ipv6_next_header(&mut self, base: u32, field: u32, start: u32, fragment: Label) -> Label {
        let extension = self.verdicts.first;
        let mut next = self.select(&[
            (TCP, self.tcp),
            (UDP, self.udp),
            (FRAGMENT, fragment),
            (HOP_BY_HOP, extension),
            (ROUTING, extension),
            (DESTINATION_OPTIONS, extension),
        ]);
        next = self.assembler.step(code::LOAD_BYTE, base + field, next);
        self.assembler.step(code::SET_X, base + start, next)
    }

    /// Has the extended machine know where the source is.
    fn header(&mut self, version: u16, base: u32, next: Label) -> Label {
        match self.machine {
            Machine::Classic => next,
            Machine::Extended => self.assembler.step(version, base, next),
        }
    }

    /// The transport header. Whoever doesn't remember anything need not know what is a first knock.
    fn protocol(&mut self, all: &[Demand], first: &[Demand], place: Transport) -> Label {
        let other = self.transport(all, place, self.verdicts.other, self.drop);
        match self.machine {
            Machine::Classic => other,
            Machine::Extended => self.transport(first, place, self.verdicts.first, other),
        }
    }

    /// The rules one after the other. UDP comes without one.
    fn transport(&mut self, demands: &[Demand], place: Transport, wanted: Label, unwanted: Label) -> Label {
        demands.iter().rev().fold(unwanted, |other, demand| {
            let ports = self.ports(&demand.ports, place, wanted, other);
            self.flags(demand.rule, place, ports, other)
        })
    }

    fn ports(&mut self, ports: &Ports, place: Transport, wanted: Label, other: Label) -> Label {
        let Ports::These(ports) = ports else { return wanted };
        let ports = ports.iter().copied().map(u32::from);
        let search = tree::search(&mut self.assembler, ports, self.detail, wanted, other);
        match place {
            Transport::AtX => self.assembler.step(code::LOAD_HALF_AT_X, 2, search),
            Transport::Copied => self.assembler.step(step::COPIED_HALF, WITHOUT_OPTIONS + 2, search),
        }
    }

    /// A segment that is too short for the flags is too short to be a hit, so that the load may well drop it.
    fn flags(
        &mut self,
        FlagRule { set, clear }: FlagRule,
        place: Transport,
        admitted: Label,
        other: Label,
    ) -> Label {
        let [set, clear] = [set.0, clear.0].map(u32::from);
        if set | clear == 0 {
            return admitted;
        }
        let test = if set == 0 {
            self.assembler.branch(code::IF_ANY_BIT, clear, other, admitted)
        } else if clear == 0 && set.is_power_of_two() {
            self.assembler.branch(code::IF_ANY_BIT, set, admitted, other)
        } else {
            let equal = self.assembler.branch(code::IF_EQUAL, set, admitted, other);
            self.assembler.step(code::AND, set | clear, equal)
        };
        match place {
            Transport::AtX => self.assembler.step(code::LOAD_BYTE_AT_X, 13, test),
            // Beyond the end of the copy.
            Transport::Copied => self.assembler.step(code::LOAD_BYTE, WITHOUT_OPTIONS + 13, test),
        }
    }

    /// Goes where A says, and drops the packet if no case fits.
    fn select(&mut self, cases: &[(u32, Label)]) -> Label {
        let wanted = cases.iter().rev().filter(|(_, label)| *label != self.drop);
        wanted.fold(self.drop, |other, (number, label)| {
            self.assembler.branch(code::IF_EQUAL, *number, *label, other)
        })
    }
}

/// How long an IPv4 header is that has no options.
const WITHOUT_OPTIONS: u32 = 20;

/// The link layer addressed this host (`linux/if_packet.h`).
const PACKET_HOST: u32 = 0;

// Ethernet protocol numbers (linux/if_ether.h).
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const TAG_8021Q: u32 = 0x8100;
const TAG_8021AD: u32 = 0x88a8;

/// The length of a tag behind the protocol number that announces it: its own two bytes and the next number's.
const TAG: u32 = 4;

// Protocol numbers of the IP headers (linux/in.h, linux/in6.h).
const HOP_BY_HOP: u32 = 0;
const TCP: u32 = 6;
const UDP: u32 = 17;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const DESTINATION_OPTIONS: u32 = 60;
