use std::time::Duration;

use knock_core::{door::DoorNumber, event::What};

use super::*;
use crate::ipc::{Load, channel::Received};

fn event(what: What) -> Event {
    Event { at: Moment::default(), door: DoorNumber(1), source: "192.0.2.7".parse().unwrap(), what }
}

/// The opening of a door for the source of this number.
fn opening(door: u32, source: u32) -> Event {
    let source = std::net::Ipv4Addr::from(source).into();
    Event { at: Moment::default(), door: DoorNumber(door), source, what: What::Opened(3) }
}

fn some(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

fn received(channel: &Channel) -> Vec<Report> {
    let mut reports = Vec::new();
    while let Received::Message(frame, _) = channel.receive().unwrap() {
        reports.push(Report::decode(&frame).unwrap());
    }
    reports
}

#[test]
fn a_flood_is_counted_and_openings_go_through() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    let now = Moment::default();
    for _ in 0..100_000 {
        reporter.tell(now, event(What::Stage(1))).unwrap();
    }
    reporter.tell(now, event(What::Opened(3))).unwrap();
    let mut reports = Vec::new();
    let later = Moment::default().after(Duration::from_secs(60));
    while reporter.channel().is_congested() || reporter.next_deadline().is_some() {
        reports.extend(received(&far));
        reporter.flush(later).unwrap();
    }
    reports.extend(received(&far));
    let opened = Report::Happened(event(What::Opened(3)));
    let stages = reports.iter().filter(|report| **report == Report::Happened(event(What::Stage(1)))).count();
    assert!(stages <= 600, "{stages}");
    assert_eq!(reports.iter().filter(|report| **report == opened).count(), 1);
    let left_out = Report::LeftOut(Kind::Stage, some(100_000 - u32::try_from(stages).unwrap()));
    assert!(reports.contains(&left_out), "{:?}", reports.last());
}

fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

fn congested() -> (Reporter, Channel) {
    let (near, far) = Channel::pair().unwrap();
    let mut reporter = Reporter::new(near);
    while !reporter.channel().is_congested() {
        reporter.report(Report::Ready(Load::default())).unwrap();
    }
    (reporter, Channel::new(far))
}

#[test]
fn there_is_no_deadline_while_the_monitor_does_not_read() {
    let (mut reporter, far) = congested();
    reporter.tell(at(0), event(What::Stage(1))).unwrap();
    reporter.count_dropped(3);
    reporter.flush(at(60_000)).unwrap();
    assert!(reporter.channel().is_congested());
    assert_eq!(reporter.next_deadline(), None, "all is overdue, and nothing can be done");
    received(&far);
    reporter.channel.flush().unwrap();
    assert!(!reporter.channel().is_congested());
    assert_eq!(reporter.next_deadline(), Some(at(0)));
    assert_eq!(reporter.wanted(), PollFlags::IN);
    reporter.flush(at(60_000)).unwrap();
    let reports = received(&far);
    assert!(
        reports.ends_with(&[Report::LeftOut(Kind::Stage, some(1)), Report::Dropped(some(3))]),
        "{reports:?}"
    );
    assert_eq!(reporter.next_deadline(), None);
}

#[test]
fn dropped_packets_are_added_up_and_told_once_a_second() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    reporter.count_dropped(0);
    assert_eq!(reporter.next_deadline(), None);
    reporter.count_dropped(3);
    assert_eq!(reporter.next_deadline(), Some(at(0)));
    reporter.flush(at(5000)).unwrap();
    assert_eq!(received(&far), [Report::Dropped(some(3))]);
    reporter.count_dropped(4);
    reporter.flush(at(5001)).unwrap();
    reporter.count_dropped(5);
    assert_eq!(reporter.next_deadline(), Some(at(6000)));
    reporter.flush(at(5999)).unwrap();
    assert_eq!(received(&far), []);
    reporter.flush(at(6000)).unwrap();
    assert_eq!(received(&far), [Report::Dropped(some(9))]);
    assert_eq!(reporter.next_deadline(), None);
}

#[test]
fn dropped_packets_of_a_stopped_monitor_leave_one_report() {
    let (mut reporter, far) = congested();
    for second in 0..10_000 {
        reporter.count_dropped(7);
        reporter.flush(at(second * 1000)).unwrap();
    }
    let mut reports = received(&far);
    reporter.flush(at(10_000_000)).unwrap();
    reports.extend(received(&far));
    reports.retain(|report| *report != Report::Ready(Load::default()));
    assert_eq!(reports, [Report::Dropped(some(70_000))]);
}

