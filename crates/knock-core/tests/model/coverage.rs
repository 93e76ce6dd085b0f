//! That the scripts bring about everything that the rules speak of: otherwise nothing is proved.

use std::collections::BTreeMap;

use knock_core::event::{Reason, What};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{TestRng, TestRunner},
};

use crate::{
    cases,
    script::{DoorKinds, script},
    trace::{Change, Trace},
};

/// So many scripts are looked at, always the same ones.
const SCRIPTS: u32 = 500;

/// What is to occur at least once among them, stages with their number.
const WANTED: [&str; 25] = [
    "Stage 1",
    "Stage 2",
    "Stage 3",
    "Stage 4",
    "Opened 1",
    "Opened 2",
    "Opened 3",
    "Opened 4",
    "Opened 5",
    "Discarded 1",
    "Discarded 4",
    "Discarded and begun anew",
    "TimedOut 1",
    "TimedOut 4",
    "TimedOut at once",
    "GaveWay 1",
    "GaveWay 2",
    "GaveWay 3",
    "NotAddressed",
    "NoPeer",
    "Flags",
    "Protocol",
    "Copy",
    "Overlooked",
    "NotFirst",
];

#[test]
fn the_scripts_leave_nothing_out() {
    let config = cases(SCRIPTS);
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..SCRIPTS {
        let script = script(DoorKinds::All).new_tree(&mut runner).unwrap().current();
        for kind in kinds(&Trace::of(&script)) {
            *seen.entry(kind).or_default() += 1;
        }
    }
    for wanted in WANTED {
        assert!(seen.contains_key(wanted), "there is no {wanted} among {seen:#?}");
    }
}

fn kinds(trace: &Trace) -> Vec<String> {
    let mut kinds = Vec::new();
    for step in &trace.steps {
        let whats: Vec<What> = step.events.iter().map(|event| event.what).collect();
        kinds.extend(whats.iter().map(|what| kind(*what)));
        if whats.windows(2).any(|two| matches!(two, [What::Discarded { .. }, What::Stage(1)])) {
            kinds.push("Discarded and begun anew".into());
        }
        if let Change::Hit(now, _) | Change::Expire(now) = step.change
            && step.events.iter().any(|event| matches!(event.what, What::TimedOut(_)) && event.at == now)
        {
            kinds.push("TimedOut at once".into());
        }
    }
    kinds
}

fn kind(what: What) -> String {
    match what {
        What::Stage(stage) => format!("Stage {stage}"),
        What::Opened(stage) => format!("Opened {stage}"),
        What::Discarded { stage, .. } => format!("Discarded {stage}"),
        What::TimedOut(stage) => format!("TimedOut {stage}"),
        What::GaveWay(stage) => format!("GaveWay {stage}"),
        What::Ignored { reason, .. } => match reason {
            Reason::NotAddressed => "NotAddressed",
            Reason::NoPeer => "NoPeer",
            Reason::Flags(_) => "Flags",
            Reason::Protocol(_) => "Protocol",
            Reason::Copy => "Copy",
            Reason::NotFirst => "NotFirst",
            Reason::Overlooked => "Overlooked",
        }
        .into(),
    }
}
