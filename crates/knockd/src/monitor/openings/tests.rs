use super::*;

const STAY: Duration = Duration::from_secs(5);

fn openings() -> Openings {
    Openings::new(OpeningId(0))
}

fn opening(start: Option<&str>, stop: Option<&str>) -> Opening {
    Opening {
        door: "ssh".into(),
        ordinal: 0,
        source: "192.0.2.7".parse().unwrap(),
        start: start.map(str::to_owned),
        stop: stop.map(str::to_owned),
        stay: STAY,
    }
}

fn both() -> Opening {
    opening(Some("start"), Some("stop"))
}

fn at(second: u64) -> Moment {
    Moment::from_nanos(second * 1_000_000_000)
}

/// The deeds in short: the number of the opening and what is done with it.
fn short(deeds: &[Deed]) -> Vec<String> {
    deeds
        .iter()
        .filter(|deed| !matches!(deed, Deed::SayOpened(..) | Deed::SayClosed(..)))
        .map(|deed| match deed {
            Deed::Run(job) => format!("{} {}", job.opening.0, job.command),
            Deed::NoteOpened(id, _) => format!("{} noted", id.0),
            Deed::NoteLasts(id, left) => format!("{} lasts {}", id.0, left.as_secs()),
            Deed::NoteClosed(id) => format!("{} closed", id.0),
            Deed::EndRemains(id, ..) => format!("{} ended", id.0),
            Deed::SayTimeout(door, _) => format!("{door} timeout"),
            Deed::SayExtended(door, ..) => format!("{door} extended"),
            Deed::SayOpened(door, _, left) => format!("{door} open {}", left.as_secs()),
            Deed::SayClosed(door, _) => format!("{door} closed"),
            Deed::SayTooMany(door, _) => format!("{door} too many"),
        })
        .collect()
}

/// Opens, noting it: what is to be done then.
fn open(openings: &mut Openings, now: Moment, opening: Opening, reknock: Reknock) -> Vec<String> {
    let deeds = openings.open(now, opening, reknock);
    match deeds[..] {
        [Deed::NoteOpened(id, _)] => short(&openings.noted(now, id)),
        _ => short(&deeds),
    }
}

#[test]
fn stop_follows_start_after_the_doors_time() {
    let mut openings = openings();
    assert_eq!(short(&openings.open(at(0), both(), Reknock::Again)), ["0 noted"]);
    assert_eq!(short(&openings.noted(at(1), OpeningId(0))), ["0 start"]);
    assert!(openings.noted(at(1), OpeningId(0)).is_empty());
    assert_eq!(openings.next_deadline(), None);
    assert_eq!(short(&openings.started(at(3), OpeningId(0))), ["0 lasts 5"]);
    assert_eq!(openings.next_deadline(), Some(at(8)));
    assert!(openings.close_due(at(7)).is_empty());
    assert_eq!(short(&openings.close_due(at(8))), ["ssh timeout", "0 stop"]);
    assert_eq!(short(&openings.stopped(at(9), OpeningId(0))), ["0 closed"]);
    assert!(openings.is_empty());
}

#[test]
fn what_has_no_stop_command_is_over_with_its_start_command() {
    let mut openings = openings();
    assert_eq!(short(&openings.open(at(0), opening(Some("start"), None), Reknock::Again)), ["0 start"]);
    assert!(openings.started(at(1), OpeningId(0)).is_empty());
    assert!(openings.open(at(2), opening(None, None), Reknock::Again).is_empty());
    assert!(openings.is_empty());
}

#[test]
fn what_has_no_start_command_is_closed_all_the_same() {
    let mut openings = openings();
    assert_eq!(open(&mut openings, at(0), opening(None, Some("stop")), Reknock::Again), ["0 lasts 5"]);
    assert_eq!(short(&openings.close_due(at(5))), ["ssh timeout", "0 stop"]);
}

#[test]
fn what_could_not_be_noted_never_begins() {
    let mut openings = openings();
    openings.open(at(0), both(), Reknock::Again);
    assert_eq!(openings.refused(OpeningId(0)), Some(both()));
    assert!(openings.noted(at(0), OpeningId(0)).is_empty());
    assert!(openings.is_empty() && openings.next_deadline().is_none());
}

