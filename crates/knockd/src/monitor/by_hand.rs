//! What an administrator does to doors at the control socket.

use std::{fmt::Display, io, net::IpAddr, sync::Arc, time::Duration};

use knock_core::{
    config::{DoorConfig, Opens},
    host::Nobody,
    moment::Moment,
};

use super::{Monitor, doors::Standing, guard::Opened};
use crate::{
    control::protocol::{LONGEST_STAY, Refusal, RefusalKind, Said, millis},
    firewall,
    log::{By, Line, line::Hand},
};

// What is promised is kept.
const _: () = assert!(LONGEST_STAY.as_secs() <= firewall::LONGEST.as_secs());

/// What is answered.
type Answer = Result<Said, Refusal>;

impl Monitor {
    /// Opens a door for somebody, as if he had knocked; no one-time sequence is used up.
    pub(super) fn open_by_hand(&mut self, now: Moment, name: &str, source: IpAddr, user: u32) -> Answer {
        let (config, ordinal) = self.only_door(name)?;
        self.can_come(source, &config)?;
        let (has_start, has_stop) = (config.start(source).is_some(), config.stop(source).is_some());
        if config.opens.is_nothing() && !has_start && !has_stop {
            let version = if source.is_ipv4() { "IPv4" } else { "IPv6" };
            return Err(failed(format!("the door {name} opens nothing for {version}")));
        }
        let opened = self.guard.open(now, &config, source);
        if let Some(Opened::Not(line)) = opened {
            let refusal = failed(line.to_string());
            self.log.say(line);
            return Err(refusal);
        }
        self.say_by_hand(Some(source), name, Hand::Opened, user);
        let by_kernel = opened.is_some();
        self.finish_opening(now, &config, ordinal, source, None, opened);
        self.opener.commit(now, &self.log);
        if has_stop && !self.opener.openings().has(name, ordinal, source) {
            return Err(failed(
                "it could not be noted that it has to be closed, or too many wait; see the log".into(),
            ));
        }
        let stay = (by_kernel || has_stop).then(|| millis(config.cmd_timeout));
        Ok(Said::Opened { by_kernel, by_command: has_start || has_stop, stay_ms: stay })
    }

    /// Closes a door for somebody, or for all, before its time.
    pub(super) fn close_by_hand(
        &mut self,
        now: Moment,
        name: &str,
        source: Option<IpAddr>,
        user: u32,
    ) -> Answer {
        let (shut, done) = self.guard.close(now, name, source);
        let done = done.map_err(|refused| failed(refused.to_string()));
        if shut.is_empty() && !self.opener.openings().can_be_closed(name, source) {
            done?;
            return match source {
                Some(_) => Err(self.not_open(name)),
                None => self.known_door(name).map(|()| Said::Closed { count: 0 }),
            };
        }
        self.say_by_hand(source, name, Hand::Closed, user);
        let by_kernel = shut.len();
        let door: Arc<str> = name.into();
        for source in shut {
            self.log.say(Line::Closed { source, door: Arc::clone(&door) });
        }
        // Whatever the firewall says, what commands have opened is closed.
        let count = by_kernel + self.opener.close(now, name, source, &self.log);
        self.opener.commit(now, &self.log);
        done?;
        Ok(Said::Closed { count: u64::try_from(count).unwrap_or(u64::MAX) })
    }

