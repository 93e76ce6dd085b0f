//! The firewall, for the doors that open by themselves: what stands in front of them, and who is let in.
//!
//! As long as there is no such door, the firewall is not so much as looked at.

mod by_hand;
mod lookout;
mod repairs;
mod upkeep;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use knock_core::{
    config::{DoorConfig, DoorName, Opens},
    moment::Moment,
};
use thiserror::Error;

use self::{lookout::Lookout, repairs::Repairs};
use super::{
    claim::{Claim, Unclaimed},
    lasting::Lasting,
    native::Native,
};
use crate::{
    clock,
    firewall::{Firewall, FirewallError, GuardedDoor},
    log::{Line, Log},
};

/// What is told to the firewall.
#[derive(Debug, Default)]
pub struct Guard {
    /// None as long as no door needs it.
    firewall: Option<Firewall>,
    /// Ours as long as we guard ports.
    claim: Option<Claim>,
    natives: Natives,
    /// Doors that stay shut because something was wrong with their sets at the start.
    shut: BTreeMap<Arc<str>, Opens>,
    lasting: Lasting,
    /// Whether there was no table before ours.
    is_new: bool,
    repairs: Repairs,
    /// When to look whether the table is as we have left it, since it was not to be heard.
    compare_at: Option<Moment>,
    /// Before this the table is not compared, and the sets are not read.
    compare_rest: Moment,
    read_rest: Moment,
    lookout: Lookout,
}

/// Doors that open by themselves, by their names.
pub type Natives = BTreeMap<Arc<str>, Native>;

/// What came of a knock at a door that opens by itself.
#[derive(Debug)]
pub enum Opened {
    /// It is open now, as this line tells.
    Anew(Line),
    /// It was, and is so for longer.
    Longer(Line),
    /// It is not.
    Not(Line),
}