#[test]
fn more_dropped_packets_than_a_report_holds_take_two() {
    let mut dropped = Tally { count: u64::from(u32::MAX) + 5, not_before: at(0) };
    assert_eq!(dropped.due(at(10)), Some(NonZeroU32::MAX));
    assert_eq!(dropped.due(at(10)), None);
    assert_eq!(dropped.due(at(1010)), Some(some(5)));
}

/// Reads what waits until the reporter has nothing more to say.
fn drained(reporter: &mut Reporter, far: &Channel, now: Moment) -> Vec<Report> {
    let mut reports = received(far);
    while reporter.wanted().contains(PollFlags::OUT) || reporter.next_deadline().is_some_and(|due| due <= now)
    {
        reporter.flush(now).unwrap();
        reports.extend(received(far));
    }
    reports
}

#[test]
fn five_thousand_openings_at_once_are_all_reported() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    let mut reports = Vec::new();
    for source in 0..5000 {
        reporter.tell(at(0), opening(1, source)).unwrap();
        if source % 500 == 0 {
            reports.extend(drained(&mut reporter, &far, at(0)));
        }
    }
    reports.extend(drained(&mut reporter, &far, at(0)));
    let all: Vec<Report> = (0..5000).map(|source| Report::Happened(opening(1, source))).collect();
    assert!(reports == all, "{} reports", reports.len());
}

#[test]
fn a_monitor_that_does_not_read_costs_no_memory_without_end() {
    let (mut reporter, far) = congested();
    for source in 0..8000 {
        reporter.tell(at(0), opening(1, source)).unwrap();
        reporter.flush(at(0)).unwrap();
    }
    let unsent = pace::UNSENT_OPENINGS;
    assert_eq!(reporter.unsent.len(), unsent as usize);
    // However many wait of others, a door that may stand no more after this one finds room, once.
    for source in 0..3 {
        reporter.tell(at(0), opening(2, source)).unwrap();
    }
    assert_eq!(reporter.unsent.len(), unsent as usize + 1);
    assert_eq!(reporter.next_deadline(), None);
    let reports = drained(&mut reporter, &far, at(0));
    let opened = |door| reports.iter().filter(|report| report.opens(DoorNumber(door))).count();
    assert_eq!((opened(1), opened(2)), (unsent as usize, 1));
    assert_eq!(reports.last(), Some(&Report::Lost(some(8000 - unsent + 2))));
}

#[test]
fn an_answer_comes_behind_the_openings_before_it() {
    let (mut reporter, far) = congested();
    reporter.tell(at(0), opening(1, 1)).unwrap();
    // Room for a few: what comes now must not go before what waits.
    far.receive().unwrap();
    reporter.channel.flush().unwrap();
    reporter.report(Report::Ready(Load::default())).unwrap();
    let reports = drained(&mut reporter, &far, at(0));
    let opening = reports.iter().position(|report| report.opens(DoorNumber(1))).unwrap();
    assert_eq!(reports[opening + 1..], [Report::Ready(Load::default())]);
}

#[test]
fn openings_without_end_are_counted() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    let mut reports = Vec::new();
    for source in 0..100_000 {
        reporter.tell(at(0), opening(1, source)).unwrap();
        if source % 200 == 0 {
            reports.extend(drained(&mut reporter, &far, at(0)));
        }
    }
    reporter.tell(at(0), opening(2, 0)).unwrap();
    reports.extend(drained(&mut reporter, &far, at(1000)));
    let opened = |door| reports.iter().filter(|report| report.opens(DoorNumber(door))).count();
    let burst = pace::OPENINGS.burst;
    assert_eq!((opened(1), opened(2)), (burst as usize, 1), "doors share nothing");
    let lost: u32 =
        reports.iter().map(|report| if let Report::Lost(count) = report { count.get() } else { 0 }).sum();
    assert_eq!(lost, 100_000 - burst);
}

