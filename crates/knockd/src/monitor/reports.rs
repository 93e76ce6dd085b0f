//! What the watcher reports, checked against what the monitor knows, and what follows from it.

use std::{io, net::IpAddr, sync::Arc};

use knock_core::{
    config::{DoorConfig, Reknock},
    event::{Event, What},
    filter::Families,
    moment::Moment,
};
use thiserror::Error;

use super::{Monitor, doors::Standing, guard::Opened, patience::Debt};
use crate::{
    clock,
    ipc::{
        Load, Malformed, Misconduct, Report,
        channel::{ReceiveError, Received},
    },
    log::{By, Kind, Line},
    sandbox::SystemCall,
};

/// How many reports are taken before everything else gets its turn.
const TURN: usize = 256;

/// Why a watcher can't be kept.
#[derive(Debug, Error)]
pub(super) enum Untenable {
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    #[error("it can't be trusted: {0}")]
    Misconduct(#[from] Misconduct),
    #[error(transparent)]
    Debt(#[from] Debt),
    #[error("it can't hear any more: {0}")]
    Deaf(io::Error),
    #[error("it made the forbidden system call {0}")]
    Forbidden(SystemCall),
    #[error("")]
    Closed,
}

impl Monitor {
    /// Takes in what the watcher has to say. A watcher that says what can't be is ended.
    ///
    /// Fails if the very first watcher can't do its work, and with what the waiting process can't be told.
    /// Returns whether there may be more.
    pub(super) fn take_reports(&mut self, now: Moment) -> io::Result<bool> {
        for _ in 0..TURN {
            match self.next_report(now) {
                Ok(None) => return Ok(false),
                Ok(Some(Report::Confined(protections))) => self.take_confined(now, protections),
                Ok(Some(Report::Ready(load))) => self.note_ready(now, load)?,
                Ok(Some(Report::Happened(event))) => self.take_event(now, &event),
                Ok(Some(Report::LeftOut(kind, count))) => {
                    self.log.leave_out(Kind::Attempt(kind), count.get().into());
                }
                Ok(Some(Report::Explained(explanation))) => self.tell_explanation(&explanation),
                Ok(Some(Report::Unexplained(count))) => {
                    self.control.iter().for_each(|control| control.leave_out(count.get().into()));
                }
                Ok(Some(Report::Dropped(count))) => {
                    self.tally.packets_dropped += u64::from(count.get());
                    self.log.say(Line::PacketsDropped { count: count.get().into() });
                }
                Ok(Some(Report::Lost(count))) => {
                    self.tally.openings_lost += u64::from(count.get());
                    self.log.say(Line::OpeningsLost { count: count.get().into() });
                }
                Ok(Some(Report::Deaf(_, errno))) => {
                    self.lose_watcher(now, &Untenable::Deaf(io::Error::from_raw_os_error(errno)))?;
                }
                Ok(Some(Report::Forbidden(call))) => {
                    self.lose_watcher(now, &Untenable::Forbidden(call))?;
                }
                Err(untenable) => self.lose_watcher(now, &untenable)?,
            }
        }
        Ok(true)
    }

    /// The next report that can be true.
    pub(super) fn next_report(&mut self, now: Moment) -> Result<Option<Report>, Untenable> {
        let Some(watcher) = self.supervisor.watcher() else { return Ok(None) };
        let report = match watcher.channel.receive()? {
            Received::Message(frame, None) => Report::decode(&frame).map_err(ReceiveError::from)?,
            Received::Message(_, Some(_)) => {
                return Err(ReceiveError::from(Malformed("a report with a descriptor")).into());
            }
            Received::Nothing => return Ok(None),
            Received::Closed => return Err(Untenable::Closed),
        };
        let doors = &self.doors;
        let find = |number| doors.find(number).and_then(Standing::door);
        self.supervisor.conduct().examine(now, &report, find)?;
        Ok(Some(report))
    }

    /// Ends a watcher that has not done for too long what it should.
    pub(super) fn judge_watcher(&mut self, now: Moment) -> io::Result<()> {
        match self.supervisor.watch(now) {
            Some(debt) => self.lose_watcher(now, &debt.into()),
            None => Ok(()),
        }
    }

    pub(super) fn lose_watcher(&mut self, now: Moment, untenable: &Untenable) -> io::Result<()> {
        if !self.is_up {
            let (how, _) = self.supervisor.failed(now);
            return Err(io::Error::other(format!(
                "the process that watches packets did not start: {how} {untenable}"
            )));
        }
        // The next one gets other sockets: it could not tell how far this one has read, nor what it has written to the
        // memory that packets come in.
        self.listening.close_all();
        match untenable {
            Untenable::Forbidden(_) => {
                // It ends by itself, or we end it: that is all the same.
                let (_, pause) = self.supervisor.failed(now);
                self.tally.watchers_ended += 1;
                self.log.say(Line::WatcherEnded { how: untenable.to_string(), pause });
            }
            _ => self.note_watcher_failed(now, &untenable.to_string()),
        }
        self.listen(now);
        Ok(())
    }

    fn note_ready(&mut self, now: Moment, load: Load) -> io::Result<()> {
        self.answer_scrapes(now, Some(load));
        if !self.supervisor.owes_answer() {
            self.note_confirmed(now);
        }
        if self.is_up {
            self.log.say(Line::debug("the watcher is ready"));
            return Ok(());
        }
        self.is_up = true;
        let interfaces = super::listening::names(&self.settings.interfaces);
        self.log.say(Line::Starting { interfaces });
        self.tell_missing();
        self.announce_ready(now);
        let Some(successor) = self.successor.take() else { return Ok(()) };
        self.log.leave_terminal();
        successor.report_up()
    }

    /// The watcher has followed all orders: openings at doors of before are not on their way to us any more, unless they
    /// still stand there because the order to take them away has had to wait.
    fn note_confirmed(&mut self, now: Moment) {
        self.listening.forget_replaced();
        if !self.pending.is_empty() {
            self.order_pending(now);
            return;
        }
        self.doors.forget_retired();
        if self.listening.is_stale() {
            self.listen(now);
        }
    }

    /// Logs an event and opens the door if that is what it is about. Events of doors that stand no more are of no
    /// interest.
    fn take_event(&mut self, now: Moment, event: &Event) {
        let Some(standing) = self.doors.find(event.door) else {
            if let What::Opened(_) = event.what {
                let changes = self.doors.go_back(event.door);
                self.order_doors(now, changes);
            }
            return;
        };
        if standing.door().is_none() {
            return;
        }
        // What has more tags than the filter looks behind comes through, whoever sends it.
        if self.settings.families == Families::V4Only && event.source.is_ipv6() {
            return;
        }
        let name = Arc::clone(&standing.name);
        let lines = Line::of(event, &name);
        if let What::Opened(_) = event.what {
            self.open(now, event, name, lines);
        } else {
            lines.for_each(|line| self.log.say(line));
        }
    }

    /// Opens the door, if its sequence can be used up, and says so. `stage_and_opening` are the lines to say.
    fn open(
        &mut self,
        now: Moment,
        event: &Event,
        name: Arc<str>,
        mut stage_and_opening: impl Iterator<Item = Line>,
    ) {
        let Some(standing) = self.doors.find(event.door) else { return };
        let (config, ordinal) = (standing.config.clone(), standing.ordinal);
        let (changes, marked) = self.doors.use_up(event.door);
        // Somebody waits for this; the rest has time.
        let opened = if marked.is_ok() { self.guard.open(now, &config, event.source) } else { None };
        if matches!(opened, Some(Opened::Anew(_) | Opened::Longer(_))) {
            self.log.let_in(&name, By::Kernel, clock::now().since(event.at));
        }
        // The last stage is reached, whether or not the door may open.
        stage_and_opening.by_ref().take(1).for_each(|stage| self.log.say(stage));
        match (marked, opened) {
            (Err((path, error)), _) => {
                self.log.say(Line::OneTimeNotMarked { door: name, path, reason: error.to_string() });
            }
            (Ok(()), Some(Opened::Not(line))) => self.log.say(line),
            (Ok(()), opened) => {
                stage_and_opening.for_each(|line| self.log.say(line));
                self.finish_opening(now, &config, ordinal, event.source, Some(event.at), opened);
            }
        }
        self.order_doors(now, changes);
    }
    /// Says that the kernel has let somebody in, if it has, and runs what the door runs. `asked` is when the packet came
    /// that asks for it.
    pub(super) fn finish_opening(
        &mut self,
        now: Moment,
        config: &DoorConfig,
        ordinal: usize,
        source: IpAddr,
        asked: Option<Moment>,
        opened: Option<Opened>,
    ) {
        // What is open already, and closed by the kernel alone, was started when it opened.
        let goes_on = matches!(opened, Some(Opened::Longer(_)))
            && config.reknock == Reknock::Extend
            && config.stop(source).is_none();
        if let Some(Opened::Anew(line) | Opened::Longer(line)) = opened {
            self.log.say(line);
        }
        if !goes_on {
            self.opener.open(now, config, ordinal, source, asked, &self.log);
        }
    }
}
