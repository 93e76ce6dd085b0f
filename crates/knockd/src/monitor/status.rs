//! How the daemon is.

use knock_core::{
    config::{Listen, Opens},
    moment::Moment,
};
use rustix::process::getpid;

use super::{Monitor, doors::Standing, filters::FilterKind, let_in::LetIn, watcher_process::WatcherProcess};
use crate::control::protocol::{
    ConfigurationStatus, DoorStatus, FilterStatus, InterfaceStatus, Status, WatcherStatus, millis,
};

/// How the daemon is, but for what only the kernel knows. To ask it may take long, and is not for the monitor.
pub(super) struct Unfinished {
    status: Status,
    let_in: LetIn,
}

impl Unfinished {
    pub(super) fn finish(mut self) -> Status {
        let counted = self.let_in.count();
        // Of doors with the same name only one opens by itself.
        for door in self.status.doors.iter_mut().filter(|door| door.opens.is_some()) {
            if let Some(count) = counted.get(door.name.as_str()) {
                door.open = door.open.zip(*count).map(|(open, count)| open.saturating_add(count));
            }
        }
        self.status
    }
}

impl Monitor {
    pub(super) fn state(&self, now: Moment) -> Unfinished {
        Unfinished { status: self.known_state(now), let_in: LetIn::of(&self.guard, now) }
    }

    fn known_state(&self, now: Moment) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: getpid().as_raw_nonzero().get(),
            up_ms: millis(now.since(self.tally.started)),
            configuration: ConfigurationStatus {
                path: self.directory.join(&self.arguments.config).display().to_string(),
                age_ms: millis(now.since(self.tally.taken)),
                is_outdated: self.is_refused,
            },
            interfaces: self.interfaces(),
            filter: match self.listening.filter_kind() {
                FilterKind::Exact => FilterStatus::Exact,
                FilterKind::Classic => FilterStatus::Classic,
            },
            watcher: self.watcher_status(),
            packets_dropped: self.tally.packets_dropped,
            openings_lost: self.tally.openings_lost,
            doors: self.doors.standing().map(|standing| self.door_status(standing)).collect(),
        }
    }

    fn interfaces(&self) -> Vec<InterfaceStatus> {
        let names = match &self.settings.interfaces {
            Listen::Any => vec!["any".to_owned()],
            Listen::Named(names) => names.clone(),
        };
        let status = |name: String| {
            let is_listened_on = self.listening.hears(&name, &self.settings.interfaces, &self.links);
            InterfaceStatus { name, is_listened_on }
        };
        names.into_iter().map(status).collect()
    }

    fn watcher_status(&self) -> WatcherStatus {
        let given_up = self.confinement.given_up().filter(|_| self.supervisor.is_confined());
        WatcherStatus {
            process: self.supervisor.watcher().map(WatcherProcess::id),
            ended: self.tally.watchers_ended,
            is_confined: given_up.is_some(),
            keeps: given_up
                .iter()
                .flat_map(|given_up| given_up.missing())
                .map(|lacking| lacking.to_string())
                .collect(),
        }
    }

    fn door_status(&self, standing: &Standing) -> DoorStatus {
        let config = &standing.config;
        let opens = match &config.opens {
            Opens::Nothing => None,
            Opens::Ports(ports) => Some(ports.to_string()),
            Opens::Sets(sets) => {
                let named: Vec<String> =
                    [sets.v4(), sets.v6()].into_iter().flatten().map(|set| format!("set {set}")).collect();
                Some(named.join(", "))
            }
        };
        let is_closed = opens.is_some() || config.closes();
        DoorStatus {
            name: config.name.to_string(),
            opens,
            has_commands: !config.start.is_nothing() || !config.stop.is_nothing(),
            stay_ms: is_closed.then(|| millis(config.cmd_timeout)),
            is_one_time: config.one_time_file().is_some(),
            is_shut: standing.door().is_none(),
            open: Some(self.opener.openings().count(&standing.name, standing.ordinal)),
        }
    }
}
