//! The engine against a naive keeper of doors, and what must hold of it whatever happens.
//!
//! The keeper of [`keeper`] is written from the rules as people read them and searches lists; [`script`] makes up doors,
//! hits and changes in which everything collides, [`trace`] is what then happened by the keeper's word, and the tests
//! here let the engine live through it. `PROPTEST_CASES` says how many times, 5,000 unless it is set.
#![cfg(test)]

mod coverage;
mod hostile;
mod keeper;
mod scan;
mod script;
mod trace;

use knock_core::{
    engine::Engine,
    event::{Event, What},
    moment::Moment,
};
use proptest::{prelude::*, test_runner::RngAlgorithm};

use crate::{
    script::{DoorKinds, script},
    trace::{Change, Trace},
};

/// So many cases; `proptest!` lets `PROPTEST_CASES` override it.
fn cases(cases: u32) -> ProptestConfig {
    // The default generator is meant for optimised builds: in others it takes most of the time.
    let rng_algorithm = RngAlgorithm::XorShift;
    ProptestConfig { cases, rng_algorithm, failure_persistence: None, ..ProptestConfig::default() }
}

/// Lets the engine live through a change and returns what it says.
fn live_through(engine: &mut Engine, change: &Change) -> Vec<Event> {
    let mut said = Vec::new();
    let mut tell = |event| said.push(event);
    match change {
        Change::Hit(now, hit) => engine.hit(*now, hit, &mut tell),
        Change::Expire(now) => engine.expire(*now, &mut tell),
        Change::Add(door) => engine.add(door.clone()),
        Change::Remove(number) => engine.remove(*number),
        Change::Host(host) => engine.set_host(host.clone()),
    }
    said
}

/// Nothing says which of the attempts that run out at the same moment is named first: here it is the lowest door's.
fn settle_ties(events: &mut [Event]) {
    let ran_out = |event: &Event| matches!(event.what, What::TimedOut(_));
    let tie = |one: &Event, other: &Event| ran_out(one) && ran_out(other) && one.at == other.at;
    for tied in events.chunk_by_mut(tie) {
        tied.sort_by_key(|event| (event.door, event.source));
    }
}

fn is_news(event: &Event) -> bool {
    !matches!(event.what, What::Ignored { .. })
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn the_engine_does_as_the_rules_say(script in script(DoorKinds::All)) {
        let trace = Trace::of(&script);
        let mut silent = Engine::new(trace.host.clone(), script.capacity, script.seed);
        let mut explaining = Engine::new(trace.host.clone(), script.capacity, script.seed);
        explaining.explain(true);
        for (place, step) in trace.steps.iter().enumerate() {
            let mut expected = step.events.clone();
            settle_ties(&mut expected);
            let mut explained = live_through(&mut explaining, &step.change);
            settle_ties(&mut explained);
            prop_assert_eq!(&explained, &expected, "explained, step {}: {:?}", place, step.change);
            let mut said = live_through(&mut silent, &step.change);
            settle_ties(&mut said);
            expected.retain(is_news);
            prop_assert_eq!(&said, &expected, "step {}: {:?}", place, step.change);
            for engine in [&silent, &explaining] {
                prop_assert_eq!(engine.attempts(), step.attempts, "step {}: {:?}", place, step.change);
                prop_assert_eq!(engine.next_deadline(), step.next_deadline, "step {}: {:?}", place, step.change);
                prop_assert!(engine.attempts() <= script.capacity);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_source_is_on_its_own(script in script(DoorKinds::Lasting)) {
        let trace = Trace::of(&script::Script { capacity: 1_000, ..script });
        let sources = trace.sources();
        for source in sources {
            let mut among_others = Engine::new(trace.host.clone(), 1_000, script.seed);
            let mut alone = Engine::new(trace.host.clone(), 1_000, script.seed);
            let (mut heard, mut heard_alone) = (Vec::new(), Vec::new());
            for change in trace.in_order_of_time().chain([Change::Expire(Moment::MAX)]) {
                heard.extend(live_through(&mut among_others, &change));
                // Where others send something, here only time passes.
                let change = match change {
                    Change::Hit(now, hit) if hit.source != source => Change::Expire(now),
                    change => change,
                };
                heard_alone.extend(live_through(&mut alone, &change));
            }
            heard.retain(|event| event.source == source);
            settle_ties(&mut heard);
            settle_ties(&mut heard_alone);
            prop_assert_eq!(heard, heard_alone, "{}", source);
        }
    }
}
