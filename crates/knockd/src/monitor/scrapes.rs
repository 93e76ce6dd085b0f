//! Those who want numbers. The watcher has some of them and is asked; who waits for it holds up nobody else.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use knock_core::moment::Moment;

use super::{
    Monitor,
    figures::{DoorFigures, Figures},
    let_in::LetIn,
    one_time_file,
};
use crate::{
    control::{Demand, protocol::Said},
    ipc::Load,
};

/// How long the watcher is waited for. It looks up between two batches of packets; one that hangs is told by numbers
/// that are missing.
const PATIENCE: Duration = Duration::from_millis(250);

/// Those who wait.
#[derive(Debug, Default)]
pub struct Scrapes {
    waiting: Vec<Demand>,
    /// When those are answered without the watcher.
    until: Moment,
}

impl Scrapes {
    /// When [`Monitor::end_scrapes`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        (!self.waiting.is_empty()).then_some(self.until)
    }
}

impl Monitor {
    /// Takes in that somebody wants numbers. He gets them when the watcher has answered.
    pub(super) fn begin_scrape(&mut self, now: Moment, demand: Demand) {
        if self.scrapes.waiting.is_empty() {
            self.scrapes.until = now.after(PATIENCE);
        }
        self.scrapes.waiting.push(demand);
        if !self.supervisor.has_watcher() {
            self.answer_scrapes(now, None);
        } else if !self.supervisor.owes_answer() {
            self.supervisor.ask(now);
        }
    }

    /// Answers those who have waited for too long.
    pub(super) fn end_scrapes(&mut self, now: Moment) {
        if self.scrapes.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.answer_scrapes(now, None);
        }
    }

    /// Answers those who wait.
    pub(super) fn answer_scrapes(&mut self, now: Moment, load: Option<Load>) {
        let waiting = std::mem::take(&mut self.scrapes.waiting);
        let Some(control) = self.control.as_ref().filter(|_| !waiting.is_empty()) else { return };
        let unfinished = self.figures(now, load);
        for demand in waiting {
            let unfinished = unfinished.clone();
            control.answer_with(&demand, move || Ok(Said::Metrics { text: unfinished.finish().page() }));
        }
    }

    fn figures(&self, now: Moment, load: Option<Load>) -> Unfinished {
        let mut doors = BTreeMap::<Arc<str>, DoorFigures>::new();
        let mut files = Vec::new();
        for standing in self.doors.standing() {
            let door = doors.entry(Arc::clone(&standing.name)).or_default();
            let knocks = standing.door().map_or(0, |door| door.sequence.knocks().len());
            door.knocks = door.knocks.max(knocks);
            door.add(self.opener.openings().count(&standing.name, standing.ordinal));
            files.extend(standing.config.one_time_file().map(|file| {
                let path = self.directory.join(file);
                (Arc::clone(&standing.name), path)
            }));
        }
        Unfinished {
            figures: Figures {
                uptime: now.since(self.tally.started),
                counts: self.log.counts(),
                tally: self.tally,
                doors,
                load,
                most_attempts: self.settings.max_attempts,
            },
            let_in: LetIn::of(&self.guard, now),
            files,
        }
    }
}

/// Numbers without those that the kernel and files have to be asked for: that may take long, and is not for the monitor.
#[derive(Clone)]
struct Unfinished {
    figures: Figures,
    let_in: LetIn,
    files: Vec<(Arc<str>, PathBuf)>,
}

impl Unfinished {
    fn finish(mut self) -> Figures {
        for (name, count) in self.let_in.count() {
            let Some(door) = self.figures.doors.get_mut(&name) else { continue };
            match count {
                Some(count) => door.add(count),
                None => door.open = None,
            }
        }
        for (name, path) in self.files {
            let left = one_time_file::read(&path).ok().and_then(|content| u64::try_from(content.left).ok());
            if let Some(door) = self.figures.doors.get_mut(&name) {
                door.sequences_left = left;
            }
        }
        self.figures
    }
}