#[test]
fn a_lone_event_goes_at_once_and_those_that_come_thick_together() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    let stage = |source| Event { what: What::Stage(1), ..opening(1, source) };
    let told = |sources: &[u32]| sources.iter().map(|one| Report::Happened(stage(*one))).collect::<Vec<_>>();
    for (time, source) in [(0, 1), (5, 2), (6, 3), (9, 4)] {
        reporter.tell(at(time), stage(source)).unwrap();
        reporter.flush(at(time)).unwrap();
    }
    assert_eq!(received(&far), told(&[1, 2]), "the others have come too soon after the second");
    assert_eq!(reporter.next_deadline(), Some(at(10)));
    reporter.flush(at(10)).unwrap();
    assert_eq!(received(&far), told(&[3, 4]));
    assert_eq!(reporter.next_deadline(), None);
    reporter.tell(at(11), stage(5)).unwrap();
    reporter.flush(at(11)).unwrap();
    assert_eq!(received(&far), [], "they still come thick");
    reporter.flush(at(15)).unwrap();
    reporter.tell(at(100), stage(6)).unwrap();
    assert_eq!(received(&far), told(&[5, 6]), "and no more");
}

#[test]
fn an_opening_goes_at_once_behind_what_was_gathered() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    let events = [What::Stage(1), What::Stage(2), What::Opened(3)].map(event);
    for event in events {
        reporter.tell(at(0), event).unwrap();
    }
    assert_eq!(received(&far), events.map(Report::Happened));
    assert_eq!(reporter.next_deadline(), None);
}

#[test]
fn no_more_is_gathered_than_there_is_room_for() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    for _ in 0..GATHERED + 2 {
        reporter.tell(at(0), event(What::Stage(1))).unwrap();
    }
    assert_eq!(received(&far).len(), GATHERED + 2);
}

#[test]
fn what_was_gathered_is_counted_when_the_monitor_gets_busy() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    for _ in 0..100 {
        reporter.tell(at(0), event(What::Stage(1))).unwrap();
    }
    // Behind the reporter's back, so that the channel is nearly full.
    while !reporter.channel.is_congested() {
        reporter.channel.send(Report::Ready(Load::default()).encode(), None).unwrap();
    }
    reporter.report(Report::Ready(Load::default())).unwrap();
    assert_eq!((reporter.gathered.len(), reporter.unsent.len()), (0, 1));
    let reports = drained(&mut reporter, &far, at(60_000));
    assert!(reports.contains(&Report::LeftOut(Kind::Stage, some(99))), "{:?}", reports.last());
}

fn hit(source: &str) -> Hit {
    Hit {
        interface: knock_core::interface::InterfaceIndex(1),
        source: source.parse().unwrap(),
        destination: "192.0.2.1".parse().unwrap(),
        port: 7,
        transport: knock_core::hit::Transport::Udp,
    }
}

#[test]
fn a_source_is_explained_beside_what_is_told_anyway() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    let (source, hit) = ("192.0.2.7".parse().unwrap(), hit("192.0.2.7"));
    let reason = knock_core::event::Reason::NotFirst;
    let ignored = event(What::Ignored { port: 7, protocol: hit.protocol(), reason });
    reporter.explain_source(source, true);
    for told in [ignored, event(What::Opened(3))] {
        reporter.count_hit(&hit);
        reporter.tell_of_hit(at(0), told, &hit).unwrap();
    }
    reporter.tell_of_time(at(0), event(What::TimedOut(1))).unwrap();
    let expected = [
        Report::Explained(Explanation::of_hit(ignored, &hit, 1)),
        Report::Explained(Explanation::of_hit(event(What::Opened(3)), &hit, 2)),
        Report::Happened(event(What::Opened(3))),
        Report::Happened(event(What::TimedOut(1))),
        Report::Explained(Explanation::of_time(event(What::TimedOut(1)))),
    ];
    assert_eq!(received(&far), expected);
    reporter.explain_source(source, false);
    reporter.count_hit(&hit);
    reporter.tell_of_hit(at(0), ignored, &hit).unwrap();
    assert_eq!(received(&far), []);
}

#[test]
fn explanations_too_many_are_counted_until_nobody_wants_them() {
    let (near, far) = Channel::pair().unwrap();
    let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
    let (source, hit) = ("192.0.2.7".parse().unwrap(), hit("192.0.2.7"));
    let reason = knock_core::event::Reason::NotFirst;
    let ignored = event(What::Ignored { port: 7, protocol: hit.protocol(), reason });
    reporter.explain_source(source, true);
    let tell = |reporter: &mut Reporter| {
        for _ in 0..1000 {
            reporter.tell_of_hit(at(0), ignored, &hit).unwrap();
            received(&far);
        }
    };
    tell(&mut reporter);
    assert_eq!(reporter.next_deadline(), Some(at(1000)));
    reporter.flush(at(1000)).unwrap();
    assert_eq!(received(&far), [Report::Unexplained(some(400))]);
    tell(&mut reporter);
    reporter.explain_source(source, false);
    assert_eq!(reporter.next_deadline(), None);
}
