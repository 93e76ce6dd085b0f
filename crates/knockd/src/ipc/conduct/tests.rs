use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use knock_core::{
    door::{FlagRule, WrongPort},
    event::Reason,
    explanation::Packet,
    sequence::{Knock, Protocol, Sequence},
};

use super::*;
use crate::{
    ipc::{Load, SocketNumber},
    sandbox::Protections,
};

/// Doors 0 and 1, and the one-time doors from 100 on, have three knocks each.
fn find(number: DoorNumber) -> Option<Door> {
    let knock = Knock { port: NonZeroU16::MIN, protocol: Protocol::Udp };
    let door = Door {
        number,
        sequence: Sequence::new(&[knock; 3]).unwrap(),
        timeout: Duration::from_secs(25),
        flags: FlagRule::default(),
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: number.0 >= 100,
        after: None,
    };
    matches!(number.0, 0 | 1 | 100..).then_some(door)
}

fn happened(door: u32, source: &str, what: What) -> Report {
    let source: IpAddr = source.parse().unwrap();
    Report::Happened(Event { at: Moment::default(), door: DoorNumber(door), source, what })
}

fn opened(door: u32) -> Report {
    happened(door, "192.0.2.7", What::Opened(3))
}

fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

/// One that has said what it has given up.
fn confined(explains: bool) -> Conduct {
    let mut conduct = Conduct::new(explains);
    conduct.examine(at(0), &Report::Confined(Protections::default()), find).unwrap();
    conduct
}

fn say(conduct: &mut Conduct, report: &Report) -> Result<(), Misconduct> {
    conduct.examine(at(0), report, find)
}

/// How many pass before one is too much.
fn borne(conduct: &mut Conduct, now: Moment, most: u32, report: impl Fn(u32) -> Report) -> u32 {
    let passes = |number: &u32| conduct.examine(now, &report(*number), find).is_ok();
    u32::try_from((0..most).take_while(passes).count()).unwrap()
}

#[test]
fn the_first_report_comes_first_and_once() {
    let first = Report::Confined(Protections::default());
    let mut conduct = Conduct::new(false);
    conduct.ask();
    for early in [Report::Ready(Load::default()), opened(0), Report::Deaf(SocketNumber(0), 0)] {
        assert_eq!(say(&mut conduct, &early), Err(Misconduct::OutOfTurn));
    }
    assert!(!conduct.is_confined());
    assert_eq!(say(&mut conduct, &first), Ok(()));
    assert!(conduct.is_confined());
    assert_eq!(say(&mut conduct, &first), Err(Misconduct::OutOfTurn));
}

#[test]
fn there_are_as_many_answers_as_questions() {
    let mut conduct = confined(false);
    assert_eq!(say(&mut conduct, &Report::Ready(Load::default())), Err(Misconduct::OutOfTurn));
    conduct.ask();
    conduct.ask();
    assert_eq!(say(&mut conduct, &Report::Ready(Load::default())), Ok(()));
    assert!(conduct.owes_answer());
    assert_eq!(say(&mut conduct, &Report::Ready(Load::default())), Ok(()));
    assert_eq!((conduct.owes_answer(), conduct.answers()), (false, 2));
    assert_eq!(say(&mut conduct, &Report::Ready(Load::default())), Err(Misconduct::OutOfTurn));
}

#[test]
fn stages_are_those_of_the_door() {
    let mut conduct = confined(false);
    let mut stage = |what| say(&mut conduct, &happened(0, "192.0.2.7", what));
    let discarded = |stage| What::Discarded { stage, port: 1, protocol: Protocol::Tcp };
    for what in [What::Stage(1), What::Opened(3), discarded(2), What::TimedOut(1), What::GaveWay(2)] {
        assert_eq!(stage(what), Ok(()), "{what:?}");
    }
    for what in [
        What::Stage(0),
        What::Stage(3),
        What::Opened(2),
        What::Opened(4),
        discarded(3),
        What::TimedOut(0),
        What::GaveWay(255),
    ] {
        assert_eq!(stage(what), Err(Misconduct::Stage), "{what:?}");
    }
    // What it says of doors that are gone is of no interest.
    assert_eq!(say(&mut conduct, &happened(50, "192.0.2.7", What::Stage(9))), Ok(()));
}

