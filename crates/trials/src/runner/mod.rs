//! Cases played, and what came of them.

mod daemon;
mod events;
mod live;
mod replay;
mod sentinel;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::{
    case::{Case, Only},
    sandbox,
    trouble::{Outcome, Trouble},
};

/// A trial for every way in which every case can be played: `replay::NAME` from a capture by our daemon, `live::NAME` in
/// real time by our daemon, `classic::NAME` in real time by the classic one.
pub fn trials(cases: Vec<Case>) -> Vec<Trial> {
    let all = cases.into_iter().map(Arc::new).flat_map(|case| {
        let replay = trial("replay", &case, replay::play);
        let live = trial("live", &case, live::ours);
        let classic = trial("classic", &case, live::classic);
        match &case.only {
            None => vec![replay, live, classic],
            Some(Only::Live(_)) => vec![live, classic],
            Some(Only::Replay(_)) => vec![replay],
        }
    });
    all.collect()
}

fn trial(runner: &str, case: &Arc<Case>, play: fn(&Case) -> Outcome) -> Trial {
    let case = Arc::clone(case);
    let name = format!("{runner}::{}", case.name);
    sandbox::trial(name, move || {
        play(&case).map_err(|trouble| Trouble::new(format!("{}\n{trouble}", case.proves)))
    })
}
