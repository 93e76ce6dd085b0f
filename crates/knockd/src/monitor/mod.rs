//! The half that acts: it owns the configuration, the log, the doors and their commands, and believes the watcher only
//! what it can check.

mod announcement;
mod by_hand;
mod claim;
mod commands;
mod confinement;
mod demands;
mod detach;
mod doors;
mod environment;
mod explaining;
mod figures;
mod filters;
mod flush;
mod guard;
mod job;
mod lacking;
mod lasting;
mod leftover;
mod let_in;
mod listening;
mod native;
mod one_time_file;
mod opener;
mod openings;
mod orders;
mod patience;
mod pid_file;
mod predecessor;
mod privileges;
mod promises;
mod recovery;
mod reload;
mod remains;
mod reports;
mod scrapes;
mod shutdown;
mod signals;
mod start;
mod status;
mod supervisor;
mod tally;
mod watcher_process;

use std::{io, path::PathBuf, time::Duration};

use knock_core::moment::Moment;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use self::{
    confinement::Confinement,
    detach::Successor,
    doors::Doors,
    explaining::Explaining,
    guard::Guard,
    listening::{Change, Listening},
    opener::Opener,
    pid_file::PidFile,
    scrapes::Scrapes,
    signals::Request,
    signals::Signals,
    supervisor::Supervisor,
    tally::Tally,
};
pub use self::{detach::detach, flush::flush, lacking::lacking, start::run, watcher_process::WATCHER};
use crate::{
    cli::Arguments,
    clock::{self, Alarm},
    control::Control,
    links::{Changes, Links, What},
    log::{Line, Log},
    service::Manager,
    settings::Settings,
};

/// How long to wait before what could not be listened on is tried again.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// Everything that a running daemon has.
#[derive(Debug)]
struct Monitor {
    arguments: Arguments,
    /// Where relative paths begin: the working directory that we started in.
    directory: PathBuf,
    settings: Settings,
    log: Log,
    signals: Signals,
    /// Ends a sleep on time.
    alarm: Alarm,
    links: Links,
    listening: Listening,
    doors: Doors,
    guard: Guard,
    opener: Opener,
    supervisor: Supervisor,
    confinement: Confinement,
    /// Where others ask and tell us things, if there is such a place.
    control: Option<Control>,
    tally: Tally,
    explaining: Explaining,
    scrapes: Scrapes,
    /// Who waits for us to be up.
    successor: Option<Successor>,
    /// Who has started us as a service.
    manager: Manager,
    /// Removed when the daemon ends.
    pid_file: Option<PidFile>,
    /// Whether a watcher has ever been ready.
    is_up: bool,
    /// Whether the last reload found a configuration that could not be taken up.
    is_refused: bool,
    /// When to try again to listen on what could not be.
    listen_again: Option<Moment>,
    /// What the watcher is to be told of the doors as soon as it has taken over other sockets.
    pending: doors::Changes,
}

/// Who has something for us. The others need not be asked.
#[derive(Clone, Copy, Debug)]
struct Woken {
    by_signals: bool,
    by_links: bool,
    by_watcher: bool,
    by_control: bool,
}

impl Monitor {
    /// Works until somebody asks it to stop.
    fn work(&mut self) -> io::Result<()> {
        // The first watcher owes us an answer.
        self.judge_watcher(clock::now())?;
        loop {
            let woken = self.wait()?;
            // Until the next sleep, or the next sync of a file: the log has time until commands are started.
            self.log.keep_back();
            let now = clock::now();
            let requests = if woken.by_signals { self.signals.requests() } else { Vec::new() };
            for request in requests {
                match request {
                    Request::Stop => return Ok(()),
                    Request::Reload => {
                        // What was completed before is judged by the configuration before.
                        while self.take_reports(now)? {}
                        self.log.release();
                        self.announce_reload(now);
                        // What comes of it is in the log.
                        let _ = self.reload(now);
                    }
                    Request::Reap => {
                        self.supervisor.look_after();
                        self.opener.reap(&self.log);
                    }
                }
            }
            self.supervisor.flush();
            if woken.by_watcher {
                self.take_reports(now)?;
            }
            self.guard.look_after(now, &self.log);
            if woken.by_links || self.links.are_behind() {
                self.follow_links(now);
            }
            if self.listen_again.is_some_and(|moment| moment <= now) {
                self.listen(now);
            }
            self.opener.pass_time(now, &self.log);
            self.opener.commit(now, &self.log);
            self.restart_watcher(now);
            self.order_host_if_due();
            self.judge_watcher(now)?;
            if woken.by_control {
                self.meet_demand(now)?;
            }
            self.end_scrapes(now);
            self.tell_manager(now);
        }
    }