#[test]
fn nobody_knocks_from_where_nobody_is() {
    let mut conduct = confined(true);
    for source in ["0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "::", "ff02::1", "::ffff:192.0.2.7"]
    {
        for door in [0, 50] {
            let lie = happened(door, source, What::Opened(3));
            assert_eq!(say(&mut conduct, &lie), Err(Misconduct::Source), "{source}");
        }
        let what = What::Ignored { port: 1, protocol: Protocol::Udp, reason: Reason::NoPeer };
        assert_eq!(say(&mut conduct, &happened(0, source, what)), Ok(()), "{source}");
    }
    // On the loopback interface these are.
    assert_eq!(say(&mut conduct, &happened(0, "127.0.0.1", What::Opened(3))), Ok(()));
    assert_eq!(say(&mut conduct, &happened(0, "::1", What::Opened(3))), Ok(()));
}

#[test]
fn explanations_come_only_on_demand() {
    let what = What::Ignored { port: 1, protocol: Protocol::Udp, reason: Reason::NotFirst };
    let reports = [happened(0, "192.0.2.7", what), Report::LeftOut(Kind::Ignored, NonZeroU32::MIN)];
    for report in reports {
        assert_eq!(say(&mut confined(false), &report), Err(Misconduct::Unasked));
        assert_eq!(say(&mut confined(true), &report), Ok(()));
    }
}

#[test]
fn five_thousand_openings_at_once_go_through_and_no_end_of_them_does_not() {
    let mut conduct = confined(false);
    let count = borne(&mut conduct, at(0), 1_000_000, |_| opened(0));
    assert_eq!(count, pace::BORNE_OPENINGS.burst);
    assert!(count > 3 * 5000);
    assert_eq!(say(&mut conduct, &opened(0)), Err(Misconduct::TooMany("openings")));
    assert_eq!(say(&mut conduct, &opened(1)), Ok(()), "doors share nothing");
    // From then on some 20 a second.
    assert_eq!(borne(&mut conduct, at(10_000), 1_000_000, |_| opened(0)), 200);
}

#[test]
fn neither_one_time_doors_nor_unknown_ones_have_a_bucket_each() {
    let mut conduct = confined(false);
    assert_eq!(borne(&mut conduct, at(0), 1_000_000, |use_| opened(100 + use_)), pace::BORNE_OPENINGS.burst);
    let unknown = |number| opened(2 + number % 98);
    assert_eq!(borne(&mut conduct, at(0), 1_000_000, unknown), pace::BORNE_OPENINGS.burst);
}

#[test]
fn whatever_it_reports_there_is_an_end_to_it() {
    let one = NonZeroU32::MIN;
    let sums = Kind::ALL.map(|kind| Report::LeftOut(kind, one)).into_iter().chain([
        Report::Dropped(one),
        Report::Lost(one),
        Report::Deaf(SocketNumber(0), 5),
    ]);
    for report in sums {
        let mut conduct = confined(true);
        assert_eq!(borne(&mut conduct, at(0), 1_000_000, |_| report), pace::BORNE_SUMS.burst);
        assert_eq!(borne(&mut conduct, at(7000), 1_000_000, |_| report), 7, "one a second");
    }
    let events = [
        What::Stage(1),
        What::Discarded { stage: 1, port: 1, protocol: Protocol::Udp },
        What::TimedOut(1),
        What::GaveWay(1),
        What::Ignored { port: 1, protocol: Protocol::Udp, reason: Reason::Copy },
    ];
    for what in events {
        // Known doors and unknown ones alike.
        let event = |number| happened(number, "192.0.2.7", what);
        let mut conduct = confined(true);
        assert_eq!(borne(&mut conduct, at(0), 1_000_000, event), pace::BORNE_EVENTS.burst);
        assert_eq!(borne(&mut conduct, at(1000), 1_000_000, event), 40);
    }
}

/// All that an honest watcher can say in an hour, read at once after each minute in which the monitor was held up.
#[test]
fn an_honest_watcher_is_borne() {
    let mut conduct = confined(false);
    let (mut events, mut openings) = (Limit::new(pace::EVENTS), Limit::new(pace::OPENINGS));
    for minute in 0..60_u64 {
        let written = (0..60_000).map(|milli| at(minute * 60_000 + milli));
        let mut waiting = 0;
        for _ in written.filter(|now| openings.passes((), *now)) {
            waiting += 1;
        }
        let read = at((minute + 1) * 60_000);
        // What the kernel holds, and what waits in the watcher.
        for _ in 0..waiting.min(1024 + pace::UNSENT_OPENINGS) {
            assert_eq!(conduct.examine(read, &opened(0), find), Ok(()));
        }
        // And a flood that begins at that moment.
        for _ in 0..10_000 {
            if openings.passes((), read) {
                assert_eq!(conduct.examine(read, &opened(0), find), Ok(()));
            }
            if events.passes((), read) {
                let stage = happened(0, "192.0.2.7", What::Stage(1));
                assert_eq!(conduct.examine(read, &stage, find), Ok(()));
            }
        }
    }
}

fn explained(source: &str, what: What, packet: bool) -> Report {
    let Report::Happened(event) = happened(0, source, what) else { panic!("an event") };
    let packet = packet.then(|| Packet {
        number: 1,
        destination: "192.0.2.1".parse().unwrap(),
        port: 1,
        protocol: Protocol::Udp,
        flags: None,
    });
    Report::Explained(Explanation { event, packet })
}

#[test]
fn only_whom_it_was_told_to_explain_it_explains() {
    let (source, unexplained) = ("192.0.2.7".parse().unwrap(), Report::Unexplained(NonZeroU32::MIN));
    let why = || explained("192.0.2.7", What::Stage(1), true);
    let mut conduct = confined(true);
    assert_eq!(say(&mut conduct, &why()), Err(Misconduct::Unasked));
    assert_eq!(say(&mut conduct, &unexplained), Err(Misconduct::Unasked));
    conduct.explain(source);
    let ignored = What::Ignored { port: 1, protocol: Protocol::Udp, reason: Reason::NoPeer };
    for what in [What::Stage(1), What::Opened(3), ignored] {
        assert_eq!(say(&mut conduct, &explained("192.0.2.7", what, true)), Ok(()));
    }
    assert_eq!(say(&mut conduct, &explained("192.0.2.7", What::TimedOut(1), false)), Ok(()));
    assert_eq!(say(&mut conduct, &unexplained), Ok(()));
    assert_eq!(say(&mut conduct, &explained("192.0.2.8", What::Stage(1), true)), Err(Misconduct::Unasked));
    // That it explains one gives it no right to tell why hits of others did nothing.
    let others = happened(0, "192.0.2.7", ignored);
    assert_eq!(say(&mut confined(false), &others), Err(Misconduct::Unasked));
}

#[test]
fn what_it_has_explained_before_it_heard_to_stop_is_borne() {
    let source = "192.0.2.7".parse().unwrap();
    let mut conduct = confined(false);
    conduct.explain(source);
    conduct.ask();
    conduct.explain_no_more(source);
    conduct.ask();
    let why = explained("192.0.2.7", What::Stage(1), true);
    assert_eq!(say(&mut conduct, &why), Ok(()));
    assert_eq!(say(&mut conduct, &Report::Ready(Load::default())), Ok(()));
    assert_eq!(say(&mut conduct, &why), Ok(()), "this answer is to the question of before");
    assert_eq!(say(&mut conduct, &Report::Ready(Load::default())), Ok(()));
    assert_eq!(say(&mut conduct, &why), Err(Misconduct::Unasked));
    // Whoever asks again meanwhile is answered.
    conduct.explain(source);
    conduct.explain_no_more(source);
    conduct.explain(source);
    conduct.ask();
    assert_eq!(say(&mut conduct, &Report::Ready(Load::default())), Ok(()));
    assert_eq!(say(&mut conduct, &why), Ok(()));
}

#[test]
fn explanations_are_possible_and_have_an_end() {
    let mut conduct = confined(false);
    conduct.explain("192.0.2.7".parse().unwrap());
    for (what, packet) in [(What::Stage(1), false), (What::TimedOut(1), true), (What::GaveWay(1), true)] {
        let report = explained("192.0.2.7", what, packet);
        assert_eq!(say(&mut conduct, &report), Err(Misconduct::Explanation), "{what:?}");
    }
    let stage = explained("192.0.2.7", What::Stage(3), true);
    assert_eq!(say(&mut conduct, &stage), Err(Misconduct::Stage));
    let mut conduct = confined(false);
    conduct.explain("192.0.2.7".parse().unwrap());
    let why = |_| explained("192.0.2.7", What::Stage(1), true);
    assert_eq!(borne(&mut conduct, at(0), 1_000_000, why), pace::BORNE_EXPLANATIONS.burst);
    assert_eq!(borne(&mut conduct, at(1000), 1_000_000, why), 40);
}
