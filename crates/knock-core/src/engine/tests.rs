use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::{
    door::{FlagRule, TcpFlags},
    hit::Segment,
    host::Interface,
    interface::InterfaceIndex,
    sequence::Protocol,
};

const SYN: TcpFlags = TcpFlags(0x02);
const ACK: TcpFlags = TcpFlags(0x10);
const SECOND: u64 = 1_000_000_000;

fn door(number: u32, sequence: &str) -> Door {
    Door {
        number: DoorNumber(number),
        sequence: sequence.parse().unwrap(),
        timeout: Duration::from_secs(10),
        flags: FlagRule::default(),
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: false,
        after: None,
    }
}

/// A segment to `port` from 192.0.2.7, one of a kind by its sequence number.
fn tcp(port: u16, sequence: u32) -> Hit {
    Hit {
        interface: InterfaceIndex(2),
        source: "192.0.2.7".parse().unwrap(),
        destination: "192.0.2.1".parse().unwrap(),
        port,
        transport: Transport::Tcp(Segment { source_port: 40000, sequence, flags: SYN }),
    }
}

fn udp(port: u16) -> Hit {
    Hit { transport: Transport::Udp, ..tcp(port, 0) }
}

fn with_flags(hit: Hit, flags: TcpFlags) -> Hit {
    match hit.transport {
        Transport::Tcp(segment) => Hit { transport: Transport::Tcp(Segment { flags, ..segment }), ..hit },
        Transport::Udp => hit,
    }
}

fn host() -> Host {
    let interface = Interface {
        loopback: false,
        addresses: vec!["192.0.2.1".parse().unwrap()],
        broadcasts: vec!["192.0.2.255".parse().unwrap()],
    };
    Host::interfaces(BTreeMap::from([(InterfaceIndex(2), interface)]))
}

fn engine(doors: impl IntoIterator<Item = Door>) -> Engine {
    let mut engine = Engine::new(host(), 64, 7);
    doors.into_iter().for_each(|door| engine.add(door));
    engine
}

/// What the engine says to each hit, the seconds in front, as `DOOR: WHAT`.
fn play(engine: &mut Engine, hits: &[(u64, Hit)]) -> Vec<String> {
    let mut said = Vec::new();
    for (second, hit) in hits {
        let now = Moment::from_nanos(second * SECOND);
        engine.hit(now, hit, &mut |event| said.push(format!("{}: {}", event.door.0, event.what)));
    }
    said
}

#[test]
fn the_knocks_in_order_open_the_door() {
    let mut engine = engine([door(0, "7000,8000:udp,9000")]);
    let said = play(&mut engine, &[(0, tcp(7000, 1)), (1, udp(8000)), (2, tcp(9000, 2))]);
    assert_eq!(said, ["0: Stage 1", "0: Stage 2", "0: OPEN SESAME"]);
    assert_eq!(engine.attempts(), 0);
}

#[test]
fn any_wrong_port_discards_and_the_first_knock_starts_anew() {
    let mut engine = engine([door(0, "7000,8000,9000")]);
    let said = play(&mut engine, &[(0, tcp(7000, 1)), (0, tcp(1, 2)), (0, tcp(8000, 3)), (0, tcp(7000, 4))]);
    assert_eq!(said, ["0: Stage 1", "0: discarded at stage 1: wrong port 1:tcp", "0: Stage 1"]);
    let said = play(&mut engine, &[(0, tcp(7000, 5)), (0, tcp(0, 6))]);
    assert_eq!(
        said,
        [
            "0: discarded at stage 1: wrong port 7000:tcp",
            "0: Stage 1",
            "0: discarded at stage 1: wrong port 0:tcp"
        ]
    );
}

#[test]
fn a_retransmission_is_overlooked_but_a_second_knock_at_the_same_port_is_not() {
    let mut engine = engine([door(0, "7000,8000,9000"), door(1, "7000,7000,9000")]);
    let copy = tcp(7000, 1);
    let said = play(&mut engine, &[(0, copy), (0, copy), (0, tcp(8000, 2)), (0, tcp(9000, 3))]);
    assert_eq!(
        said,
        [
            "0: Stage 1",
            "1: Stage 1",
            "0: Stage 2",
            "1: discarded at stage 1: wrong port 8000:tcp",
            "0: OPEN SESAME"
        ]
    );
    let said = play(&mut engine, &[(1, copy), (1, tcp(7000, 4)), (1, tcp(7000, 4)), (1, tcp(9000, 5))]);
    assert_eq!(said.iter().filter(|said| said.starts_with('1')).count(), 3, "{said:?}");
    assert_eq!(said.last().unwrap(), "1: OPEN SESAME");
}

