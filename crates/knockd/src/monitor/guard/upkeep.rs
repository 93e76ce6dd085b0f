//! What others do to the firewall: it is noticed, and put right.

use std::{
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use knock_core::moment::Moment;

use super::{Guard, guarded, rest};
use crate::{
    clock,
    firewall::{ByHand, FirewallError, News},
    log::{Line, Log},
    monitor::native::Native,
};

/// How soon after one comparison of the table with how it was left there may be another.
const COMPARE_PAUSE: Duration = Duration::from_secs(1);

impl Guard {
    /// What to wait for, beside [`Guard::next_deadline`], until [`Guard::look_after`] has something to do.
    pub fn events(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let firewall = self.firewall.as_ref().filter(|_| !self.natives.is_empty()).map(AsFd::as_fd);
        firewall.into_iter().chain(self.lookout.events())
    }

    /// When [`Guard::look_after`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        [self.repairs.next_deadline(), self.compare_at, self.lookout.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Notices what somebody else has changed, and puts it right.
    pub fn look_after(&mut self, now: Moment, log: &Log) {
        if let Some(claim) = &self.claim {
            claim.forget_asking();
        }
        let Some(firewall) = self.firewall.as_mut().filter(|_| !self.natives.is_empty()) else { return };
        let news = firewall.news();
        if firewall.may_have_other_obstacles() && self.has_guard() {
            self.lookout.note_change(now);
        }
        self.follow_hands(now);
        match news {
            Ok(News::Nothing) => {}
            Ok(News::Meddling(meddling)) => self.need_repair(now, &meddling.to_string(), log),
            Ok(News::Lost) => {
                self.compare_at = self.compare_at.or(Some(now.max(self.compare_rest)));
            }
            Err(error) => self.need_repair(now, &unfollowed(&error), log),
        }
        if self.compare_at.take_if(|moment| *moment <= now).is_some() {
            self.compare(now, log);
        }
        if self.repairs.take_due(now) {
            self.repair(now, log);
        }
        self.look_out(now, log);
    }

    /// Looks what of others is in the way.
    pub(super) fn look_out(&mut self, now: Moment, log: &Log) {
        if let Some(firewall) = &mut self.firewall {
            self.lookout.pass_time(now, firewall, &guarded(&self.natives), log);
        }
    }

    /// Takes in whom others have let in or thrown out by hand.
    fn follow_hands(&mut self, now: Moment) {
        let Some(firewall) = &mut self.firewall else { return };
        let names = self.natives.values().filter_map(Native::guarded).map(|door| door.name);
        for (name, source, change) in firewall.by_hand(names) {
            let left = match change {
                ByHand::LetIn(time) => Some(time.unwrap_or(Duration::MAX)),
                ByHand::ThrownOut => None,
            };
            self.lasting.correct(now, &name.as_str().into(), source, left);
        }
    }

    /// Finds out what was not to be heard.
    fn compare(&mut self, now: Moment, log: &Log) {
        let Some(firewall) = &mut self.firewall else { return };
        let begin = clock::now();
        let compared = firewall.compare();
        self.compare_rest = rest(begin, COMPARE_PAUSE);
        match compared {
            Ok(None) if now < self.read_rest => self.compare_at = Some(self.read_rest),
            Ok(None) => {
                self.read_openings(now, log);
                self.read_rest = rest(begin, COMPARE_PAUSE);
            }
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
        let mut count = 0;
        for native in self.natives.values() {
            let left = self.lasting.left(now, &native.door);
            match native.let_in_again(firewall, &left) {
                Ok(()) => count += left.len(),
                Err(refused) => {
                    let door = &native.door;
                    log.say(Line::error(format!("{door}: who was let in could not be again: {refused}")));
                }
            }
        }
        log.say(Line::note(format!("what opens by itself is in order again, openings: {count}")));
    }
}

fn unfollowed(error: &FirewallError) -> String {
    format!("cannot follow the changes of the firewall: {error}")
}
