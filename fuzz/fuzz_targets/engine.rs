//! The engine at work: doors and changes made from the input, frames read from it, time that passes or goes back.
//! Whatever comes, the table keeps its bounds, no attempt outlives its time and events are about doors that stand.
#![no_main]

use std::{collections::BTreeMap, num::NonZeroU16, time::Duration};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, TcpFlags, WrongPort},
    engine::Engine,
    event::{Event, What},
    hit::Hit,
    host::{Host, Interface},
    interface::InterfaceIndex,
    moment::Moment,
    sequence::{Knock, Protocol, Sequence},
    wire::Link,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let capacity = 2 + usize::from(input.byte() % 16);
    let mut scene = Scene {
        engine: Engine::new(host(input.byte()), capacity, 7),
        capacity,
        doors: (0..=u32::from(input.byte() % 6)).map(|number| input.door(number)).collect(),
        clock: 0,
        latest: Moment::default(),
    };
    scene.engine.explain(input.byte() % 2 == 1);
    for door in scene.doors.clone() {
        scene.engine.add(door);
    }
    while !input.0.is_empty() {
        scene.act(&mut input);
    }
    scene.expire(Moment::MAX);
    assert_eq!(scene.engine.attempts(), 0);
});

/// What is left of the fuzzer's bytes; behind their end there are zeros.
struct Input<'a>(&'a [u8]);

/// The engine, what it was given, and the time.
struct Scene {
    engine: Engine,
    capacity: usize,
    doors: Vec<Door>,
    clock: u64,
    latest: Moment,
}

impl Scene {
    fn act(&mut self, input: &mut Input) {
        let interface = InterfaceIndex(u32::from(input.byte() % 4));
        match input.byte() % 16 {
            0 => self.engine.set_host(host(input.byte())),
            1 => {
                let door = &self.doors[usize::from(input.byte()) % self.doors.len()];
                self.engine.remove(door.number);
            }
            2 => {
                // A number is never used again for another definition, nor is a spent one-time sequence.
                let door = input.door(u32::try_from(self.doors.len()).unwrap_or(u32::MAX));
                if self.engine.doors().len() < 16 {
                    self.doors.push(door.clone());
                    self.engine.add(door);
                }
            }
            3 => {
                let now = self.moment(input);
                self.expire(now);
            }
            4..8 => {
                let link = Link::ALL[usize::from(input.byte()) % Link::ALL.len()];
                let length = usize::from(input.byte());
                let frame = input.take(length).to_vec();
                self.frame(input, link, interface, &frame);
            }
            _ => {
                let frame = input.packet();
                self.frame(input, Link::Ip, interface, &frame);
            }
        }
    }

    fn frame(&mut self, input: &mut Input, link: Link, interface: InterfaceIndex, frame: &[u8]) {
        let now = self.moment(input);
        let Ok(hit) = Hit::read(link, interface, frame) else { return };
        self.latest = self.latest.max(now);
        let mut events = Vec::new();
        let standing = self.engine.doors().to_vec();
        self.engine.hit(now, &hit, &mut |event| events.push(event));
        self.check(&events, &standing);
    }

    fn expire(&mut self, now: Moment) {
        self.latest = self.latest.max(now);
        let mut events = Vec::new();
        let standing = self.engine.doors().to_vec();
        self.engine.expire(now, &mut |event| events.push(event));
        assert!(events.iter().all(|event| matches!(event.what, What::TimedOut(_))));
        assert!(self.engine.next_deadline().is_none_or(|deadline| deadline > self.latest));
        self.check(&events, &standing);
    }

    fn check(&self, events: &[Event], standing: &[Door]) {
        assert!(self.engine.attempts() <= self.capacity);
        assert_eq!(self.engine.next_deadline().is_some(), self.engine.attempts() > 0);
        for event in events {
            assert!(event.at <= self.latest);
            let door = standing.iter().find(|door| door.number == event.door).expect("the door stood");
            let knocks = door.sequence.knocks().len();
            match event.what {
                What::Opened(stage) => assert_eq!(usize::from(stage), knocks),
                What::Stage(stage)
                | What::Discarded { stage, .. }
                | What::TimedOut(stage)
                | What::GaveWay(stage) => assert!((1..knocks).contains(&usize::from(stage))),
                What::Ignored { .. } => {}
            }
            if let What::Opened(_) = event.what {
                let stands = self.engine.doors().iter().any(|door| door.number == event.door);
                assert_eq!(stands, !door.one_time);
            }
        }
    }

