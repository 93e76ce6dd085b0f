//! What Prometheus is told of the daemon.
//!
//! The monitor gathers the numbers, which is to copy some; the page is made elsewhere.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use knock_core::event;

use super::tally::Tally;
use crate::{
    ipc::Load,
    log::{CommandCounts, Counts, DoorCounts, Purpose},
    metrics::{Family, Page, Type},
};

/// All numbers at a time.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// How long the daemon has been running.
    pub uptime: Duration,
    /// What was counted of lines.
    pub counts: Counts,
    /// What was counted besides.
    pub tally: Tally,
    /// The doors that stand, by their names.
    pub doors: BTreeMap<Arc<str>, DoorFigures>,
    /// How much the watcher has to do; none if it has not said so in time.
    pub load: Option<Load>,
    /// How many attempts can be remembered.
    pub most_attempts: usize,
}

/// What there is to know of a door now, or of all doors of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoorFigures {
    /// How many knocks it takes.
    pub knocks: usize,
    /// For how many sources it is open; none if the kernel that knows did not say so.
    pub open: Option<u64>,
    /// How many one-time sequences it has left, if it has any.
    pub sequences_left: Option<u64>,
}

impl DoorFigures {
    /// Takes in that it is open for so many more.
    pub fn add(&mut self, open: u64) {
        self.open = Some(self.open.unwrap_or_default().saturating_add(open));
    }
}

const INFO: Family =
    Family { name: "knockd_info", kind: Type::Gauge, help: "Always 1; the label tells the version." };
const UPTIME: Family = Family {
    name: "knockd_uptime_seconds",
    kind: Type::Gauge,
    help: "How long the daemon has been running, by a clock that nobody sets.",
};
const PACKETS: Family = Family {
    name: "knockd_packets_total",
    kind: Type::Counter,
    help: "Packets that the filter in the kernel has let through; begins anew with each watcher.",
};
const DROPPED: Family = Family {
    name: "knockd_packets_dropped_total",
    kind: Type::Counter,
    help: "Packets that the kernel had no room for.",
};
const KNOCKS: Family = Family {
    name: "knockd_knocks_total",
    kind: Type::Counter,
    help: "Knocks that brought an attempt to a stage; at the last one the sequence is complete. Without labels: \
           those of a flood, which are only counted.",
};
const ATTEMPTS: Family = Family {
    name: "knockd_attempts",
    kind: Type::Gauge,
    help: "Attempts that are alive; missing while the watcher does not answer.",
};
const MOST_ATTEMPTS: Family = Family {
    name: "knockd_attempts_limit",
    kind: Type::Gauge,
    help: "Attempts that can be alive before one has to give way (MaxAttempts).",
};
const ENDED: Family = Family {
    name: "knockd_attempts_ended_total",
    kind: Type::Counter,
    help: "Attempts that ended without an opening: by a wrong port, after their time, or to make room. Without a door: \
           those of a flood, which are only counted.",
};
const OPENED: Family = Family {
    name: "knockd_openings_total",
    kind: Type::Counter,
    help: "Completed sequences that opened a door.",
};
const NOT_OPENED: Family = Family {
    name: "knockd_openings_failed_total",
    kind: Type::Counter,
    help: "Completed sequences that did not open their door; the log tells why.",
};
const LOST: Family = Family {
    name: "knockd_openings_lost_total",
    kind: Type::Counter,
    help: "Completed sequences that opened nothing, as there were too many.",
};
const OPEN: Family =
    Family { name: "knockd_openings", kind: Type::Gauge, help: "For how many sources a door is open now." };
const LATENCY: Family = Family {
    name: "knockd_opening_latency_seconds",
    kind: Type::Histogram,
    help: "From the moment at which the watcher has taken the last knock until the kernel lets its source in, or until \
           the start command was started.",
};
const COMMANDS: Family = Family {
    name: "knockd_command_duration_seconds",
    kind: Type::Histogram,
    help: "How long the commands took that have ended.",
};
const COMMANDS_FAILED: Family = Family {
    name: "knockd_commands_failed_total",
    kind: Type::Counter,
    help: "Commands with an exit status other than 0, that a signal has ended, or that could not be started.",
};
const SEQUENCES: Family = Family {
    name: "knockd_one_time_sequences_left",
    kind: Type::Gauge,
    help: "One-time sequences that a door has left.",
};
const WATCHERS: Family = Family {
    name: "knockd_watcher_ended_total",
    kind: Type::Counter,
    help: "Processes that look at packets that have ended, or had to be ended, and were started anew.",
};

