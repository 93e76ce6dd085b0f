//! How the daemon is.

use knock_core::{
    config::{Listen, Opens},
    moment::Moment,
};
use rustix::process::getpid;

use super::{Monitor, doors::Standing, filters::FilterKind, watcher_process::WatcherProcess};
use crate::control::protocol::{
    ConfigurationStatus, DoorStatus, FilterStatus, InterfaceStatus, Status, WatcherStatus, millis,
};

impl Monitor {
    pub(super) fn state(&self, now: Moment) -> Status {
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
            open: self.opener.openings().count(&standing.name, standing.ordinal),
        }
    }
}
