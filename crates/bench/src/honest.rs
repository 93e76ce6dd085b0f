//! People who knock as they should.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use trials::{
    net::{Daemon, Wire, await_some},
    trouble::Outcome,
};

use crate::site::{self, KNOCKS};

/// How many knock.
pub(crate) const COUNT: u16 = 20;

/// Between two knocks of one of them.
const PAUSE: Duration = Duration::from_millis(20);

/// Between one of them and the next.
const NEXT: Duration = Duration::from_millis(50);

/// How long after the last knock a door may open.
const LIMIT: Duration = Duration::from_secs(1);

/// Knocks three times for each of them. Takes about a second.
pub(crate) fn knock(wire: &Wire, protocol: &str) -> Outcome {
    let begun = Instant::now();
    let mut plan = Vec::new();
    for (source, start) in (1..=COUNT).zip(0_u32..) {
        for (port, step) in KNOCKS.into_iter().zip(0_u32..) {
            let frame = site::frame(&format!("{protocol} {} > SERVER:{port}", site::address(source)))?;
            plan.push((NEXT * start + PAUSE * step, frame));
        }
    }
    plan.sort_by_key(|(at, _)| *at);
    for (at, frame) in plan {
        thread::sleep(at.saturating_sub(begun.elapsed()));
        wire.send(&frame)?;
    }
    Ok(())
}

/// For how many of them the door has opened.
pub(crate) fn opened(daemon: &Daemon<'_>) -> usize {
    let opened = || {
        let lines = daemon.log().lines();
        let sources = lines.iter().filter_map(|line| line.strip_suffix(": door: OPEN SESAME"));
        sources.filter(|source| source.starts_with("10.7.")).collect::<BTreeSet<_>>().len()
    };
    let all = await_some(LIMIT, || (opened() == usize::from(COUNT)).then_some(usize::from(COUNT)));
    all.unwrap_or_else(opened)
}