#[test]
fn protocols_and_flags_that_the_door_does_not_look_at_do_nothing() {
    let flags = FlagRule { set: SYN, clear: ACK };
    let mut engine = engine([Door { flags, ..door(0, "7000,8000,9000") }]);
    engine.explain(true);
    let hits = [(0, tcp(7000, 1)), (0, with_flags(tcp(5, 2), ACK)), (0, udp(5)), (0, tcp(8000, 3))];
    assert_eq!(
        play(&mut engine, &hits),
        [
            "0: Stage 1",
            "0: ignored 5:tcp: its TCP flags (ack) do not match the door's",
            "0: ignored 5:udp: no knock of the door is udp",
            "0: Stage 2"
        ]
    );
}

#[test]
fn a_door_can_overlook_ports_outside_its_sequence() {
    let mut engine = engine([Door { wrong_port: WrongPort::Ignore, ..door(0, "7000,8000,9000:udp") }]);
    let said = play(&mut engine, &[(0, tcp(7000, 1)), (0, tcp(1, 2)), (0, tcp(8000, 3)), (0, tcp(7000, 4))]);
    assert_eq!(
        said,
        ["0: Stage 1", "0: Stage 2", "0: discarded at stage 2: wrong port 7000:tcp", "0: Stage 1"]
    );
}

#[test]
fn time_runs_out_at_the_very_moment_and_without_traffic() {
    let mut engine = engine([door(0, "7000,8000")]);
    let said = play(&mut engine, &[(0, tcp(7000, 1)), (10, tcp(8000, 2)), (20, tcp(7000, 3))]);
    assert_eq!(said, ["0: Stage 1", "0: sequence timeout (stage 1)", "0: Stage 1"]);
    assert_eq!(engine.next_deadline(), Some(Moment::from_nanos(30 * SECOND)));
    let mut said = Vec::new();
    engine.expire(Moment::from_nanos(31 * SECOND), &mut |event| said.push((event.at, event.what)));
    assert_eq!(said, [(Moment::from_nanos(30 * SECOND), What::TimedOut(1))]);
}

#[test]
fn time_that_goes_back_stands_still() {
    let mut engine = engine([door(0, "7000,8000")]);
    play(&mut engine, &[(5, tcp(7000, 1)), (1, tcp(7000, 2))]);
    assert_eq!(engine.next_deadline(), Some(Moment::from_nanos(15 * SECOND)));
}

#[test]
fn sources_and_doors_are_on_their_own() {
    let mut engine = engine([door(0, "7000,8000"), door(1, "8000,7000")]);
    let other = Hit { source: "192.0.2.8".parse().unwrap(), ..tcp(8000, 9) };
    let said = play(&mut engine, &[(0, tcp(7000, 1)), (0, other), (0, tcp(8000, 2))]);
    assert_eq!(said, ["0: Stage 1", "1: Stage 1", "0: OPEN SESAME", "1: Stage 1"]);
}

#[test]
fn the_last_knock_of_a_round_does_not_begin_the_next() {
    let mut engine = engine([door(0, "7000,8000,7000"), door(1, "6000")]);
    let said =
        play(&mut engine, &[(0, tcp(7000, 1)), (0, tcp(8000, 2)), (0, tcp(7000, 3)), (0, tcp(6000, 4))]);
    assert_eq!(said, ["0: Stage 1", "0: Stage 2", "0: OPEN SESAME", "1: OPEN SESAME"]);
    assert_eq!(engine.attempts(), 0);
}

#[test]
fn only_what_is_sent_to_the_door_counts() {
    let target = "198.51.100.9".parse().unwrap();
    let mut engine = engine([door(0, "7000,8000"), Door { target: Some(target), ..door(1, "7000,8000") }]);
    let elsewhere = Hit { destination: target, ..tcp(7000, 1) };
    assert_eq!(play(&mut engine, &[(0, elsewhere)]), ["1: Stage 1"]);
    engine.set_host(Host::interfaces(BTreeMap::new()));
    assert!(play(&mut engine, &[(0, tcp(7000, 1))]).is_empty());
    let unreal = Hit { source: "0.0.0.0".parse().unwrap(), ..elsewhere };
    engine.explain(true);
    assert_eq!(
        play(&mut engine, &[(0, unreal)]),
        [
            "0: ignored 7000:tcp: its source address cannot be a real peer",
            "1: ignored 7000:tcp: its source address cannot be a real peer"
        ]
    );
}

