//! Random doors and what is to happen at them, from so small a choice that everything collides.

use std::{net::IpAddr, num::NonZeroU16, time::Duration};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, TcpFlags, WrongPort},
    hit::{Hit, Segment, Transport},
    interface::InterfaceIndex,
    sequence::{Knock, Protocol, Sequence},
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::trace::HOSTS;

/// Doors and what is to happen at them.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) capacity: usize,
    pub(crate) seed: u64,
    /// When it begins, in nanoseconds.
    pub(crate) start: u64,
    /// Which of the hosts of [`crate::trace`] it begins with.
    pub(crate) host: usize,
    /// The doors; the first [`Script::standing`] of them stand from the start.
    pub(crate) doors: Vec<Door>,
    pub(crate) standing: usize,
    pub(crate) acts: Vec<Act>,
}

/// What is to happen; numbers stand for the doors of the script and the hosts of [`crate::trace`].
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Any hit.
    Hit(When, Hit),
    /// Knocks that a door waits for.
    Knocks(Knocks),
    /// The hit again that came so many hits before.
    Again(When, usize),
    Expire(When),
    Add(usize),
    Remove(usize),
    Host(usize),
}

/// Somebody makes the knocks that a door waits for.
#[derive(Clone, Debug)]
pub(crate) struct Knocks {
    pub(crate) source: IpAddr,
    pub(crate) door: usize,
    pub(crate) when: When,
    /// How many, so many nanoseconds apart.
    pub(crate) count: usize,
    pub(crate) gap: u64,
}

/// A moment, as seen from the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Later(u64),
    /// A clock that went back.
    Earlier(u64),
    /// So many nanoseconds from the next deadline.
    Deadline(i8),
}

/// Which doors there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DoorKinds {
    All,
    /// None that is gone when somebody has opened it.
    Lasting,
}

pub(crate) fn script(kinds: DoorKinds) -> impl Strategy<Value = Script> {
    let capacity = prop_oneof![2..=8_usize, Just(200)];
    let start = select(vec![0, 0, 1_000, u64::MAX - 300]);
    let comes_after = proptest::bool::weighted(if kinds == DoorKinds::All { 0.3 } else { 0.0 });
    let doors = vec((door(kinds), comes_after), 1..=9);
    (capacity, any::<u64>(), start, 0..HOSTS, doors, 1..=6_usize, vec(act(), 1..60)).prop_map(
        |(capacity, seed, start, host, doors, standing, acts)| {
            // Not in the order in which they are put up.
            let number = |place: u32| DoorNumber(100 + place * 7 % 10);
            let doors = (0_u32..).zip(doors).map(|(place, (door, comes_after))| {
                let after = place.checked_sub(1).filter(|_| comes_after).map(number);
                Door { number: number(place), after, ..door }
            });
            let doors = doors.collect();
            Script { capacity, seed, start, host, doors, standing, acts }
        },
    )
}

fn door(kinds: DoorKinds) -> impl Strategy<Value = Door> {
    let timeout = select(vec![0, 1, 7, 20, 50, 50, 200, 200, 1_000]).prop_map(Duration::from_nanos);
    let timeout = prop_oneof![15 => timeout, 1 => Just(Duration::MAX)];
    let flags = (select(vec![0, 0, 0, 0x02, 0x12]), select(vec![0, 0, 0, 0x10, 0x04]))
        .prop_map(|(set, clear)| FlagRule { set: TcpFlags(set), clear: TcpFlags(clear) });
    let wrong_port = select(vec![WrongPort::Discard, WrongPort::Discard, WrongPort::Ignore]);
    let target = prop_oneof![8 => Just(None), 1 => select(&[Some("203.0.113.200"), Some(OWN)])];
    let one_time = proptest::bool::weighted(if kinds == DoorKinds::All { 0.2 } else { 0.0 });
    (sequence(), timeout, flags, wrong_port, target, one_time).prop_map(
        |(sequence, timeout, flags, wrong_port, target, one_time)| Door {
            number: DoorNumber(0),
            sequence,
            timeout,
            flags,
            wrong_port,
            target: target.map(address),
            one_time,
            after: None,
        },
    )
}

