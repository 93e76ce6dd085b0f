use std::net::Ipv4Addr;

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

fn attempt(source: u32, started: u64) -> Attempt {
    Attempt {
        source: Ipv4Addr::from(source).into(),
        door: DoorNumber(0),
        stage: 1,
        deadline: Moment::from_nanos(started).after(LIMIT),
        last: None,
    }
}

fn slot_of(attempts: &Attempts, source: u32) -> Option<Slot> {
    attempts.of(Ipv4Addr::from(source).into()).next().map(|(slot, _)| slot)
}

fn source(attempt: Option<Attempt>) -> Option<u32> {
    match attempt?.source {
        IpAddr::V4(source) => Some(source.into()),
        IpAddr::V6(_) => None,
    }
}

fn filled(capacity: u32) -> Attempts {
    let mut attempts = Attempts::new(capacity as usize, 7);
    for number in 0..capacity {
        assert!(attempts.start(attempt(number, number.into()), LIMIT).is_none());
    }
    attempts
}

#[test]
fn an_entry_takes_one_cache_line() {
    assert_eq!(size_of::<Entry>(), 64);
}

#[test]
fn finds_what_it_holds_and_nothing_else() {
    let mut attempts = filled(64);
    assert!((0..64).all(|number| slot_of(&attempts, number).is_some()));
    assert!(slot_of(&attempts, 64).is_none());
    for number in (0..64).step_by(2) {
        let slot = slot_of(&attempts, number).unwrap();
        assert_eq!(source(attempts.remove(slot)), Some(number));
    }
    assert!((0..64).all(|number| slot_of(&attempts, number).is_some() == (number % 2 == 1)));
    assert_eq!(attempts.len(), 32);
}

#[test]
fn a_newcomer_to_a_full_table_takes_the_place_of_the_oldest_first_knock() {
    let mut attempts = filled(8);
    let slot = slot_of(&attempts, 0).unwrap();
    assert!(attempts.advance(slot, None).is_none());
    assert_eq!(source(attempts.start(attempt(100, 100), LIMIT)), Some(1));
    assert_eq!(attempts.len(), 8);
    assert!(slot_of(&attempts, 0).is_some());
}

#[test]
fn a_share_of_the_table_remains_for_first_knocks() {
    let mut attempts = filled(8);
    for number in 0..6 {
        let slot = slot_of(&attempts, number).unwrap();
        assert!(attempts.advance(slot, None).is_none());
    }
    // The furthest is not the one to go, though it is the oldest.
    let furthest = slot_of(&attempts, 0).unwrap();
    assert!(attempts.advance(furthest, None).is_none());
    let slot = slot_of(&attempts, 6).unwrap();
    assert_eq!(source(attempts.advance(slot, None)), Some(1));
    assert_eq!(attempts.len(), 7);
}

#[test]
fn runs_out_in_the_order_of_the_deadlines_whatever_the_limit() {
    let mut attempts = Attempts::new(8, 7);
    attempts.start(attempt(1, 0), LIMIT);
    let short = Attempt { deadline: Moment::from_nanos(50), ..attempt(2, 0) };
    attempts.start(short, Duration::from_nanos(50));
    assert_eq!(attempts.next_deadline(), Some(Moment::from_nanos(50)));
    assert!(attempts.expire_one(Moment::from_nanos(49)).is_none());
    assert_eq!(source(attempts.expire_one(Moment::from_nanos(50))), Some(2));
    assert!(attempts.expire_one(Moment::from_nanos(50)).is_none());
    assert_eq!(source(attempts.expire_one(Moment::MAX)), Some(1));
    assert_eq!(attempts.next_deadline(), None);
}

#[test]
fn limits_that_nobody_uses_any_more_are_forgotten() {
    let mut attempts = Attempts::new(8, 7);
    for limit in 1..1000 {
        attempts.start(attempt(1, 0), Duration::from_nanos(limit));
        let slot = slot_of(&attempts, 1).unwrap();
        attempts.remove(slot);
    }
    assert_eq!(attempts.classes.len(), 1);
}

#[test]
fn looks_ahead_at_what_hits_are_going_to_touch() {
    let attempts = filled(8);
    let sources = |numbers: std::ops::Range<u32>| numbers.map(|number| Ipv4Addr::from(number).into());
    let fetched = |sources: &mut dyn Iterator<Item = IpAddr>| {
        attempts.look_ahead(sources);
        attempts.fetched.take()
    };
    assert_eq!(fetched(&mut sources(0..0)), []);
    let one = fetched(&mut sources(3..4));
    let slot = slot_of(&attempts, 3).unwrap();
    let entry = &attempts.entries[place(slot)];
    let neighbours = [entry.by_age, entry.by_stage].map(list::Links::both);
    let needed: Vec<_> = neighbours.as_flattened().iter().copied().flatten().chain([slot]).collect();
    assert!(needed.iter().all(|slot| one.contains(slot)), "{needed:?} {one:?}");
    // It ends, however many there are.
    let most = Attempts::AHEAD * 2 * CHAIN_AND_NEIGHBOURS;
    assert!((1..=most).contains(&fetched(&mut sources(0..1000)).len()));
}

/// An entry, its neighbours in two orders, and those in its bucket; two entries of a bucket are looked at.
const CHAIN_AND_NEIGHBOURS: usize = 7;