#[test]
fn two_knocks_open_twice_and_close_twice() {
    let mut openings = openings();
    for _ in 0..2 {
        open(&mut openings, at(0), both(), Reknock::Again);
    }
    openings.started(at(0), OpeningId(0));
    openings.started(at(1), OpeningId(1));
    assert_eq!(short(&openings.close_due(at(5))), ["ssh timeout", "0 stop"]);
    assert_eq!(short(&openings.close_due(at(6))), ["ssh timeout", "1 stop"]);
}

#[test]
fn a_door_that_extends_only_moves_its_closing_time() {
    let mut openings = openings();
    openings.open(at(0), both(), Reknock::Extend);
    // Not even noted yet.
    assert_eq!(short(&openings.open(at(0), both(), Reknock::Extend)), ["ssh extended"]);
    openings.noted(at(0), OpeningId(0));
    assert_eq!(short(&openings.open(at(0), both(), Reknock::Extend)), ["ssh extended"]);
    openings.started(at(0), OpeningId(0));
    assert_eq!(short(&openings.open(at(4), both(), Reknock::Extend)), ["0 lasts 5", "ssh extended"]);
    assert_eq!(openings.next_deadline(), Some(at(9)));
    // A shorter stay takes nothing away.
    let shorter = Opening { stay: Duration::from_secs(1), ..both() };
    assert_eq!(short(&openings.open(at(5), shorter, Reknock::Extend)), ["0 lasts 4", "ssh extended"]);
    assert_eq!(short(&openings.close_due(at(9))), ["ssh timeout", "0 stop"]);
    // It is being closed: this one has to be opened anew.
    assert_eq!(open(&mut openings, at(9), both(), Reknock::Extend), ["1 start"]);
    assert_eq!(short(&openings.stopped(at(9), OpeningId(0))), ["0 closed"]);
    assert_eq!(short(&openings.open(at(10), both(), Reknock::Extend)), ["ssh extended"]);
}

#[test]
fn what_was_left_open_is_closed_on_time_and_what_still_runs_of_it_ended_before() {
    let mut openings = openings();
    openings.take_up(at(10), OpeningId(70), opening(None, Some("stop 70")), Duration::from_secs(3));
    openings.take_up(at(10), OpeningId(71), opening(None, Some("stop 71")), Duration::ZERO);
    assert_eq!(short(&openings.close_due(at(10))), ["ssh timeout", "71 ended", "71 stop 71"]);
    assert_eq!(openings.next_deadline(), Some(at(13)));
    assert_eq!(short(&openings.stopped(at(9), OpeningId(71))), ["71 closed"]);
    assert_eq!(short(&openings.close_all()), ["70 ended", "70 stop 70"]);
    assert_eq!(short(&openings.stopped(at(9), OpeningId(70))), ["70 closed"]);
    assert!(openings.is_empty());
}

/// It may not be open at all, for a reboot may have been the reason.
#[test]
fn a_knock_at_what_was_left_open_closes_it_and_opens_anew() {
    let mut openings = openings();
    openings.take_up(at(10), OpeningId(70), both(), Duration::from_secs(3));
    let deeds = openings.open(at(12), both(), Reknock::Extend);
    assert_eq!(short(&deeds), ["70 ended", "70 stop", "0 noted"]);
    assert!(openings.noted(at(12), OpeningId(0)).is_empty(), "it has to wait");
    assert_eq!(short(&openings.open(at(12), both(), Reknock::Extend)), ["ssh extended"]);
    assert_eq!(short(&openings.stopped(at(13), OpeningId(70))), ["70 closed", "0 start"]);
    assert_eq!(short(&openings.started(at(13), OpeningId(0))), ["0 lasts 5"]);
    // Closed before the new one was noted, it holds up nothing.
    openings.take_up(at(20), OpeningId(71), both(), Duration::from_secs(3));
    openings.open(at(20), both(), Reknock::Extend);
    assert_eq!(short(&openings.stopped(at(21), OpeningId(71))), ["71 closed"]);
    assert_eq!(short(&openings.noted(at(21), OpeningId(1))), ["1 start"]);
}

#[test]
fn what_waits_for_another_to_be_closed_never_begins_at_the_end() {
    let mut openings = openings();
    openings.take_up(at(10), OpeningId(70), both(), Duration::from_secs(3));
    assert_eq!(open(&mut openings, at(12), both(), Reknock::Extend).len(), 3);
    openings.noted(at(12), OpeningId(0));
    assert_eq!(short(&openings.close_all()), ["0 closed"]);
    assert_eq!(short(&openings.stopped(at(13), OpeningId(70))), ["70 closed"]);
    assert!(openings.is_empty());
}

