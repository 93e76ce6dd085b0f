//! The firewall, for the doors that open by themselves: what stands in front of them, and who is let in.
//!
//! As long as there is no such door, the firewall is not so much as looked at.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::Duration,
};

use knock_core::{
    config::{DoorConfig, Opens},
    moment::Moment,
};
use thiserror::Error;

use super::{
    claim::{Claim, Unclaimed},
    lasting::Lasting,
    native::Native,
    repairs::Repairs,
};
use crate::{
    firewall::{Firewall, FirewallError, GuardedDoor, News},
    log::{Line, Log},
};

/// How soon after one comparison of the table with how it was left there may be another.
const COMPARE_PAUSE: Duration = Duration::from_secs(1);

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
    compared: Moment,
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
    /// remains so, whoever has let him in, unless it has other ports; if it fails all remains as it was. Another daemon that guards has `patience` to
    /// end.
    pub fn change(
        &mut self,
        now: Moment,
        natives: Natives,
        patience: Duration,
        log: &Log,
    ) -> Result<(), GuardError> {
        let had_guard = self.has_guard();
        let Some(firewall) = &mut self.firewall else { return Ok(()) };
        let guarded = guarded(&natives);
        let claim = if guarded.is_empty() || self.claim.is_some() { None } else { claim(patience, log)? };
        if !guarded.is_empty() {
            self.is_new |= !had_guard && !firewall.is_there()?;
            firewall.install(&guarded)?;
        } else if had_guard {
            firewall.flush()?;
        }
        for native in natives.values().filter(|native| native.guarded().is_some()) {
            // Who was let in to other ports has not knocked for these.
            let is_another = |before: &Native| before.guarded().is_some() && !before.goes_on_in(native);
            if self.natives.get(&native.door).is_some_and(is_another)
                && let Err(error) = native.shut_all_out(firewall)
            {
                log.say(Line::error(format!(
                    "{}: who was let in to other ports still is: {error}",
                    native.door
                )));
            }
        }
        self.claim = self.claim.take().or(claim).filter(|_| !guarded.is_empty());
        let before = &self.natives;
        self.lasting.keep(|door| {
            let both = before.get(door).zip(natives.get(door));
            both.is_some_and(|(before, now)| before.goes_on_in(now))
        });
        tell_obstacles(firewall, &guarded, log);
        drop(guarded);
        self.natives = natives;
        if !had_guard {
            self.take_over(now, log);
        }
        if self.natives.is_empty() && self.shut.is_empty() {
            self.firewall = None;
            self.repairs.forget();
            self.compare_at = None;
        }
        Ok(())
    }

    fn has_guard(&self) -> bool {
        self.natives.values().any(|native| native.guarded().is_some())
    }

    /// Learns who was let in by the daemon of before.
    fn take_over(&mut self, now: Moment, log: &Log) {
        let Some(firewall) = &mut self.firewall else { return };
        for native in self.natives.values() {
            let found = match native.let_in_already(firewall) {
                Ok(found) => found,
                Err(error) => {
                    log.say(Line::warning(format!(
                        "{}: cannot find out for whom it is open: {error}",
                        native.door
                    )));
                    continue;
                }
            };
            for (source, left) in &found {
                self.lasting.note(now, &native.door, *source, *left);
            }
            if !found.is_empty() {
                let sources = if found.len() == 1 { "source" } else { "sources" };
                log.say(Line::note(format!("{}: still open for {} {sources}", native.door, found.len())));
            }
        }
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

    /// What to wait for, beside [`Guard::next_deadline`], until [`Guard::look_after`] has something to do.
    #[must_use]
    pub fn events(&self) -> Option<BorrowedFd<'_>> {
        self.firewall.as_ref().filter(|_| !self.natives.is_empty()).map(AsFd::as_fd)
    }

    /// When [`Guard::look_after`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.repairs.next_deadline().into_iter().chain(self.compare_at).min()
    }

    /// Notices what somebody else has changed, and puts it right.
    pub fn look_after(&mut self, now: Moment, log: &Log) {
        if let Some(claim) = &self.claim {
            claim.forget_asking();
        }
        let Some(firewall) = self.firewall.as_mut().filter(|_| !self.natives.is_empty()) else { return };
        match firewall.news() {
            Ok(News::Nothing) => {}
            Ok(News::Meddling(meddling)) => self.need_repair(now, &meddling.to_string(), log),
            Ok(News::Lost) => {
                self.compare_at = self.compare_at.or(Some(now.max(self.compared.after(COMPARE_PAUSE))));
            }
            Err(error) => self.need_repair(now, &unfollowed(&error), log),
        }
        if self.compare_at.take_if(|moment| *moment <= now).is_some() {
            self.compare(now, log);
        }
        if self.repairs.take_due(now) {
            self.repair(now, log);
        }
    }

    /// Finds out what was not to be heard.
    fn compare(&mut self, now: Moment, log: &Log) {
        let Some(firewall) = &mut self.firewall else { return };
        self.compared = now;
        match firewall.compare() {
            Ok(None) => {}
            Ok(Some(meddling)) => self.need_repair(now, &meddling.to_string(), log),
            Err(error) => self.need_repair(now, &unfollowed(&error), log),
        }
    }

    /// Says why, unless something is to be repaired already.
    fn need_repair(&mut self, now: Moment, why: &str, log: &Log) {
        let Some(pause) = self.repairs.need(now) else { return };
        log.say(Line::warning(why.to_owned()));
        if !pause.is_zero() {
            log.say(Line::warning(format!(
                "the table inet knockd is changed again and again: until it is put back in {} s its ports may be open",
                pause.as_secs()
            )));
        }
    }

    fn repair(&mut self, now: Moment, log: &Log) {
        let Some(firewall) = &mut self.firewall else { return };
        let guarded = guarded(&self.natives);
        if !guarded.is_empty()
            && let Err(error) = firewall.install(&guarded)
        {
            let pause = self.repairs.failed(now).as_secs();
            log.say(Line::error(format!(
                "cannot put the table inet knockd back: {error}; trying again in {pause} s"
            )));
            return;
        }
        let (mut count, mut failed) = (0_usize, None);
        for (door, source, left) in self.lasting.left(now) {
            let Some(native) = self.natives.get(door) else { continue };
            match native.let_in(firewall, source, left) {
                Ok(_) => count += 1,
                Err(refused) => failed = failed.or(Some((door, source, refused))),
            }
        }
        log.say(Line::note(format!("what opens by itself is in order again, openings: {count}")));
        if let Some((door, source, refused)) = failed {
            log.say(Line::error(format!("{source}: {door}: could not be let in again: {refused}")));
        }
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

fn unfollowed(error: &FirewallError) -> String {
    format!("cannot follow the changes of the firewall: {error}")
}

fn guarded(natives: &Natives) -> Vec<GuardedDoor<'_>> {
    natives.values().filter_map(Native::guarded).collect()
}

/// Says what of others would stand in the way of who is let in.
fn tell_obstacles(firewall: &mut Firewall, guarded: &[GuardedDoor<'_>], log: &Log) {
    match firewall.obstacles(guarded) {
        Ok(obstacles) => {
            for obstacle in obstacles {
                log.say(Line::warning(obstacle.to_string()));
            }
        }
        Err(error) => {
            log.say(Line::warning(format!("cannot look for what else drops packets: {error}")));
        }
    }
}
