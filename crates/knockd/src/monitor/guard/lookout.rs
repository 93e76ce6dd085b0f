//! What of others is in the way of doors that open by themselves: it is told once, and when it is gone.
//!
//! There may be very many rules, which take seconds to be read, and knocks that wait. So a look is a thread of its own,
//! which ends with it; at rest there is none.

use std::{
    collections::BTreeMap,
    io::{self, PipeReader},
    os::fd::{AsFd, BorrowedFd},
    thread::{self, JoinHandle},
    time::Duration,
};

use knock_core::{moment::Moment, ports::PortRange};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::rest;
use crate::{
    firewall::{Firewall, FirewallError, GuardedDoor, Obstacle, Surroundings},
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
    look: Option<Look>,
}

/// A look that goes on.
#[derive(Debug)]
struct Look {
    begin: Moment,
    thread: JoinHandle<Result<Surroundings, FirewallError>>,
    /// Its other end is closed when it is over.
    end: PipeReader,
    /// Whether other doors stand now.
    is_stale: bool,
}

impl Lookout {
    /// Takes in that others have changed rules.
    pub fn note_change(&mut self, now: Moment) {
        self.due = self.due.or(Some(now.after(SETTLED).max(self.rest_until)));
    }

    /// What to wait for, beside [`Lookout::next_deadline`], until [`Lookout::pass_time`] has something to do.
    #[must_use]
    pub fn events(&self) -> Option<BorrowedFd<'_>> {
        self.look.as_ref().map(|look| look.end.as_fd())
    }

    /// When [`Lookout::pass_time`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.due.filter(|_| self.look.is_none())
    }

    /// Forgets what was told: other doors stand now. What is in their way is told anew.
    pub fn begin_anew(&mut self, now: Moment) {
        let look = self.look.take().map(|look| Look { is_stale: true, ..look });
        *self = Self { due: Some(now), look, ..Self::default() };
    }

    /// Begins a look at what stands in the way of these doors, if one is due, and ends one that is over: tells what was not
    /// told yet, and what is gone. A look that fails is followed by another when something else is changed.
    pub fn pass_time(&mut self, now: Moment, firewall: &mut Firewall, doors: &[GuardedDoor<'_>], log: &Log) {
        if let Some(look) = self.look.take_if(|look| look.is_over()) {
            self.rest_until = rest(look.begin, PAUSE);
            let found =
                look.thread.join().unwrap_or_else(|_| Err(FirewallError::NoLook("it broke off".to_owned())));
            if !look.is_stale {
                let found = found.map(|surroundings| firewall.end_look(surroundings));
                self.take_in(found).into_iter().for_each(|line| log.say(line));
            }
        }
        if self.look.is_some() || self.due.take_if(|due| *due <= now).is_none() || doors.is_empty() {
            return;
        }
        let ports = doors.iter().flat_map(|door| door.ports.ranges()).copied().collect();
        firewall.begin_look();
        match Look::begin(now, ports) {
            Ok(look) => self.look = Some(look),
            Err(error) => {
                let found = Err(FirewallError::NoLook(error.to_string()));
                self.take_in(found).into_iter().for_each(|line| log.say(line));
            }
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

impl Look {
    fn begin(begin: Moment, ports: Vec<PortRange>) -> io::Result<Self> {
        let (end, open) = io::pipe()?;
        let thread = thread::Builder::new().name("knockd-look".to_owned()).spawn(move || {
            let found = Surroundings::look(ports);
            drop(open);
            found
        })?;
        Ok(Self { begin, thread, end, is_stale: false })
    }

    fn is_over(&self) -> bool {
        let mut waiting = [PollFd::new(&self.end, PollFlags::IN)];
        poll(&mut waiting, Some(&Timespec::default())).is_ok_and(|count| count > 0)
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
        (lookout.due, lookout.rest_until) = (None, at(6000));
        lookout.note_change(at(1001));
        assert_eq!(lookout.next_deadline(), Some(at(6000)));
        lookout.begin_anew(at(2000));
        assert_eq!(lookout.next_deadline(), Some(at(2000)));
    }

    #[test]
    fn a_look_goes_on_beside_everything_else_and_one_at_a_time() {
        let look = Some(Look::begin(at(0), Vec::new()).unwrap());
        let mut lookout = Lookout { look, ..Lookout::default() };
        lookout.note_change(at(0));
        assert_eq!(lookout.next_deadline(), None, "what is due waits for the one that goes on");
        let mut waiting = [PollFd::from_borrowed_fd(lookout.events().unwrap(), PollFlags::IN)];
        assert_eq!(poll(&mut waiting, None).unwrap(), 1);
        lookout.begin_anew(at(1));
        assert!(lookout.look.as_ref().is_some_and(|look| look.is_stale));
    }
}
