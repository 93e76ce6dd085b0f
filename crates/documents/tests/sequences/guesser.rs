//! Somebody who guesses, against the engine.

use std::{num::NonZeroU16, slice, time::Duration};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, TcpFlags, WrongPort},
    engine::Engine,
    event::What,
    hit::{Hit, Segment, Transport},
    host::Host,
    interface::InterfaceIndex,
    moment::Moment,
    sequence::{Knock, Protocol},
};

/// Somebody who sends packets, a millisecond apart, to a host with some doors.
pub struct Guesser {
    engine: Engine,
    sent: u32,
}

impl Guesser {
    pub fn at(doors: &[Door]) -> Self {
        let mut engine = Engine::new(Host::Unknown, 1_000, 7);
        for (number, door) in (0..).zip(doors) {
            engine.add(Door { number: DoorNumber(number), ..door.clone() });
        }
        Self { engine, sent: 0 }
    }

    /// The doors that this packet opens.
    pub fn sends(&mut self, knock: Knock) -> Vec<u32> {
        let segment = Segment { source_port: 40_000, sequence: self.sent, flags: TcpFlags(0x02) };
        let hit = Hit {
            interface: InterfaceIndex(2),
            source: "192.0.2.7".parse().unwrap(),
            destination: "192.0.2.1".parse().unwrap(),
            port: knock.port.get(),
            transport: match knock.protocol {
                Protocol::Tcp => Transport::Tcp(segment),
                Protocol::Udp => Transport::Udp,
            },
        };
        let now = Moment::from_nanos(u64::from(self.sent) * 1_000_000);
        self.sent += 1;
        let mut opened = Vec::new();
        self.engine.expire(now, &mut |_| {});
        self.engine.hit(now, &hit, &mut |event| {
            if let What::Opened(_) = event.what {
                opened.push(event.door.0);
            }
        });
        opened
    }
}

/// How many rounds of all of so many ports, each in another order, it takes to open the door, on average over so many
/// openings.
pub fn rounds_at(door: &Door, ports: u16, openings: u32) -> f64 {
    let mut guesser = Guesser::at(slice::from_ref(door));
    let mut chance = Chance(3);
    let mut round = tcp(1..=ports);
    let (mut made, mut opened) = (0_u32, 0);
    while opened < openings {
        chance.shuffle(&mut round);
        made += 1;
        if round.iter().any(|knock| !guesser.sends(*knock).is_empty()) {
            opened += 1;
            // The next one begins with nothing.
            guesser = Guesser::at(slice::from_ref(door));
        }
    }
    f64::from(made) / f64::from(openings)
}

pub fn door(written: &str, wrong_port: WrongPort) -> Door {
    Door {
        number: DoorNumber(0),
        sequence: written.parse().unwrap(),
        timeout: Duration::from_secs(3_600),
        flags: FlagRule::default(),
        wrong_port,
        target: None,
        one_time: false,
        after: None,
    }
}

pub fn tcp(ports: impl IntoIterator<Item = u16>) -> Vec<Knock> {
    let knock = |port| Knock { port: NonZeroU16::new(port).unwrap(), protocol: Protocol::Tcp };
    ports.into_iter().map(knock).collect()
}

pub fn both(ports: impl IntoIterator<Item = u16>) -> Vec<Knock> {
    let over_both = |tcp: Knock| [tcp, Knock { protocol: Protocol::Udp, ..tcp }];
    tcp(ports).into_iter().flat_map(over_both).collect()
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    pub fn shuffle(&mut self, knocks: &mut [Knock]) {
        for place in (1..knocks.len()).rev() {
            knocks.swap(place, self.below(place + 1));
        }
    }
}