fn sequence() -> impl Strategy<Value = Sequence> {
    let knock = || {
        (7..=9_u16, protocol()).prop_filter_map("a port", |(port, protocol)| {
            Some(Knock { port: NonZeroU16::new(port)?, protocol })
        })
    };
    prop_oneof![1 => vec(knock(), 1..=2), 3 => vec(knock(), 3..=5)]
        .prop_filter_map("a sequence", |knocks: Vec<Knock>| Sequence::new(&knocks).ok())
}

fn protocol() -> impl Strategy<Value = Protocol> {
    select(vec![Protocol::Tcp, Protocol::Tcp, Protocol::Udp])
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (when(), hit()).prop_map(|(when, hit)| Act::Hit(when, hit)),
        14 => knocks().prop_map(Act::Knocks),
        8 => (when(), 0..4_usize).prop_map(|(when, back)| Act::Again(when, back)),
        1 => when().prop_map(Act::Expire),
        1 => (0..9_usize).prop_map(Act::Add),
        1 => (0..9_usize).prop_map(Act::Remove),
        1 => (0..HOSTS).prop_map(Act::Host),
    ]
}

fn knocks() -> impl Strategy<Value = Knocks> {
    let source = select(PEERS.as_slice()).prop_map(address);
    (source, 0..9_usize, when(), 1..=5_usize, 0..3_u64).prop_map(|(source, door, when, count, gap)| Knocks {
        source,
        door,
        when,
        count,
        gap,
    })
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        20 => (0..2_u64).prop_map(When::Later),
        2 => (2..60_u64).prop_map(When::Later),
        2 => (1..60_u64).prop_map(When::Earlier),
        1 => (-1..=1_i8).prop_map(When::Deadline),
    ]
}

fn hit() -> impl Strategy<Value = Hit> {
    let interface = prop_oneof![9 => Just(2), 1 => select(vec![0, 1, 3, 9])];
    let source = prop_oneof![9 => select(PEERS.as_slice()), 1 => select(SOURCES.as_slice())];
    let destination = prop_oneof![9 => Just(OWN), 2 => select(DESTINATIONS.as_slice())];
    let flags = select(vec![0x02, 0x02, 0x02, 0x12, 0x10, 0x04, 0x00, 0xff]);
    let segment = (8000..8002_u16, 0..3_u32, flags);
    (interface, source, destination, select(vec![0, 7, 8, 9, 10]), protocol(), segment).prop_map(
        |(interface, source, destination, port, protocol, (source_port, sequence, flags))| {
            let segment = Segment { source_port, sequence, flags: TcpFlags(flags) };
            Hit {
                interface: InterfaceIndex(interface),
                source: address(source),
                destination: address(destination),
                port,
                transport: match protocol {
                    Protocol::Tcp => Transport::Tcp(segment),
                    Protocol::Udp => Transport::Udp,
                },
            }
        },
    )
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The address that every host of [`crate::trace`] has.
pub(crate) const OWN: &str = "192.0.2.1";

const PEERS: [&str; 6] =
    ["192.0.2.7", "192.0.2.8", "203.0.113.9", "2001:db8::7", "2001:db8::8", "2001:db8:1::7"];

/// Sources that may not be peers, by what the host is.
const SOURCES: [&str; 19] = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.0.1",
    "::",
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "192.0.2.255",
    "198.51.100.255",
    "192.0.2.1",
    "198.51.100.1",
    "2001:db8::1",
    "::ffff:203.0.113.9",
    "fe80::1",
];

const DESTINATIONS: [&str; 6] =
    ["2001:db8::1", "198.51.100.1", "203.0.113.200", "203.0.113.200", "127.0.0.1", "192.0.2.255"];
