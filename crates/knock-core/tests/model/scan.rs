//! Scans: somebody who tries every port does not come through a door.

use std::{num::NonZeroU16, time::Duration};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, TcpFlags, WrongPort},
    engine::Engine,
    event::What,
    hit::{Hit, Segment, Transport},
    host::Host,
    interface::InterfaceIndex,
    moment::Moment,
    sequence::{Knock, Protocol, Sequence},
};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{cases, script::address};

/// The order in which the ports are tried.
#[derive(Clone, Copy, Debug)]
enum Order {
    Rising,
    Falling,
    Shuffled(u64),
}

/// By which protocols.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Tcp,
    Udp,
    /// Every port by both, one after the other.
    Both,
}

/// A sequence, made from the scan that it is to stand.
#[derive(Clone, Debug)]
enum Plan {
    /// Knocks that the scan makes one after the other.
    InRow { from: usize, knocks: usize },
    /// Knocks in the order of the scan with others between them.
    Spread { from: usize, step: usize, knocks: usize },
    /// Knocks that the scan makes in a row, but backwards.
    Backwards { from: usize, knocks: usize },
    /// Any knocks.
    Any(Vec<usize>),
}

/// So many scans; each takes a while.
const SCANS: u32 = 16;

#[test]
fn a_scan_opens_nothing_that_it_does_not_knock_in_a_row() {
    let order =
        prop_oneof![Just(Order::Rising), Just(Order::Falling), any::<u64>().prop_map(Order::Shuffled)];
    let kind = prop_oneof![Just(Kind::Tcp), Just(Kind::Udp), Just(Kind::Both)];
    let plans = proptest::collection::vec(plan(), 20);
    let outcome = TestRunner::new(cases(SCANS))
        .run(&(order, kind, plans), |(order, kind, plans)| stands_scan(&scan(order, kind), &plans));
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

fn stands_scan(scan: &[Knock], plans: &[Plan]) -> Result<(), TestCaseError> {
    let sequences: Vec<Sequence> = plans.iter().map(|plan| plan.sequence(scan)).collect();
    let mut engine = Engine::new(Host::Unknown, 100, 7);
    for (number, sequence) in (0..).zip(&sequences) {
        engine.add(door(number, sequence.clone()));
    }
    let mut opened = vec![0; sequences.len()];
    for (place, knock) in (0..).zip(scan) {
        engine.hit(Moment::from_nanos(place), &hit(*knock, place), &mut |event| {
            if let What::Opened(_) = event.what {
                opened[event.door.0 as usize] += 1;
            }
        });
    }
    for (sequence, opened) in sequences.iter().zip(opened) {
        prop_assert_eq!(opened, u32::from(makes_in_row(scan, sequence)), "{}", sequence);
    }
    Ok(())
}

fn plan() -> impl Strategy<Value = Plan> {
    let (from, knocks) = (any::<usize>(), 2..=5_usize);
    prop_oneof![
        (from, knocks.clone()).prop_map(|(from, knocks)| Plan::InRow { from, knocks }),
        (from, 2..=3_usize, knocks.clone()).prop_map(|(from, step, knocks)| Plan::Spread {
            from,
            step,
            knocks
        }),
        (from, knocks).prop_map(|(from, knocks)| Plan::Backwards { from, knocks }),
        proptest::collection::vec(any::<usize>(), 2..=5).prop_map(Plan::Any),
    ]
}

impl Plan {
    fn sequence(&self, scan: &[Knock]) -> Sequence {
        let at = |place: usize| scan[place % scan.len()];
        let room = scan.len() - 16;
        let knocks: Vec<Knock> = match self {
            Self::InRow { from, knocks } => (0..*knocks).map(|knock| at(from % room + knock)).collect(),
            Self::Spread { from, step, knocks } => {
                (0..*knocks).map(|knock| at(from % room + knock * step)).collect()
            }
            Self::Backwards { from, knocks } => {
                (0..*knocks).rev().map(|knock| at(from % room + knock)).collect()
            }
            Self::Any(places) => places.iter().map(|place| at(*place)).collect(),
        };
        Sequence::new(&knocks).unwrap()
    }
}

/// Whether the scan knocks the sequence without another hit between that the door looks at.
fn makes_in_row(scan: &[Knock], sequence: &Sequence) -> bool {
    let seen: Vec<Knock> = scan.iter().copied().filter(|knock| sequence.uses(knock.protocol)).collect();
    seen.windows(sequence.knocks().len()).any(|row| row == sequence.knocks())
}

fn scan(order: Order, kind: Kind) -> Vec<Knock> {
    let mut ports: Vec<NonZeroU16> = (1..=u16::MAX).filter_map(NonZeroU16::new).collect();
    match order {
        Order::Rising => {}
        Order::Falling => ports.reverse(),
        Order::Shuffled(seed) => shuffle(&mut ports, seed),
    }
    let protocols: &[Protocol] = match kind {
        Kind::Tcp => &[Protocol::Tcp],
        Kind::Udp => &[Protocol::Udp],
        Kind::Both => &[Protocol::Tcp, Protocol::Udp],
    };
    ports
        .into_iter()
        .flat_map(|port| protocols.iter().map(move |protocol| Knock { port, protocol: *protocol }))
        .collect()
}

/// Fisher and Yates' shuffle, by a linear congruential generator (Knuth's MMIX).
fn shuffle(ports: &mut [NonZeroU16], mut state: u64) {
    for place in (1..ports.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (place + 1);
        ports.swap(place, other);
    }
}

fn door(number: u32, sequence: Sequence) -> Door {
    Door {
        number: DoorNumber(number),
        sequence,
        timeout: Duration::from_secs(25),
        flags: FlagRule::default(),
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: false,
        after: None,
    }
}

fn hit(knock: Knock, place: u64) -> Hit {
    let sequence = u32::try_from(place).unwrap();
    let segment = Segment { source_port: 40_000, sequence, flags: TcpFlags(0x02) };
    Hit {
        interface: InterfaceIndex(2),
        source: address("192.0.2.7"),
        destination: address("192.0.2.1"),
        port: knock.port.get(),
        transport: match knock.protocol {
            Protocol::Tcp => Transport::Tcp(segment),
            Protocol::Udp => Transport::Udp,
        },
    }
}
