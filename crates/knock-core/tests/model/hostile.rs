//! Floods: memory stays what it was, and whoever is half-way through comes through.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, WrongPort},
    engine::Engine,
    event::{Event, What},
    hit::{Hit, Transport},
    host::Host,
    interface::InterfaceIndex,
    moment::Moment,
};
use proptest::prelude::*;

use crate::{cases, script::address};

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn first_knocks_of_others_push_out_nobody_half_way_through(
        capacity in 2..40_usize,
        floods in proptest::collection::vec(0..60_u32, 4),
    ) {
        let mut engine = Engine::new(Host::Unknown, capacity, 7);
        engine.add(door("1,2,3,4,5"));
        let friend = address("192.0.2.7");
        let mut stages = Vec::new();
        let mut spoofed = 0x0a00_0000;
        stages.extend(told(&mut engine, friend, 1));
        stages.extend(told(&mut engine, friend, 2));
        for (port, flood) in (3..).zip(floods) {
            for _ in 0..flood {
                spoofed += 1;
                let events = told(&mut engine, Ipv4Addr::from(spoofed).into(), 1);
                prop_assert!(events.iter().all(|event| event.source != friend));
                prop_assert!(engine.attempts() <= capacity);
            }
            stages.extend(told(&mut engine, friend, port));
        }
        let stages: Vec<What> = stages.into_iter().map(|event| event.what).collect();
        let expected = [What::Stage(1), What::Stage(2), What::Stage(3), What::Stage(4), What::Opened(5)];
        prop_assert_eq!(stages, expected);
    }

    #[test]
    fn a_flood_that_knows_the_knocks_fills_no_more_than_the_table(
        capacity in 2..40_usize,
        hits in proptest::collection::vec((0..200_u32, 1..=5_u16), 1..600),
    ) {
        let mut engine = Engine::new(Host::Unknown, capacity, 7);
        engine.add(door("1,2,3,4,5"));
        engine.add(Door { number: DoorNumber(1), ..door("2,3,1") });
        for (source, port) in hits {
            told(&mut engine, Ipv4Addr::from(0x0a00_0000 + source).into(), port);
            prop_assert!(engine.attempts() <= capacity);
        }
    }
}

fn told(engine: &mut Engine, source: IpAddr, port: u16) -> Vec<Event> {
    let destination = address("192.0.2.1");
    let hit = Hit { interface: InterfaceIndex(2), source, destination, port, transport: Transport::Udp };
    let mut events = Vec::new();
    engine.hit(Moment::default(), &hit, &mut |event| events.push(event));
    events
}

/// A door that looks at UDP only.
fn door(ports: &str) -> Door {
    let knocks: Vec<String> = ports.split(',').map(|port| format!("{port}:udp")).collect();
    Door {
        number: DoorNumber(0),
        sequence: knocks.join(",").parse().unwrap(),
        timeout: Duration::from_secs(25),
        flags: FlagRule::default(),
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: false,
        after: None,
    }
}