impl Figures {
    /// As Prometheus reads them.
    #[must_use]
    pub fn page(mut self) -> String {
        // A door that nobody has been at has its numbers, too, or the first event of each would be none that is counted.
        for door in self.doors.keys() {
            self.counts.doors.entry(Arc::clone(door)).or_default();
        }
        let mut page = Page::default();
        page.family(INFO);
        page.number(INFO, &[("version", env!("CARGO_PKG_VERSION"))], 1);
        single(&mut page, UPTIME, self.uptime.as_secs_f64());
        if let Some(load) = self.load {
            single(&mut page, PACKETS, load.packets);
            single(&mut page, ATTEMPTS, load.attempts);
        }
        single(&mut page, MOST_ATTEMPTS, self.most_attempts);
        single(&mut page, DROPPED, self.tally.packets_dropped);
        single(&mut page, WATCHERS, self.tally.watchers_ended);
        self.put_attempts(&mut page);
        self.put_openings(&mut page);
        self.put_commands(&mut page);
        page.finish()
    }

    fn put_attempts(&self, page: &mut Page) {
        page.family(KNOCKS);
        for (name, door) in &self.counts.doors {
            let knocks = self.doors.get(name).map_or(0, |door| door.knocks);
            for (place, count) in door.stages.iter().enumerate() {
                if place < knocks || *count > 0 {
                    page.number(KNOCKS, &[("door", name), ("stage", &(place + 1).to_string())], count);
                }
            }
        }
        page.number(KNOCKS, &[], self.left_out(event::Kind::Stage));
        page.family(ENDED);
        let reasons: [(&str, event::Kind, Count); 3] = [
            ("wrong-port", event::Kind::Discarded, |door| door.wrong_port),
            ("timeout", event::Kind::TimedOut, |door| door.timed_out),
            ("gave-way", event::Kind::GaveWay, |door| door.gave_way),
        ];
        for (reason, kind, count) in reasons {
            for (name, door) in &self.counts.doors {
                page.number(ENDED, &[("door", name), ("reason", reason)], count(door));
            }
            page.number(ENDED, &[("reason", reason)], self.left_out(kind));
        }
    }

    fn put_openings(&self, page: &mut Page) {
        single(page, LOST, self.tally.openings_lost);
        page.family(OPENED);
        for (name, door) in &self.counts.doors {
            page.number(OPENED, &[("door", name)], door.opened);
        }
        page.family(NOT_OPENED);
        for (name, door) in &self.counts.doors {
            page.number(NOT_OPENED, &[("door", name)], door.not_opened);
        }
        page.family(OPEN);
        for (name, door) in &self.doors {
            if let Some(open) = door.open {
                page.number(OPEN, &[("door", name)], open);
            }
        }
        page.family(LATENCY);
        for (name, door) in &self.counts.doors {
            for (by, times) in [("kernel", &door.let_in_after), ("command", &door.started_after)] {
                if times.count() > 0 {
                    page.times(LATENCY, &[("door", name), ("by", by)], times);
                }
            }
        }
        let left: Vec<_> =
            self.doors.iter().filter_map(|(name, door)| Some((name, door.sequences_left?))).collect();
        if !left.is_empty() {
            page.family(SEQUENCES);
        }
        for (name, left) in left {
            page.number(SEQUENCES, &[("door", name)], left);
        }
    }

    fn put_commands(&self, page: &mut Page) {
        let commands: Vec<(&str, Purpose, &CommandCounts)> = self
            .counts
            .doors
            .iter()
            .flat_map(|(name, door)| {
                door.commands.iter().map(|(purpose, counts)| (name.as_ref(), *purpose, counts))
            })
            .collect();
        page.family(COMMANDS);
        for (name, purpose, counts) in &commands {
            page.times(COMMANDS, &[("door", name), ("command", purpose.name())], &counts.took);
        }
        page.family(COMMANDS_FAILED);
        for (name, purpose, counts) in &commands {
            let of = |reason| [("door", *name), ("command", purpose.name()), ("reason", reason)];
            page.number(COMMANDS_FAILED, &of("status"), counts.failed);
            page.number(COMMANDS_FAILED, &of("signal"), counts.killed);
            page.number(COMMANDS_FAILED, &of("not-started"), counts.not_started);
        }
    }