/// Why doors can't open by themselves.
#[derive(Debug, Error)]
pub enum GuardError {
    /// The firewall can't be had, or not as we want it.
    #[error(transparent)]
    Firewall(#[from] FirewallError),
    /// Sets that are not there, or not such as are needed.
    #[error("{}", .0.join("; "))]
    Sets(Vec<String>),
    /// Another daemon is there already.
    #[error(transparent)]
    Claim(#[from] Unclaimed),
}

impl Guard {
    /// Looks up what doors need in the firewall; nothing is changed. Tells everything that is wrong at once.
    pub fn prepare(&mut self, doors: &[DoorConfig]) -> Result<Natives, GuardError> {
        if doors.iter().all(|door| door.opens.is_nothing()) {
            return Ok(Natives::new());
        }
        let firewall = match &mut self.firewall {
            Some(firewall) => firewall,
            none => none.insert(Firewall::open()?),
        };
        let mut natives = Natives::new();
        let mut wrong = Vec::new();
        for door in doors {
            match Native::find(door, firewall) {
                Ok(native) => natives.extend(native.map(|native| (Arc::clone(&native.door), native))),
                Err(mistakes) => wrong.extend(mistakes),
            }
        }
        if wrong.is_empty() { Ok(natives) } else { Err(GuardError::Sets(wrong)) }
    }

    /// The same for a start: a door whose sets are not as they should be stays shut until they are, or until the next
    /// reload, which is said. The others are not to wait for it.
    pub fn prepare_start(&mut self, doors: &[DoorConfig]) -> Result<(Natives, Vec<Line>), GuardError> {
        let (mut natives, mut lines) = (Natives::new(), Vec::new());
        for door in doors {
            match self.prepare(std::slice::from_ref(door)) {
                Ok(found) => natives.extend(found),
                Err(GuardError::Sets(wrong)) => {
                    let wrong = wrong.join("; ");
                    lines.push(Line::error(format!("{wrong}; the door stays shut until this is put right")));
                    self.shut.insert(door.name.as_str().into(), door.opens.clone());
                }
                Err(error) => return Err(error),
            }
        }
        Ok((natives, lines))
    }

    /// Takes in that a configuration is in force whose sets are all as they should be.
    pub fn forget_shut(&mut self) {
        self.shut.clear();
    }

    /// Looks again at the sets of a door that has had to stay shut.
    fn look_again(&mut self, door: &DoorConfig) -> Result<(), String> {
        let Some(firewall) = &mut self.firewall else { return Ok(()) };
        if self.shut.get(door.name.as_str()) != Some(&door.opens) {
            return Ok(());
        }
        if let Some(native) = Native::find(door, firewall).map_err(|wrong| wrong.join("; "))? {
            self.shut.remove(door.name.as_str());
            self.natives.insert(Arc::clone(&native.door), native);
        }
        Ok(())
    }

    /// Has the firewall guard these doors instead of those of before, at one stroke. Who is let in at a door that stays
    /// remains so, whoever has let him in, unless it has other ports; if it fails all remains as it was. Another daemon that
    /// guards has `patience` to end.
    pub fn change(
        &mut self,
        now: Moment,
        natives: Natives,
        patience: Duration,
        log: &Log,
    ) -> Result<(), GuardError> {
        let had_guard = self.has_guard();
        let guarded = guarded(&natives);
        let emptied = emptied(&self.natives, &natives);
        let Some(firewall) = &mut self.firewall else { return Ok(()) };
        let claim = if guarded.is_empty() || self.claim.is_some() { None } else { claim(patience, log)? };
        if !guarded.is_empty() {
            self.is_new |= !had_guard && !firewall.is_there()?;
            firewall.install_with(&guarded, &emptied)?;
        } else if had_guard {
            firewall.flush()?;
        }
        self.claim = self.claim.take().or(claim).filter(|_| !guarded.is_empty());
        let before = &self.natives;
        self.lasting.keep(|door| {
            let both = before.get(door).zip(natives.get(door));
            both.is_some_and(|(before, now)| before.goes_on_in(now))
        });
        self.lookout.begin_anew(now);
        drop((guarded, emptied));
        self.natives = natives;
        if !had_guard {
            self.take_over(now, log);
        }
        self.look_out(now, log);
        if self.natives.is_empty() && self.shut.is_empty() {
            self.firewall = None;
            self.repairs.forget();
            self.compare_at = None;
        }
        Ok(())
    }

    /// Whether any door is guarded.
    #[must_use]
    pub fn has_guard(&self) -> bool {
        self.natives.values().any(|native| native.guarded().is_some())
    }

    /// Learns who was let in by the daemon of before.
    fn take_over(&mut self, now: Moment, log: &Log) {
        for (door, count) in self.read_openings(now, log) {
            log.say(Line::note(format!("{door}: still open, sources: {count}")));
        }
    }

    /// Learns from the kernel who is let in where we guard. At which doors anybody is, and how many.
    fn read_openings(&mut self, now: Moment, log: &Log) -> Vec<(Arc<str>, usize)> {
        let Some(firewall) = &mut self.firewall else { return Vec::new() };
        let mut counts = Vec::new();
        for native in self.natives.values().filter(|native| native.guarded().is_some()) {
            match native.let_in_already(firewall) {
                Ok(found) => {
                    self.lasting.replace(now, &native.door, &found);
                    counts.push((Arc::clone(&native.door), found.len()));
                }
                Err(error) => log.say(Line::warning(format!(
                    "{}: cannot find out for whom it is open: {error}",
                    native.door
                ))),
            }
        }
        counts.retain(|(_, count)| *count > 0);
        counts
    }

    /// Lets somebody in, before anything else is done about him; none if the door does not open by itself.
    pub fn open(&mut self, now: Moment, door: &DoorConfig, source: IpAddr) -> Option<Opened> {
        if door.opens.is_nothing() {
            return None;
        }
        let not = |door: Arc<str>, reason| Opened::Not(Line::StaysShut { source, door, reason });
        if let Err(reason) = self.look_again(door) {
            return Some(not(door.name.as_str().into(), reason));
        }
        let native = self.natives.get(door.name.as_str()).filter(|native| native.opens(&door.opens));
        let (Some(native), Some(firewall)) = (native, self.firewall.as_mut()) else {
            let reason = "the configuration has been changed meanwhile".to_owned();
            return Some(not(door.name.as_str().into(), reason));
        };
        let (stay, door) = (door.cmd_timeout, Arc::clone(&native.door));
        let what = match native.let_in(firewall, source, stay) {
            Ok(what) => what,
            Err(refused) => return Some(not(door, refused.to_string())),
        };
        let longer = self.lasting.note(now, &door, source, stay);
        let line = Line::LetIn { source, door, what, stay, longer };
        Some(if longer { Opened::Longer(line) } else { Opened::Anew(line) })
    }

    /// Takes away the guard of a daemon that did not get to work, unless it has taken it over from another.
    pub fn undo(&mut self, log: &Log) {
        if self.is_new {
            self.remove(log);
        }
    }

    /// Takes away the guard with all that is open by it, if there is one.
    pub fn remove(&mut self, log: &Log) {
        let had_guard = self.has_guard();
        let Some(firewall) = self.firewall.as_mut().filter(|_| had_guard) else { return };
        if let Err(error) = firewall.flush() {
            log.say(Line::error(format!("cannot remove the table inet knockd: {error}")));
        }
    }

    /// The doors that our own table guards.
    pub fn guarded(&self) -> impl Iterator<Item = &DoorName> {
        self.natives.values().filter_map(Native::guarded).map(|door| door.name)
    }

    /// Who is in sets of the administrator because of us, and for how long still.
    pub fn in_sets(&self, now: Moment) -> impl Iterator<Item = (&Arc<str>, IpAddr, Duration)> {
        let with_sets = self.natives.values().filter(|native| native.guarded().is_none());
        with_sets.flat_map(move |native| {
            let left = self.lasting.left(now, &native.door).into_iter();
            left.map(|(source, left)| (&native.door, source, left))
        })
    }

    /// Leaves what there is to the kernel, and to the daemon that comes next.
    pub fn give_up(&mut self) {
        self.claim = None;
    }
}

/// None if a user who can't have a guard has the claim.
fn claim(patience: Duration, log: &Log) -> Result<Option<Claim>, Unclaimed> {
    match Claim::take(patience) {
        Err(Unclaimed::Taken(holder)) if !holder.may_guard() => {
            log.say(Line::warning(format!(
                "somebody{holder} has the socket @knockd-guard and is no knockd: whether another guards ports here can't \
                 be told"
            )));
            Ok(None)
        }
        claimed => claimed.map(Some),
    }
}

/// Doors that are guarded before and after, for other ports: who was let in there has not knocked for these.
fn emptied<'a>(before: &Natives, natives: &'a Natives) -> BTreeSet<&'a DoorName> {
    let is_another = |native: &&Native| {
        let before = before.get(&native.door).filter(|before| before.guarded().is_some());
        before.is_some_and(|before| !before.goes_on_in(native))
    };
    let guarded = natives.values().filter(is_another).filter_map(Native::guarded);
    guarded.map(|door| door.name).collect()
}

fn guarded(natives: &Natives) -> Vec<GuardedDoor<'_>> {
    natives.values().filter_map(Native::guarded).collect()
}

/// How long something is left alone that was begun at that moment and is over now: for this time at least, and for so long
/// that it takes at most a hundredth of all.
fn rest(begin: Moment, shortest: Duration) -> Moment {
    let now = clock::now();
    now.after(shortest.max(now.since(begin).saturating_mul(99)))
}