#[test]
fn a_one_time_door_is_shut_until_its_next_sequence_comes() {
    let one_time = |number, sequence| Door { one_time: true, ..door(number, sequence) };
    let mut engine = engine([one_time(3, "7000,8000")]);
    let other = |hit: Hit| Hit { source: "192.0.2.8".parse().unwrap(), ..hit };
    let hits = [(0, other(tcp(7000, 1))), (0, tcp(7000, 2)), (0, tcp(8000, 3)), (0, other(tcp(8000, 4)))];
    assert_eq!(play(&mut engine, &hits), ["3: Stage 1", "3: Stage 1", "3: OPEN SESAME"]);
    engine.add(one_time(4, "8000,7000"));
    // The attempt at the used sequence is over and doesn't stand in the new one's way.
    let hits = [(0, other(tcp(8000, 5))), (0, other(tcp(7000, 6)))];
    assert_eq!(play(&mut engine, &hits), ["4: Stage 1", "4: OPEN SESAME"]);
}

#[test]
fn the_next_sequence_of_a_one_time_door_counts_from_the_next_hit_on() {
    let one_time = |number: u32, sequence| Door {
        one_time: true,
        after: number.checked_sub(1).map(DoorNumber),
        ..door(number, sequence)
    };
    let mut engine = engine([one_time(0, "7000"), one_time(1, "7001"), one_time(2, "7002,8002")]);
    let numbers = |engine: &Engine| engine.doors().iter().map(|door| door.number.0).collect::<Vec<_>>();
    assert_eq!(numbers(&engine), [0]);
    let hits = [(0, tcp(7001, 1)), (0, tcp(7000, 2)), (0, tcp(7000, 3)), (0, tcp(7001, 4))];
    assert_eq!(play(&mut engine, &hits), ["0: OPEN SESAME", "1: OPEN SESAME"]);
    // What comes after the last one stands at once; what comes after one that never stood comes when that would have.
    for (number, sequence) in [(3, "7003"), (4, "7004"), (5, "7005")] {
        engine.add(one_time(number, sequence));
    }
    engine.remove(DoorNumber(4));
    assert_eq!(numbers(&engine), [2]);
    engine.remove(DoorNumber(2));
    assert_eq!(numbers(&engine), [3]);
    assert_eq!(play(&mut engine, &[(0, tcp(7003, 5))]), ["3: OPEN SESAME"]);
    assert_eq!(numbers(&engine), [5]);
    engine.remove(DoorNumber(5));
    engine.add(one_time(7, "7007"));
    assert_eq!(numbers(&engine), [7]);
}

#[test]
fn attempts_live_on_when_their_door_comes_again_under_its_number() {
    let mut engine = engine([door(0, "7000,8000"), door(1, "7000,9000")]);
    play(&mut engine, &[(0, tcp(7000, 1))]);
    engine.add(door(0, "7000,8000"));
    engine.remove(DoorNumber(1));
    assert_eq!(play(&mut engine, &[(1, tcp(8000, 2))]), ["0: OPEN SESAME"]);
    // The attempt at the door that is gone goes without a word.
    assert!(play(&mut engine, &[(11, tcp(8000, 3))]).is_empty());
    assert_eq!(engine.attempts(), 0);
}

#[test]
fn a_full_table_spares_those_half_way_through() {
    let mut engine = Engine::new(host(), 4, 7);
    engine.add(door(0, "7000,8000,9000"));
    play(&mut engine, &[(0, tcp(7000, 1)), (0, tcp(8000, 2))]);
    let mut gave_way = 0;
    for number in 0..100 {
        let source = std::net::Ipv4Addr::from(0x0a00_0000 + number).into();
        let hit = Hit { source, ..tcp(7000, number) };
        engine.hit(Moment::from_nanos(1), &hit, &mut |event| {
            gave_way += u32::from(event.what == What::GaveWay(1));
        });
    }
    assert_eq!(gave_way, 97);
    assert_eq!(play(&mut engine, &[(1, tcp(9000, 3))]), ["0: OPEN SESAME"]);
}

#[test]
fn knocks_count_by_protocol_and_port() {
    let mut engine = engine([door(0, "7000:udp,8000")]);
    assert_eq!(tcp(7000, 1).knock().unwrap().protocol, Protocol::Tcp);
    assert_eq!(
        play(&mut engine, &[(0, tcp(7000, 1)), (0, udp(7000)), (0, tcp(8000, 2))]),
        ["0: Stage 1", "0: OPEN SESAME"]
    );
}