#[test]
fn a_door_that_a_reload_has_changed_opens_anew() {
    let mut openings = openings();
    open(&mut openings, at(0), both(), Reknock::Extend);
    openings.started(at(0), OpeningId(0));
    let changed = opening(Some("start now"), Some("stop"));
    assert_eq!(open(&mut openings, at(1), changed, Reknock::Extend), ["1 start now"]);
}

#[test]
fn the_time_of_a_start_command_that_hangs_has_an_end() {
    let mut openings = openings();
    open(&mut openings, at(0), both(), Reknock::Again);
    open(&mut openings, at(0), both(), Reknock::Again);
    assert_eq!(short(&openings.hangs(at(30), OpeningId(0))), ["0 lasts 5"]);
    assert_eq!(short(&openings.hangs(at(30), OpeningId(1))), ["1 lasts 5"]);
    // One does end, and has its time from then on.
    assert_eq!(short(&openings.started(at(33), OpeningId(1))), ["1 lasts 5"]);
    assert_eq!(short(&openings.close_due(at(35))), ["ssh timeout", "0 ended", "0 stop"]);
    assert_eq!(short(&openings.close_due(at(38))), ["ssh timeout", "1 stop"]);
    assert!(openings.started(at(39), OpeningId(0)).is_empty());
    assert!(openings.hangs(at(39), OpeningId(0)).is_empty());
    openings.stopped(at(39), OpeningId(0));
    openings.stopped(at(39), OpeningId(1));
    assert!(openings.is_empty());
}

#[test]
fn everything_can_be_closed_at_once() {
    let mut openings = openings();
    for _ in 0..3 {
        open(&mut openings, at(0), both(), Reknock::Again);
    }
    openings.open(at(0), both(), Reknock::Again);
    openings.open(at(0), opening(Some("start"), None), Reknock::Again);
    openings.started(at(0), OpeningId(0));
    assert_eq!(short(&openings.close_all()), ["3 closed", "0 stop"]);
    assert!(openings.started(at(1), OpeningId(4)).is_empty());
    assert_eq!(short(&openings.started(at(1), OpeningId(1))), ["1 stop"]);
    assert_eq!(short(&openings.abandon(OpeningId(2))), ["2 closed"]);
    openings.stopped(at(9), OpeningId(0));
    openings.stopped(at(9), OpeningId(1));
    assert!(openings.is_empty() && openings.next_deadline().is_none());
}

#[test]
fn what_never_ends_to_open_is_ended_and_closed_at_the_end() {
    let mut openings = openings();
    open(&mut openings, at(0), both(), Reknock::Again);
    assert!(openings.close_all().is_empty());
    assert_eq!(openings.unclosed().count(), 1);
    assert_eq!(short(&openings.close_hanging()), ["0 ended", "0 stop"]);
    // The end of the start command says nothing of the stop command.
    assert!(openings.started(at(1), OpeningId(0)).is_empty());
    assert_eq!(openings.unclosed().count(), 1);
    assert_eq!(short(&openings.stopped(at(9), OpeningId(0))), ["0 closed"]);
    assert_eq!(openings.unclosed().count(), 0);
}

#[test]
fn no_more_wait_than_can_be_borne_and_all_that_do_are_still_opened() {
    let mut openings = openings();
    let from = |number: u32| Opening { source: std::net::Ipv4Addr::from(number).into(), ..both() };
    for number in 0..8192 {
        assert_eq!(openings.open(at(0), from(number), Reknock::Extend).len(), 1);
    }
    // Whatever they wait for, another one does not open, but what waits already can be extended.
    (0..100).for_each(|id| _ = openings.noted(at(0), OpeningId(id)));
    assert_eq!(short(&openings.open(at(0), from(8192), Reknock::Extend)), ["ssh too many"]);
    assert_eq!(short(&openings.open(at(0), from(1), Reknock::Extend)), ["ssh extended"]);
    // One is open, one hangs and one was refused: there is room for three.
    openings.started(at(1), OpeningId(0));
    openings.hangs(at(1), OpeningId(1));
    openings.refused(OpeningId(200));
    for number in 9000..9003 {
        assert_eq!(openings.open(at(1), from(number), Reknock::Again).len(), 1);
    }
    assert_eq!(short(&openings.open(at(1), from(9003), Reknock::Again)), ["ssh too many"]);
    // At the end the others are forgotten, and nothing is left that waits.
    openings.close_all();
    for id in 0..8195 {
        openings.started(at(2), OpeningId(id));
        openings.stopped(at(2), OpeningId(id));
    }
    assert!(openings.is_empty());
    assert_eq!(openings.waiting, 0);
}

