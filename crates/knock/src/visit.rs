//! One run, from the plan to the open port.

use std::{net::TcpStream, path::Path};

use knock_core::sequence::Knock;
use thiserror::Error;

use crate::{
    knocker::Knocker,
    one_time::{self, OneTimeError, Taken},
    origin::{Origin, OriginError},
    plan::{Check, Knocks, Plan},
    target::{self, ResolveError, Target},
    verify,
    voice::{Doing, Voice},
};

/// Knocks as the plan says. Returns the connections to ports that it was to find open if it succeeded, nothing if it did
/// not and the user has been told why.
pub(crate) fn carry_out(plan: &Plan, voice: &mut Voice<'_>) -> Result<Option<Vec<TcpStream>>, VisitError> {
    let targets = reachable(&plan.origin, target::resolve(&plan.host, plan.family)?, voice)?;
    match &plan.knocks {
        Knocks::Given(knocks) => Ok(visit(plan, &targets, knocks, voice)),
        Knocks::OneTime(path) => {
            // Only now that a way is known to exist: what is taken from the file is gone.
            let taken = one_time::take(path)?;
            Ok(visit_once(plan, &targets, path, &taken, voice))
        }
    }
}

/// Why nothing was sent at all.
#[derive(Debug, Error)]
pub(crate) enum VisitError {
    /// There is nobody to knock at.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// There is no way to them.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// There is no sequence to knock.
    #[error(transparent)]
    OneTime(#[from] OneTimeError),
}

/// The targets that a route leads to. Of a host with two addresses one is enough: many a network has no IPv6, and what
/// can't be reached to knock at can't be reached afterwards either.
fn reachable(
    origin: &Origin,
    targets: Vec<Target>,
    voice: &mut Voice<'_>,
) -> Result<Vec<Target>, OriginError> {
    let mut reachable = Vec::new();
    let mut unreachable = Vec::new();
    for target in targets {
        match origin.check_way(target) {
            Ok(()) => reachable.push(target),
            Err(reason) => unreachable.push((target, reason)),
        }
    }
    if reachable.is_empty() && !unreachable.is_empty() {
        return Err(unreachable.swap_remove(0).1);
    }
    for (target, _) in unreachable {
        voice.tell(&Doing::Skipping(target));
    }
    Ok(reachable)
}

/// Knocks; with something to check, until it is found open or the patience is at its end. Then only that counts: who
/// wants the port does not mind a lost hit.
fn visit(plan: &Plan, targets: &[Target], knocks: &[Knock], voice: &mut Voice<'_>) -> Option<Vec<TcpStream>> {
    let knocker = Knocker { origin: &plan.origin, knocks, delay: plan.delay };
    match &plan.check {
        None => knocker.knock(targets, voice).then(Vec::new),
        Some(check) => knock_until_open(knocker, check, targets, voice),
    }
}

fn knock_until_open(
    knocker: Knocker<'_>,
    check: &Check,
    targets: &[Target],
    voice: &mut Voice<'_>,
) -> Option<Vec<TcpStream>> {
    let mut targets = targets.to_vec();
    let mut open = Vec::new();
    let mut retries = check.retries;
    loop {
        knocker.knock(&targets, voice);
        // A connection that overtook the last knock would be a wrong port in the middle of the sequence.
        knocker.pause();
        let closed = verify::wait(knocker.origin, check, &targets, &mut open, voice);
        if closed.is_empty() {
            return Some(open);
        }
        if retries == 0 {
            for closed in &closed {
                voice.complain(closed);
            }
            return None;
        }
        retries -= 1;
        voice.tell(&Doing::Again);
        targets = closed.iter().map(|closed| closed.target).collect();
    }
}

/// Knocks a one-time sequence.
///
/// Every retry knocks the same one. If the server has taken it, it does nothing; if it was lost on the way, the server
/// still waits for this one and would not understand the next.
fn visit_once(
    plan: &Plan,
    targets: &[Target],
    path: &Path,
    taken: &Taken,
    voice: &mut Voice<'_>,
) -> Option<Vec<TcpStream>> {
    for warning in &taken.warnings {
        voice.complain(warning);
    }
    voice.tell(&Doing::Using { line: taken.line, path, left: taken.left });
    let open = visit(plan, targets, taken.sequence.knocks(), voice);
    if open.is_none() {
        voice.complain(&Used { path, host: &plan.host, taken });
    }
    open
}

/// What to do about a one-time sequence that may not have arrived.
#[derive(Debug, Error)]
#[error(
    "line {} of {} is used up here; if the server still waits for it: knock {host}{}",
    taken.line, path.display(), arguments(taken.sequence.knocks())
)]
struct Used<'a> {
    path: &'a Path,
    host: &'a str,
    taken: &'a Taken,
}

fn arguments(knocks: &[Knock]) -> String {
    knocks.iter().flat_map(|knock| [" ".to_owned(), knock.to_string()]).collect()
}
