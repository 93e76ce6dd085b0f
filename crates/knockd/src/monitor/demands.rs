//! What others ask at the control socket, and what they are told.

use std::{io, net::IpAddr, path::PathBuf, time::Duration};

use knock_core::{config::DoorName, moment::Moment};

use super::{Monitor, one_time_file};
use crate::{
    control::{
        Control, Demand,
        protocol::{
            List, OpeningShown, Phase, Refusal, RefusalKind, Request, Said, Sequences, SequencesOf, millis,
        },
    },
    firewall::{Firewall, FirewallError},
};

/// How many openings a list has at most.
const LONGEST_LIST: usize = 4096;

impl Monitor {
    /// Meets one demand. There may be more, for which there is another turn: whoever knocks waits for one at most.
    pub(super) fn meet_demand(&mut self, now: Moment) -> io::Result<()> {
        // Somebody has waited for this longer.
        self.opener.commit(now, &self.log);
        while let Some(source) = self.control.as_ref().and_then(Control::next_unexplained) {
            self.explain_no_more(now, source);
        }
        let Some(demand) = self.control.as_ref().and_then(Control::next) else { return Ok(()) };
        let user = demand.by.user;
        let answer = match &demand.request {
            Request::Open { door, source } => self.open_by_hand(now, door, *source, user),
            Request::Close { door, source } => self.close_by_hand(now, door, Some(*source), user),
            Request::CloseAll { door } => self.close_by_hand(now, door, None, user),
            Request::Extend { door, source, by_ms } => {
                self.extend_by_hand(now, door, *source, Duration::from_millis(*by_ms), user)
            }
            Request::Reload {} => self.reload_by_hand(now, user)?,
            Request::Metrics {} => {
                self.begin_scrape(now, demand);
                return Ok(());
            }
            Request::Explain { source } => {
                self.meet_explain(now, &demand, *source);
                return Ok(());
            }
            _ => {
                self.tell(now, &demand);
                return Ok(());
            }
        };
        if let Some(control) = &self.control {
            control.answer(&demand, answer);
        }
        Ok(())
    }

    /// Answers what changes nothing.
    fn tell(&self, now: Moment, demand: &Demand) {
        let Some(control) = &self.control else { return };
        match &demand.request {
            Request::Status {} => {
                let unfinished = self.state(now);
                control.answer_with(demand, move || Ok(Said::Status(Box::new(unfinished.finish()))));
            }
            Request::List { door, source } => match self.list(now, door.as_deref(), *source) {
                Ok(unfinished) => control.answer_with(demand, move || unfinished.finish().map(Said::List)),
                Err(refusal) => control.answer(demand, Err(refusal)),
            },
            Request::Sequences {} => {
                let files = self.one_time_files();
                control.answer_with(demand, move || Ok(Said::Sequences(sequences(files))));
            }
            // What changes something is done above, and watching is left to the thread that has the clients.
            _ => {}
        }
    }

    fn list(&self, now: Moment, door: Option<&str>, source: Option<IpAddr>) -> Result<Unfinished, Refusal> {
        door.map_or(Ok(()), |door| self.known_door(door))?;
        let (openings, left_out) = self.opener.openings().list(now, door, source, LONGEST_LIST);
        let is_wanted = |name: &str| door.is_none_or(|door| door == name);
        let guarded = self.guard.guarded().filter(|name| is_wanted(name.as_str())).cloned().collect();
        let mut unfinished = Unfinished { list: List { openings, left_out }, guarded, source };
        for (door, source, left) in self.guard.in_sets(now).filter(|(door, ..)| is_wanted(door)) {
            unfinished.add(door, source, Some(millis(left)));
        }
        Ok(unfinished)
    }

    /// The doors with one-time sequences, and their files.
    fn one_time_files(&self) -> Vec<(String, PathBuf)> {
        let files = self.doors.standing().filter_map(|standing| {
            let path = self.directory.join(standing.config.one_time_file()?);
            Some((standing.name.as_ref().to_owned(), path))
        });
        files.collect()
    }
}

/// A list without those that only the kernel knows. To ask it may take long, and is not for the monitor.
struct Unfinished {
    list: List,
    guarded: Vec<DoorName>,
    source: Option<IpAddr>,
}

impl Unfinished {
    fn finish(mut self) -> Result<List, Refusal> {
        self.ask_the_kernel().map_err(|error| Refusal::new(RefusalKind::Failed, error.to_string()))?;
        self.list.openings.sort_by(|one, other| (&one.door, one.source).cmp(&(&other.door, other.source)));
        Ok(self.list)
    }

    fn ask_the_kernel(&mut self) -> Result<(), FirewallError> {
        let guarded = std::mem::take(&mut self.guarded);
        if guarded.is_empty() {
            return Ok(());
        }
        let mut firewall = Firewall::open()?;
        for door in guarded {
            for opening in firewall.openings(&door)? {
                self.add(door.as_str(), opening.source, opening.left.map(millis));
            }
        }
        Ok(())
    }

    fn add(&mut self, door: &str, source: IpAddr, left_ms: Option<u64>) {
        if self.source.is_some_and(|wanted| wanted != source) {
            return;
        }
        if self.list.openings.len() >= LONGEST_LIST {
            self.list.left_out += 1;
            return;
        }
        let door = door.to_owned();
        self.list.openings.push(OpeningShown { door, source, phase: Phase::Open, left_ms, by_kernel: true });
    }
}

fn sequences(files: Vec<(String, PathBuf)>) -> Sequences {
    let doors = files.into_iter().map(|(door, path)| match one_time_file::read(&path) {
        Ok(content) => SequencesOf { door, left: u64::try_from(content.left).ok(), trouble: None },
        Err(error) => {
            let trouble = Some(format!("cannot read {}: {error}", path.display()));
            SequencesOf { door, left: None, trouble }
        }
    });
    Sequences { doors: doors.collect() }
}