#[test]
fn somebody_can_close_before_the_time_is_over() {
    let mut openings = openings();
    let source = both().source;
    open(&mut openings, at(0), both(), Reknock::Again);
    openings.started(at(0), OpeningId(0));
    assert!(openings.has("ssh", 0, source) && !openings.has("ssh", 1, source));
    assert_eq!(openings.close_by_hand("web", None).0, 0);
    assert_eq!(openings.close_by_hand("ssh", Some([10, 0, 0, 1].into())).0, 0);
    assert!(openings.can_be_closed("ssh", Some(source)) && !openings.can_be_closed("web", None));
    let (count, deeds) = openings.close_by_hand("ssh", Some(source));
    assert_eq!((count, short(&deeds)), (1, vec!["0 stop".to_owned()]));
    assert_eq!(openings.close_by_hand("ssh", None).0, 0, "it is under way");
    assert!(!openings.can_be_closed("ssh", None));
    assert_eq!(openings.next_deadline(), None);
    assert_eq!(short(&openings.stopped(at(1), OpeningId(0))), ["0 closed"]);
    assert!(openings.is_empty());
}

#[test]
fn what_is_closed_by_hand_while_it_opens_is_closed_then_or_never_begins() {
    let mut openings = openings();
    open(&mut openings, at(0), both(), Reknock::Again);
    openings.open(at(0), both(), Reknock::Again);
    let (count, deeds) = openings.close_by_hand("ssh", None);
    assert_eq!((count, short(&deeds)), (2, vec!["1 closed".to_owned()]));
    assert!(openings.noted(at(0), OpeningId(1)).is_empty());
    assert_eq!(short(&openings.started(at(1), OpeningId(0))), ["0 stop"]);
}

#[test]
fn what_is_closed_by_hand_while_it_hangs_is_closed_when_that_is_known() {
    let mut openings = openings();
    open(&mut openings, at(0), both(), Reknock::Again);
    assert!(openings.close_by_hand("ssh", None).1.is_empty());
    assert_eq!(short(&openings.hangs(at(30), OpeningId(0))), ["0 ended", "0 stop"]);
    assert!(openings.started(at(40), OpeningId(0)).is_empty());
    openings.stopped(at(41), OpeningId(0));
    assert!(openings.is_empty());
}

#[test]
fn what_is_extended_while_it_hangs_keeps_its_time() {
    let mut openings = openings();
    let (source, minute) = (both().source, Duration::from_secs(60));
    open(&mut openings, at(0), both(), Reknock::Again);
    openings.hangs(at(30), OpeningId(0));
    openings.extend_by_hand(at(31), "ssh", source, minute);
    assert_eq!(openings.next_deadline(), Some(at(95)));
    assert_eq!(short(&openings.started(at(40), OpeningId(0))), ["0 lasts 55"]);
    assert_eq!(openings.next_deadline(), Some(at(95)));
}

#[test]
fn somebody_can_have_it_last_longer() {
    let mut openings = openings();
    let (source, minute) = (both().source, Duration::from_secs(60));
    open(&mut openings, at(0), both(), Reknock::Again);
    assert_eq!(openings.extend_by_hand(at(0), "ssh", source, minute).0, None, "it is not open yet");
    openings.started(at(0), OpeningId(0));
    let (left, deeds) = openings.extend_by_hand(at(2), "ssh", source, minute);
    assert_eq!(left, Some(Duration::from_secs(63)));
    assert_eq!(short(&deeds), ["0 lasts 63", "ssh extended"]);
    assert_eq!(openings.next_deadline(), Some(at(65)));
    assert_eq!(openings.list(at(5), None, None, 9).0[0].left_ms, Some(60_000));
    assert_eq!(openings.list(at(5), Some("ssh"), Some(source), 0), (Vec::new(), 1));
    assert_eq!(openings.extend_by_hand(at(2), "web", source, minute).0, None);
}