/// 2,000 doors that begin alike, and how many entries of the table a hit looks at.
fn looks_of_many_doors(explains: bool, last: Hit) -> Vec<usize> {
    let mut engine = Engine::new(host(), 4096, 7);
    (0..MANY).for_each(|number| engine.add(door(number, "7000,8000,9000")));
    engine.explain(explains);
    let hits = [tcp(7000, 1), tcp(8000, 2), last];
    let looks = hits.map(|hit| {
        engine.attempts.looks.set(0);
        assert_eq!(play(&mut engine, &[(0, hit)]).len(), MANY as usize);
        engine.attempts.looks.get()
    });
    assert_eq!(engine.attempts(), 0);
    looks.into()
}

const MANY: u32 = 2000;

#[test]
fn the_cost_of_a_hit_grows_with_the_doors_and_not_with_their_square() {
    for explains in [false, true] {
        for last in [tcp(9000, 3), tcp(1, 3)] {
            let looks = looks_of_many_doors(explains, last);
            assert!(looks.iter().all(|looks| *looks <= 10 * MANY as usize), "{looks:?}");
            // The walk itself is counted: the second hit meets an attempt at every door.
            assert!(looks[1] >= MANY as usize, "{looks:?}");
        }
    }
}

#[test]
fn what_gave_way_during_the_same_hit_is_gone_for_the_doors_to_come() {
    for explains in [false, true] {
        let mut engine = Engine::new(host(), 4, 7);
        engine.add(door(0, "8000,9000,1"));
        (1..4).for_each(|number| engine.add(door(number, "7000,8000,9000")));
        play(&mut engine, &[(0, tcp(7000, 1)), (0, tcp(8000, 2))]);
        engine.explain(explains);
        let mut said = play(&mut engine, &[(0, tcp(9000, 3))]);
        said.retain(|said| !said.contains("ignored"));
        let expected =
            [(0, What::Stage(2)), (1, What::GaveWay(2)), (2, What::Opened(3)), (3, What::Opened(3))];
        assert_eq!(said, expected.map(|(door, what)| format!("{door}: {what}")));
        assert_eq!(engine.attempts(), 1);
    }
}

#[test]
fn an_attempt_is_not_taken_for_the_one_that_gave_way_to_it() {
    for explains in [false, true] {
        let mut engine = Engine::new(host(), 2, 7);
        engine.add(door(0, "8000,9000"));
        (1..3).for_each(|number| engine.add(door(number, "7000,8000")));
        play(&mut engine, &[(0, tcp(7000, 1))]);
        engine.explain(explains);
        let mut said = play(&mut engine, &[(0, tcp(8000, 2))]);
        said.retain(|said| !said.contains("ignored"));
        let expected = [(0, What::Stage(1)), (1, What::GaveWay(1)), (2, What::Opened(2))];
        assert_eq!(said, expected.map(|(door, what)| format!("{door}: {what}")));
        assert_eq!(engine.attempts(), 1);
    }
}

#[test]
fn explaining_says_nothing_of_a_door_that_is_gone() {
    let mut engine = engine([door(0, "7000,8000"), door(1, "7000,8000")]);
    play(&mut engine, &[(0, tcp(7000, 1))]);
    engine.remove(DoorNumber(0));
    engine.set_host(Host::interfaces(BTreeMap::new()));
    engine.explain(true);
    let unreal = Hit { source: "127.0.0.1".parse().unwrap(), ..tcp(8000, 2) };
    let said = play(&mut engine, &[(0, tcp(8000, 2)), (0, unreal)]);
    assert!(said.len() == 2 && said.iter().all(|said| said.starts_with("1: ignored")), "{said:?}");
}

#[test]
fn one_source_can_be_explained_without_the_others() {
    let mut engine = engine([door(0, "7000,8000"), door(1, "8000,7000")]);
    let [source, other] = ["192.0.2.7", "192.0.2.8"].map(|text| text.parse().unwrap());
    engine.explain_source(source, true);
    assert!(engine.explains_source(source) && !engine.explains_source(other));
    let hits = [(0, tcp(7000, 1)), (0, Hit { source: other, ..tcp(9000, 2) })];
    let why = "1: ignored 7000:tcp: there is no attempt that it could carry on and it is not the first knock";
    assert_eq!(play(&mut engine, &hits), ["0: Stage 1", why]);
    engine.explain_source(source, true);
    engine.explain_source(source, false);
    assert!(!engine.explains_source(source));
    assert!(play(&mut engine, &[(0, udp(1))]).is_empty());
    // The attempt has not suffered.
    assert_eq!(play(&mut engine, &[(1, tcp(8000, 3))]), ["0: OPEN SESAME", "1: Stage 1"]);
}
