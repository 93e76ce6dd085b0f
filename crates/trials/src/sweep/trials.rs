//! Everything that is swept.

use std::time::Duration;

use libtest_mimic::Trial;

use super::{Again, Death, OneTime, Opening, Recovery, Scene, Steps, Way, late_orphan, sweep};
use crate::sandbox::trial;

/// A trial for each sweep: with all steps there are, or with as many as there is time for in a test.
#[must_use]
pub fn trials(all: bool) -> Vec<Trial> {
    let steps = if all { Steps::All } else { Steps::Returns };
    // The start of a daemon has hundreds, most of which read something.
    let steps_of_start = if all { Steps::All } else { Steps::Traces };
    let opening = |doors, extends, ways| Opening { doors, extends, ways };
    vec![
        swept("recovery", Recovery { ways: &[CUT, ORPHANS] }, steps_of_start),
        swept("opening", opening(&["door"], false, &[CUT, KILL, ORPHANS]), steps),
        swept("two_openings", opening(&["one", "two"], false, &[KILL, ORPHANS]), steps),
        swept("extension", opening(&["door"], true, &[CUT, KILL]), steps),
        swept("one_time", OneTime, steps),
        trial("late_orphan", || late_orphan(ORPHANS)),
    ]
}

/// Everything dies, and it takes a while until the machine is up again.
const CUT: Way = Way {
    start: Duration::ZERO,
    stay: Duration::from_secs(1),
    stop: Duration::from_millis(100),
    death: Death::OfAll,
    again: Again::TooLate,
};

/// Everything dies, and the daemon is back at once.
const KILL: Way = Way { again: Again::AtOnce, ..CUT };

/// Only the daemon dies. A start command lives on for longer than its door should stay open, a stop command until the
/// next daemon runs.
const ORPHANS: Way = Way {
    start: Duration::from_millis(800),
    stay: Duration::from_millis(500),
    death: Death::OfTheDaemon,
    ..KILL
};

fn swept(name: &'static str, scene: impl Scene + Send + 'static, steps: Steps) -> Trial {
    trial(name, move || sweep(name, &scene, steps))
}