    /// Sleeps until there is something to do. Tells who has woken us up.
    fn wait(&mut self) -> io::Result<Woken> {
        self.log.release();
        let deadlines = [
            self.opener.next_deadline(),
            self.guard.next_deadline(),
            self.supervisor.next_deadline(),
            self.scrapes.next_deadline(),
            self.manager.next_deadline(),
            self.listen_again,
        ];
        self.alarm.set(deadlines.into_iter().flatten().min())?;
        let mut polled = vec![
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::new(&self.links, PollFlags::IN),
            PollFd::new(&self.alarm, PollFlags::IN),
        ];
        if let Some(watcher) = self.supervisor.watcher() {
            let mut wanted = PollFlags::IN;
            wanted.set(PollFlags::OUT, watcher.channel.is_congested());
            polled.push(PollFd::new(&watcher.channel, wanted));
        }
        // Behind the others, whose places tell who they are.
        let has_watcher = self.supervisor.has_watcher();
        polled.extend(self.control.as_ref().map(|control| PollFd::new(control, PollFlags::IN)));
        polled.extend(self.guard.events().map(|events| PollFd::from_borrowed_fd(events, PollFlags::IN)));
        match poll(&mut polled, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut are_ready = polled.iter().map(|polled| !polled.revents().is_empty());
        let mut next = || are_ready.next().unwrap_or(false);
        let (by_signals, by_links, _) = (next(), next(), next());
        let by_watcher = has_watcher && next();
        let by_control = self.control.is_some() && next();
        Ok(Woken { by_signals, by_links, by_watcher, by_control })
    }

    /// Follows interfaces and addresses as they come and go.
    fn follow_links(&mut self, now: Moment) {
        let changes = match self.links.follow() {
            Ok(changes) if changes.is_empty() => return,
            Ok(changes) => changes,
            Err(error) => {
                self.log.say(Line::warning(format!("cannot follow the interfaces of this machine: {error}")));
                return;
            }
        };
        self.tell_links(&changes);
        let mut closed = if changes.overrun { self.listening.leave_named() } else { Vec::new() };
        for change in changes.list.iter().filter(|change| change.what == What::Gone) {
            closed.extend(self.listening.leave(change.index));
        }
        self.order_sockets(closed);
        self.supervisor.note_host();
        self.order_host_if_due();
        self.listen(now);
    }

    fn tell_links(&self, changes: &Changes) {
        for unreadable in &changes.unreadable {
            self.log.say(Line::warning(format!("skipped a message about the interfaces: {unreadable}")));
        }
        for change in &changes.list {
            let is_wanted = |name| listening::is_wanted(&self.settings.interfaces, name);
            let came = || Line::InterfaceCame { name: change.name.clone() };
            let line = match &change.what {
                What::Appeared if is_wanted(&change.name) => came(),
                What::Gone if is_wanted(&change.name) => Line::InterfaceWent { name: change.name.clone() },
                // Who listens by name loses the one and gets the other.
                What::Renamed { before } => match (is_wanted(before), is_wanted(&change.name)) {
                    (true, false) => Line::InterfaceWent { name: before.clone() },
                    (false, true) => came(),
                    _ => Line::debug(change.to_string()),
                },
                _ => Line::debug(change.to_string()),
            };
            self.log.say(line);
        }
    }

    /// Says what is wanted and doesn't exist yet.
    fn tell_missing(&self) {
        let missing = listening::missing(&self.settings.interfaces, &self.links);
        let names: Vec<_> = missing.map(|missing| missing.name).collect();
        if !names.is_empty() {
            self.log.say(Line::Waiting { interfaces: names.join(", ") });
        }
    }

    /// Listens on what is wanted and exists now.
    fn listen(&mut self, now: Moment) {
        let changes = self.follow_listening(now);
        let is_replacing = changes.iter().any(|change| matches!(change, Change::Replaced { .. }));
        self.order_sockets(changes);
        if is_replacing {
            self.supervisor.ask(now);
        }
    }

    /// The same, without telling the watcher yet.
    fn follow_listening(&mut self, now: Moment) -> Vec<Change> {
        // To replace sockets is to wait for all processors: what is to be opened and told goes first.
        self.opener.commit(now, &self.log);
        self.log.release();
        let followed = self.listening.follow(&self.settings.interfaces, &self.links);
        self.listen_again = (!followed.failures.is_empty()).then(|| now.after(LISTEN_AGAIN));
        for line in self.listening.take_news() {
            self.log.say(line);
        }
        for failure in followed.failures {
            self.log.say(Line::error(format!("{failure}; trying again")));
        }
        followed.changes
    }

    fn restart_watcher(&mut self, now: Moment) {
        if self.supervisor.next_start().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.supervisor.start(now) {
            Ok(()) => self.order_everything(now),
            Err(error) => self.note_watcher_failed(now, &error.to_string()),
        }
    }

    fn note_watcher_failed(&mut self, now: Moment, why: &str) {
        self.tally.watchers_ended += 1;
        let (how, pause) = self.supervisor.failed(now);
        let how = if why.is_empty() { how } else { format!("{why}; {how}") };
        self.log.say(Line::WatcherEnded { how, pause });
    }
}
