//! What of others is in the way of doors that open by themselves: it is told once, and when it is gone.

use std::{collections::BTreeMap, time::Duration};

use knock_core::moment::Moment;

use super::rest;
use crate::{
    clock,
    firewall::{Firewall, FirewallError, GuardedDoor, Obstacle},
    log::{Line, Log},
};

/// So long after a change it is looked what has become of it: rules are often loaded bit by bit.
const SETTLED: Duration = Duration::from_secs(1);

/// How soon after one look there may be another, however much is changed.
const PAUSE: Duration = Duration::from_secs(5);

/// What is known to be in the way, and when to look again.
#[derive(Debug, Default)]
pub struct Lookout {
    /// By their chains.
    told: BTreeMap<String, Obstacle>,
    due: Option<Moment>,
    rest_until: Moment,
    is_failing: bool,
}

impl Lookout {
    /// Takes in that others have changed rules.
    pub fn note_change(&mut self, now: Moment) {
        self.due = self.due.or(Some(now.after(SETTLED).max(self.rest_until)));
    }

    /// When a look is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.due
    }

    /// Whether one is due, which is so once.
    pub fn take_due(&mut self, now: Moment) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    /// Looks what stands in the way of these doors, and tells all of it.
    pub fn look_anew(&mut self, firewall: &mut Firewall, guarded: &[GuardedDoor<'_>], log: &Log) {
        *self = Self::default();
        if !guarded.is_empty() {
            self.look(firewall, guarded, log);
        }
    }

    /// Looks what stands in their way now, and tells what was not told yet, and what is gone. A look that fails is followed
    /// by another when something else is changed.
    pub fn look(&mut self, firewall: &mut Firewall, guarded: &[GuardedDoor<'_>], log: &Log) {
        let begin = clock::now();
        let found = firewall.obstacles(guarded);
        self.rest_until = rest(begin, PAUSE);
        for line in self.take_in(found) {
            log.say(line);
        }
    }

    fn take_in(&mut self, found: Result<Vec<Obstacle>, FirewallError>) -> Vec<Line> {
        let found = match found {
            Ok(found) => found,
            Err(_) if self.is_failing => return Vec::new(),
            Err(error) => {
                self.is_failing = true;
                return vec![Line::warning(format!("cannot look for what else drops packets: {error}"))];
            }
        };
        self.is_failing = false;
        let found: BTreeMap<_, _> =
            found.into_iter().map(|obstacle| (obstacle.chain.clone(), obstacle)).collect();
        let gone = self.told.keys().filter(|chain| !found.contains_key(*chain));
        let gone = gone.map(|chain| {
            Line::note(format!(
                "the chain {chain} does not drop packets any more from whom a door has let in"
            ))
        });
        let new = found.iter().filter(|(chain, obstacle)| self.told.get(*chain) != Some(obstacle));
        let new = new.map(|(_, obstacle)| Line::warning(obstacle.to_string()));
        let lines = gone.chain(new).collect();
        self.told = found;
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    fn obstacle(chain: &str, port: &str) -> Obstacle {
        Obstacle {
            chain: chain.to_owned(),
            priority: 0,
            by_policy: true,
            ports: vec![port.parse().unwrap()],
            remedy: Vec::new(),
        }
    }

    fn told(lookout: &mut Lookout, found: Vec<Obstacle>) -> Vec<String> {
        lookout.take_in(Ok(found)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_in_the_way_is_told_once_and_when_it_is_gone() {
        let mut lookout = Lookout::default();
        let (one, other) = (obstacle("inet a input", "tcp/22"), obstacle("ip b input", "tcp/22"));
        assert_eq!(told(&mut lookout, vec![one.clone()]), [one.to_string()]);
        assert_eq!(told(&mut lookout, vec![one.clone(), other.clone()]), [other.to_string()]);
        assert_eq!(told(&mut lookout, vec![one.clone(), other.clone()]), [""; 0]);
        // It drops something else now.
        let another = obstacle("ip b input", "tcp/80");
        assert_eq!(
            told(&mut lookout, vec![another.clone()]),
            [
                "the chain inet a input does not drop packets any more from whom a door has let in"
                    .to_owned(),
                another.to_string()
            ]
        );
    }

    #[test]
    fn a_look_that_fails_is_told_once_and_changes_nothing() {
        let mut lookout = Lookout::default();
        let one = obstacle("inet a input", "tcp/22");
        let fails = |lookout: &mut Lookout| lookout.take_in(Err(FirewallError::TooMuch)).len();
        assert_eq!(told(&mut lookout, vec![one.clone()]).len(), 1);
        assert_eq!((fails(&mut lookout), fails(&mut lookout)), (1, 0));
        assert_eq!(told(&mut lookout, vec![one]).len(), 0);
        assert_eq!(fails(&mut lookout), 1);
    }

    #[test]
    fn looks_wait_until_rules_are_loaded_and_are_apart() {
        let mut lookout = Lookout::default();
        assert_eq!(lookout.next_deadline(), None);
        for now in [0, 900] {
            lookout.note_change(at(now));
            assert_eq!(lookout.next_deadline(), Some(at(1000)));
        }
        assert!(!lookout.take_due(at(999)) && lookout.take_due(at(1000)) && !lookout.take_due(at(1000)));
        lookout.rest_until = at(6000);
        lookout.note_change(at(1001));
        assert_eq!(lookout.next_deadline(), Some(at(6000)));
    }
}