    /// Mostly a little later, sometimes much later or earlier.
    fn moment(&mut self, input: &mut Input) -> Moment {
        match input.byte() {
            step @ 0..240 => self.clock = self.clock.saturating_add(u64::from(step / 16)),
            240..252 => return Moment::from_nanos(self.clock.saturating_sub(u64::from(input.byte()))),
            252..255 => self.clock = self.clock.saturating_add(u64::from(input.byte())),
            255 => self.clock = self.clock.saturating_add(1 << (input.byte() % 64)),
        }
        Moment::from_nanos(self.clock)
    }
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn door(&mut self, number: u32) -> Door {
        let (kind, timeout) = (self.byte(), self.byte());
        let knocks: Vec<Knock> = (0..=kind % 5).map(|_| self.knock()).collect();
        Door {
            number: DoorNumber(number),
            sequence: Sequence::new(&knocks).expect("one to five knocks"),
            timeout: if timeout == 255 { Duration::MAX } else { Duration::from_nanos(timeout.into()) },
            flags: match kind >> 6 {
                0 | 1 => FlagRule::default(),
                2 => FlagRule { set: TcpFlags(0x02), clear: TcpFlags(0x10) },
                _ => FlagRule { set: TcpFlags(self.byte()), clear: TcpFlags(self.byte()) },
            },
            wrong_port: if kind & 8 == 0 { WrongPort::Discard } else { WrongPort::Ignore },
            target: (kind & 16 != 0).then_some([192, 0, 2, 2].into()),
            one_time: kind & 32 != 0,
            after: number.checked_sub(1).filter(|_| kind >> 6 == 1).map(DoorNumber),
        }
    }

    fn knock(&mut self) -> Knock {
        let byte = self.byte();
        let protocol = if byte & 8 == 0 { Protocol::Tcp } else { Protocol::Udp };
        Knock { port: NonZeroU16::MIN.saturating_add(u16::from(byte % 4)), protocol }
    }

    /// A well-formed IPv4 packet with a segment or a datagram, to a port near those of the doors.
    fn packet(&mut self) -> Vec<u8> {
        let (port, ends, mark) = (self.byte(), self.byte(), self.byte());
        let transport = if port & 8 == 0 {
            let flags = if port & 16 == 0 { 0x02 } else { self.byte() };
            let sequence = mark >> 4;
            let header =
                [0, mark & 15, 0, port % 8, 0, 0, 0, sequence, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0];
            header.to_vec()
        } else {
            vec![0, mark, 0, port % 8, 0, 8, 0, 0]
        };
        let protocol = if port & 8 == 0 { 6 } else { 17 };
        let length = 20 + transport.len() as u8;
        let mut packet = vec![0x45, 0, 0, length, 0, 0, 0, 0, 64, protocol, 0, 0];
        packet.extend([192, 0, 2, 7 + ends % 32]);
        packet.extend([192, 0, 2, if ends < 192 { 1 } else { 2 }]);
        packet.extend(transport);
        packet
    }
}

/// One of three hosts, all of them 192.0.2.1.
fn host(kind: u8) -> Host {
    let own = [192, 0, 2, 1].into();
    match kind % 3 {
        0 => Host::Unknown,
        1 => Host::Had(vec![own]),
        _ => {
            let home = Interface { loopback: true, addresses: vec![own], broadcasts: Vec::new() };
            let wire = Interface {
                loopback: false,
                addresses: vec![own],
                broadcasts: vec![[192, 0, 2, 255].into()],
            };
            Host::interfaces(BTreeMap::from([(InterfaceIndex(1), home), (InterfaceIndex(2), wire)]))
        }
    }
}
