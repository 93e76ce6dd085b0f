//! Kills the daemon at every step of something, starts it again, and looks whether its promises hold.
//!
//! A step is a stop between two system calls of the daemon's first thread: what the others do (log lines, names) leaves
//! nothing behind that the next daemon reads.

mod course;
mod death;
mod doors;
mod judgement;
mod late_orphan;
mod one_time;
mod opening;
mod places;
mod record;
mod recovery;
mod trials;
mod uptime;
mod way;

use std::{
    fmt, fs, io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

pub use self::{
    course::{Fate, Step, Steps},
    death::Death,
    late_orphan::late_orphan,
    one_time::OneTime,
    opening::Opening,
    recovery::Recovery,
    trials::trials,
    uptime::Uptime,
    way::{Again, Way},
};
use crate::{
    net::{Daemon, Lab, Setup},
    trouble::{Outcome, Trouble, While, ensure},
};

/// Something that a daemon does, step by step, and what must be so when it was killed on the way.
pub trait Scene: Sync {
    /// The ways in which each step is tried.
    type Way: Copy + fmt::Display + Sync;

    /// Those ways.
    fn ways(&self) -> &[Self::Way];

    /// Plays it, kills the daemon at this step, and looks whether all is as it must be.
    fn play(&self, step: Step, way: Self::Way) -> Outcome<Played>;
}

/// What came of a run that was as it must be but for the time.
#[derive(Debug)]
pub struct Played {
    /// Whether the daemon was killed: it was not if it has fewer steps.
    pub fate: Fate,
    /// What came later than it should. On a busy machine that happens now and then, to a daemon that comes late always.
    pub late: Option<Trouble>,
}

/// How many runs of the same step in the same way have to be late to be held against the daemon.
const LATE: usize = 4;

/// Plays a scene with every step, from the first on until it is over before the step comes.
///
/// Prints how many steps there were.
pub fn sweep(name: &str, scene: &impl Scene, steps: Steps) -> Outcome {
    let sweep = Sweep {
        scene,
        steps,
        next: AtomicUsize::new(0),
        played: AtomicUsize::new(0),
        late: AtomicUsize::new(0),
        ends: scene.ways().iter().map(|_| AtomicUsize::new(usize::MAX)).collect(),
        failures: Mutex::default(),
    };
    thread::scope(|scope| {
        for _ in 0..places::PLACES {
            scope.spawn(|| sweep.work());
        }
    });
    let mut failures = sweep.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort_by_key(|(step, _)| *step);
    if let Some((_, trouble)) = failures.into_iter().next() {
        return Err(trouble);
    }
    let count = sweep.ends.iter().map(|end| end.load(Ordering::Relaxed)).max().unwrap_or_default();
    let (runs, late) = (sweep.played.into_inner(), sweep.late.into_inner());
    println!("{name}: {count} steps, {runs} runs, {late} of them late and played again");
    ensure(count > 0, "there was nothing to be killed at")
}

struct Sweep<'a, S> {
    scene: &'a S,
    steps: Steps,
    /// The number of the next run: the steps one after the other, each in every way.
    next: AtomicUsize,
    played: AtomicUsize,
    late: AtomicUsize,
    /// For each way, the first step that did not come.
    ends: Vec<AtomicUsize>,
    failures: Mutex<Vec<(usize, Trouble)>>,
}

impl<S: Scene> Sweep<'_, S> {
    fn work(&self) {
        loop {
            let _place = places::ALL.take();
            let Some((number, way, end)) = self.take() else { return };
            match self.play(Step { number, of: self.steps }, way) {
                Ok(Fate::Killed) => {}
                Ok(Fate::Lived) => {
                    end.fetch_min(number, Ordering::Relaxed);
                }
                Err(trouble) => {
                    let trouble = trouble.at(format!("step {number}, {way}"));
                    self.failures.lock().unwrap_or_else(PoisonError::into_inner).push((number, trouble));
                }
            }
        }
    }

    fn play(&self, step: Step, way: S::Way) -> Outcome<Fate> {
        let mut left = LATE;
        loop {
            left -= 1;
            self.played.fetch_add(1, Ordering::Relaxed);
            match self.scene.play(step, way)? {
                Played { fate, late: None } => return Ok(fate),
                Played { late: Some(trouble), .. } if left == 0 => return Err(trouble),
                Played { .. } => _ = self.late.fetch_add(1, Ordering::Relaxed),
            }
        }
    }

    /// The next run that is worth it.
    fn take(&self) -> Option<(usize, S::Way, &AtomicUsize)> {
        let ways = self.scene.ways();
        while self.failures.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            let run = self.next.fetch_add(1, Ordering::Relaxed);
            let (step, way) = (run.checked_div(ways.len())?, run.checked_rem(ways.len())?);
            if self.ends.iter().all(|end| end.load(Ordering::Relaxed) <= step) {
                return None;
            }
            let end = self.ends.get(way)?;
            if step < end.load(Ordering::Relaxed) {
                return Some((step, *ways.get(way)?, end));
            }
        }
        None
    }
}

/// A daemon with this configuration and a state directory in the laboratory.
fn setup<'a>(lab: &'a Lab, config: &str) -> Outcome<Setup<'a>> {
    Ok(Setup::new(lab, config)?.with(&["--state-dir", "{DIR}/state"]))
}

/// Starts the next one after a daemon that is no more.
fn start_again<'a>(lab: &'a Lab, setup: &Setup<'a>) -> Outcome<Daemon<'a>> {
    forget_log(lab)?;
    setup.clone().start()
}

/// Takes the log away, if the one before has come to write it: in a new one it is seen when the next daemon is up.
fn forget_log(lab: &Lab) -> Outcome {
    match fs::remove_file(lab.directory().join("log")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).while_("the log"),
        _ => Ok(()),
    }
}