    fn left_out(&self, kind: event::Kind) -> u64 {
        self.counts.left_out.get(&kind).copied().unwrap_or_default()
    }
}

/// One of the numbers that were counted at a door.
type Count = fn(&DoorCounts) -> u64;

/// A family with a single number.
fn single(page: &mut Page, family: Family, number: impl std::fmt::Display) {
    page.family(family);
    page.number(family, &[], number);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let mut counts = Counts::default();
        let mut door = DoorCounts { opened: 2, timed_out: 1, ..DoorCounts::default() };
        (door.stages[0], door.stages[1]) = (5, 3);
        door.let_in_after.take(Duration::from_micros(70));
        let mut command = CommandCounts { failed: 1, ..CommandCounts::default() };
        command.took.take(Duration::from_millis(3));
        door.commands.insert(Purpose::Stop, command);
        counts.doors.insert("ssh".into(), door);
        counts.left_out.insert(event::Kind::Stage, 40);
        let doors = BTreeMap::from([
            ("ssh".into(), DoorFigures { knocks: 2, open: Some(1), sequences_left: None }),
            ("web".into(), DoorFigures { knocks: 1, open: None, sequences_left: Some(7) }),
        ]);
        let load = Some(Load { attempts: 12, packets: 100 });
        let tally = Tally { packets_dropped: 9, ..Tally::default() };
        Figures { uptime: Duration::from_millis(1500), counts, tally, doors, load, most_attempts: 1024 }
    }

    #[test]
    fn the_page_has_every_number() {
        let page = figures().page();
        for line in [
            "knockd_uptime_seconds 1.5",
            "knockd_packets_total 100",
            "knockd_packets_dropped_total 9",
            "knockd_attempts 12",
            "knockd_attempts_limit 1024",
            "knockd_knocks_total{door=\"ssh\",stage=\"1\"} 5",
            "knockd_knocks_total{door=\"ssh\",stage=\"2\"} 3",
            "knockd_knocks_total{door=\"web\",stage=\"1\"} 0",
            "knockd_knocks_total 40",
            "knockd_attempts_ended_total{door=\"ssh\",reason=\"timeout\"} 1",
            "knockd_attempts_ended_total{reason=\"timeout\"} 0",
            "knockd_openings_total{door=\"ssh\"} 2",
            "knockd_openings_total{door=\"web\"} 0",
            "knockd_openings{door=\"ssh\"} 1",
            "knockd_one_time_sequences_left{door=\"web\"} 7",
            "knockd_opening_latency_seconds_bucket{door=\"ssh\",by=\"kernel\",le=\"0.0001\"} 1",
            "knockd_command_duration_seconds_bucket{door=\"ssh\",command=\"stop\",le=\"0.002\"} 0",
            "knockd_commands_failed_total{door=\"ssh\",command=\"stop\",reason=\"status\"} 1",
        ] {
            assert!(page.lines().any(|one| one == line), "{line} in {page}");
        }
        assert!(!page.contains("stage=\"3\"") && !page.contains("knockd_openings{door=\"web\"}"));
    }

    #[test]
    fn a_watcher_that_does_not_answer_leaves_its_numbers_out() {
        let page = Figures { load: None, ..figures() }.page();
        assert!(!page.contains("knockd_packets_total") && !page.contains("knockd_attempts "));
    }

    #[test]
    fn the_document_has_every_family_with_its_type() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/observe.md");
        let document = std::fs::read_to_string(path).unwrap();
        let said = document.lines().filter_map(|line| line.strip_prefix("| `knockd_"));
        let mut said: Vec<String> = said
            .map(|row| {
                let mut cells = row.split(" | ");
                format!("knockd_{} {}", cells.next().unwrap().trim_end_matches('`'), cells.next().unwrap())
            })
            .collect();
        let page = figures().page();
        let known = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let mut known: Vec<String> = known.map(str::to_owned).collect();
        said.sort();
        known.sort();
        assert_eq!(said, known);
    }
}