    /// Has a door stay open for somebody for so much longer than it would have.
    pub(super) fn extend_by_hand(
        &mut self,
        now: Moment,
        name: &str,
        source: IpAddr,
        by: Duration,
        user: u32,
    ) -> Answer {
        let by_kernel = self.guard.left(now, name, source);
        let by_command = self.opener.openings().left(now, name, source);
        let Some(left) = by_kernel.max(by_command) else { return Err(self.not_open(name)) };
        if left > LONGEST_STAY {
            return Err(failed(format!("the door {name} is open for that address without an end")));
        }
        if left.saturating_add(by) > LONGEST_STAY {
            return Err(failed(format!(
                "a door stays open for {} s at most (100 years), and {name} has {} s left already",
                LONGEST_STAY.as_secs(),
                left.as_secs()
            )));
        }
        let by_kernel =
            self.guard.extend(now, name, source, by).map_err(|refused| failed(refused.to_string()))?;
        self.say_by_hand(Some(source), name, Hand::Extended(by), user);
        if let Some(left) = by_kernel {
            self.log.say(Line::Extended { source, door: name.into(), by: By::Kernel, left: Some(left) });
        }
        let by_command = self.opener.extend(now, name, source, by, &self.log);
        self.opener.commit(now, &self.log);
        Ok(Said::Extended { left_ms: millis(by_kernel.max(by_command).unwrap_or(left)) })
    }

    /// Reads the configuration again, as `SIGHUP` does, and tells what came of it.
    pub(super) fn reload_by_hand(&mut self, now: Moment, user: u32) -> io::Result<Answer> {
        // What was completed before is judged by the configuration before.
        while self.take_reports(now)? {}
        self.log.say(Line::note(format!("user {user} has the configuration read again")));
        self.log.release();
        self.announce_reload(now);
        Ok(self.reload(now).map(|warnings| Said::Reloaded { warnings }))
    }

    fn say_by_hand(&self, source: Option<IpAddr>, door: &str, hand: Hand, user: u32) {
        self.log.say(Line::ByHand { source, door: door.into(), hand, user });
    }

    /// Whether somebody can have this address and find the door shut.
    fn can_come(&self, source: IpAddr, config: &DoorConfig) -> Result<(), Refusal> {
        let nobody = Nobody::of(source).or(self.links.host().is_broadcast(source).then_some(Nobody::All));
        match nobody {
            Some(nobody) => Err(no_such_source(source, nobody)),
            None if source.is_loopback() && matches!(config.opens, Opens::Ports(_)) => {
                let text = format!("{source} is this host itself, which knockd keeps out of no port");
                Err(Refusal::new(RefusalKind::NoSuchSource, text))
            }
            None => Ok(()),
        }
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Standing> {
        self.doors.standing().filter(move |standing| standing.name.as_ref() == name)
    }

    fn only_door(&self, name: &str) -> Result<(DoorConfig, usize), Refusal> {
        let mut named = self.named(name);
        let Some(standing) = named.next() else { return Err(self.no_such_door(name)) };
        let others = named.count();
        if others > 0 {
            let text = format!("{} doors are called {name}: give them names of their own", others + 1);
            return Err(Refusal::new(RefusalKind::NoSuchDoor, text));
        }
        Ok((standing.config.clone(), standing.ordinal))
    }

    /// Whether there is a door of this name, or something is open that it had opened before a reload took it away.
    pub(super) fn known_door(&self, name: &str) -> Result<(), Refusal> {
        let is_known = self.named(name).next().is_some() || self.opener.openings().are_at(name);
        if is_known { Ok(()) } else { Err(self.no_such_door(name)) }
    }

    fn no_such_door(&self, name: &str) -> Refusal {
        let names: Vec<&str> = self.doors.standing().map(|standing| standing.name.as_ref()).collect();
        let text = match &names[..] {
            [] => format!("no door is called {name}: there are none"),
            names => format!("no door is called {name}; there are: {}", names.join(", ")),
        };
        Refusal::new(RefusalKind::NoSuchDoor, text)
    }

    fn not_open(&self, name: &str) -> Refusal {
        if let Err(refusal) = self.known_door(name) {
            return refusal;
        }
        Refusal::new(RefusalKind::NotOpen, format!("the door {name} is not open for that address"))
    }
}

/// Refuses an address that nobody comes from, for this reason.
pub(super) fn no_such_source(source: IpAddr, reason: impl Display) -> Refusal {
    let text = format!("nobody can come from {source}: {reason}; give the address of a host");
    Refusal::new(RefusalKind::NoSuchSource, text)
}

fn failed(text: String) -> Refusal {
    Refusal::new(RefusalKind::Failed, text)
}
