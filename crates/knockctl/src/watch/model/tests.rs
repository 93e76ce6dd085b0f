use knockd::control::protocol::{
    ConfigurationStatus, DoorStatus, FilterStatus, InterfaceStatus, WatcherStatus,
};

use super::*;

/// How a daemon with one door is that has been running for an hour.
pub(in crate::watch) fn status() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        process: 7,
        up_ms: 3_600_000,
        configuration: ConfigurationStatus {
            path: "/etc/knockd.conf".to_owned(),
            age_ms: 0,
            is_outdated: false,
        },
        interfaces: vec![InterfaceStatus { name: "eth0".to_owned(), is_listened_on: true }],
        filter: FilterStatus::Exact,
        watcher: WatcherStatus { process: Some(8), ended: 0, is_confined: true, keeps: Vec::new() },
        packets_dropped: 0,
        openings_lost: 0,
        doors: vec![DoorStatus {
            name: "ssh".to_owned(),
            opens: Some("tcp/22".to_owned()),
            has_commands: false,
            stay_ms: Some(30_000),
            is_one_time: false,
            is_shut: false,
            open: Some(0),
        }],
    }
}

pub(in crate::watch) fn source(number: u8) -> IpAddr {
    [192, 0, 2, number].into()
}

pub(in crate::watch) fn stage(number: u8, stage: u8) -> Stage {
    Stage { door: "ssh".to_owned(), source: source(number), stage }
}

pub(in crate::watch) fn opened(number: u8, left_ms: u64, by_kernel: bool) -> Happening {
    Happening::Opened { door: "ssh".to_owned(), source: source(number), left_ms, by_kernel }
}

pub(in crate::watch) fn happen(model: &mut Model, second: u64, what: Happening) {
    let event = Event { at: String::new(), what };
    let at = format!("10:00:{second:02}");
    model.happen(Duration::from_secs(second), at, &event);
}

fn second(second: u64) -> Duration {
    Duration::from_secs(second)
}

#[test]
fn an_attempt_is_there_until_it_ends() {
    let mut model = Model::new();
    happen(&mut model, 0, Happening::Stage(stage(7, 1)));
    happen(&mut model, 2, Happening::Stage(stage(7, 2)));
    happen(&mut model, 2, Happening::Stage(stage(8, 2)));
    let who = |number| ("ssh".to_owned(), source(number));
    assert_eq!(model.attempts[&who(7)], Attempt { stage: 2, since: Some(second(0)), last: second(2) });
    assert_eq!(model.attempts[&who(8)].since, None);
    happen(&mut model, 3, Happening::TimedOut(stage(8, 2)));
    happen(&mut model, 3, Happening::Completed(stage(7, 3)));
    assert!(model.attempts.is_empty());
    assert_eq!((model.counts.knocks, model.counts.late, model.lines.len()), (3, 1, 5));
}

#[test]
fn a_flood_of_first_knocks_leaves_who_has_come_further() {
    let mut model = Model::new();
    happen(&mut model, 0, Happening::Stage(Stage { source: [10, 9, 9, 9].into(), ..stage(0, 2) }));
    for number in 0..3000_u32 {
        let source = std::net::Ipv4Addr::from(number).into();
        happen(&mut model, 1, Happening::Stage(Stage { source, ..stage(0, 1) }));
    }
    assert_eq!((model.attempts.len(), model.lines.len()), (MOST_ATTEMPTS, MOST_LINES));
    assert!(model.attempts.contains_key(&("ssh".to_owned(), [10, 9, 9, 9].into())));
}

#[test]
fn what_the_kernel_closes_is_gone_with_its_time_and_the_rest_when_it_is_told() {
    let mut model = Model::new();
    happen(&mut model, 0, opened(7, 5_000, true));
    happen(&mut model, 0, opened(8, 5_000, false));
    model.pass_time(second(4));
    assert_eq!(model.openings.len(), 2);
    model.pass_time(second(5));
    assert_eq!(model.openings.len(), 1, "a command may be late");
    happen(&mut model, 6, Happening::Expired { door: "ssh".to_owned(), source: source(8) });
    happen(&mut model, 7, Happening::Closed { door: "ssh".to_owned(), source: source(8) });
    assert!(model.openings.is_empty());
    let (door, source) = ("ssh".to_owned(), source(9));
    happen(&mut model, 8, Happening::Extended { door, source, left_ms: None, by_kernel: false });
    assert_eq!(model.openings.len(), 1);
    assert_eq!(model.next_change(second(8)), None, "what has no end changes nothing");
}

#[test]
fn what_is_opened_by_hand_was_opened_by_no_knock() {
    let mut model = Model::new();
    let by_hand = |number, hand: &str| Happening::ByHand {
        door: "ssh".to_owned(),
        source: Some(source(number)),
        hand: hand.to_owned(),
        by_ms: None,
        user: 0,
    };
    // The kernel opens, and a command is to close: that is told one after the other.
    happen(&mut model, 0, by_hand(7, "opened"));
    happen(&mut model, 0, opened(7, 5_000, true));
    happen(&mut model, 0, opened(7, 5_000, false));
    assert_eq!((model.counts.by_hand, model.counts.opened, model.openings.len()), (1, 0, 1));
    happen(&mut model, 1, by_hand(7, "closed"));
    happen(&mut model, 1, Happening::Closed { door: "ssh".to_owned(), source: source(7) });
    happen(&mut model, 2, Happening::Completed(stage(7, 3)));
    happen(&mut model, 2, opened(7, 5_000, true));
    happen(&mut model, 2, opened(7, 5_000, false));
    assert_eq!((model.counts.by_hand, model.counts.opened), (2, 1));
}

#[test]
fn what_the_kernel_is_to_close_is_gone_with_its_time_when_it_was_extended() {
    let mut model = Model::new();
    happen(&mut model, 0, opened(7, 5_000, true));
    let (door, source) = ("ssh".to_owned(), source(7));
    happen(&mut model, 1, Happening::Extended { door, source, left_ms: Some(10_000), by_kernel: true });
    model.pass_time(second(10));
    assert_eq!(model.openings.len(), 1);
    model.pass_time(second(11));
    assert!(model.openings.is_empty());
}

#[test]
fn a_list_is_all_there_is() {
    let mut model = Model::new();
    happen(&mut model, 0, opened(7, 5_000, true));
    let shown = OpeningShown {
        door: "web".to_owned(),
        source: source(8),
        phase: Phase::Opening,
        left_ms: Some(1500),
        by_kernel: false,
    };
    model.note_list(second(1), List { openings: vec![shown], left_out: 0 });
    let open = Open { phase: Phase::Opening, until: Some(Duration::from_millis(2500)), by_kernel: false };
    assert_eq!(model.openings, BTreeMap::from([(("web".to_owned(), source(8)), open)]));
}

#[test]
fn the_picture_changes_with_full_seconds_while_something_counts() {
    let mut model = Model::new();
    assert_eq!(model.next_change(Duration::from_millis(1_250)), None);
    happen(&mut model, 0, Happening::Stage(stage(7, 1)));
    assert_eq!(model.next_change(Duration::from_millis(1_250)), Some(Duration::from_millis(750)));
    model.note_link(Link::Lost("gone".to_owned()));
    assert_eq!(model.next_change(second(1)), None);
    model.note_status(second(1), status());
    assert_eq!(model.next_change(second(1)), Some(MINUTE));
}
