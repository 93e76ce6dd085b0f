//! Doors on a laboratory's server whose commands write down what they do.

use std::time::Duration;

use super::{
    Uptime, Way,
    record::{self, Deed, Record},
    setup, start_again,
};
use crate::{
    net::{Daemon, Lab, PATIENCE, Setup, await_some},
    trouble::{Outcome, Trouble, same},
};

/// Doors that the same knock opens, and the daemons that have them one after the other.
#[derive(Debug)]
pub(super) struct Doors<'a> {
    pub(super) lab: &'a Lab,
    pub(super) setup: Setup<'a>,
    names: &'static [&'static str],
}

impl<'a> Doors<'a> {
    /// Doors with these names.
    pub(super) fn new(
        lab: &'a Lab,
        names: &'static [&'static str],
        way: Way,
        reknock: &str,
    ) -> Outcome<Self> {
        let (start, stop) = (record::start_command(way.start), record::stop_command(way.stop));
        let stay = way.stay.as_secs_f64();
        let sections = names.iter().map(|name| {
            format!(
                "[{name}]\n Sequence = 7300:udp\n Reknock = {reknock}\n Cmd_Timeout = {stay}\n \
                 Start_Command = {start}\n Stop_Command = {stop}\n"
            )
        });
        let setup = setup(lab, &sections.collect::<String>())?;
        Ok(Self { lab, setup, names })
    }

    /// Knocks at all of them.
    pub(super) fn knock(&self) -> Outcome {
        self.lab.send("udp CLIENT > SERVER:7300")
    }

    /// Waits until this was done to the first so many doors.
    pub(super) fn await_deed(&self, deed: Deed, count: usize) -> Outcome {
        self.names.iter().take(count).try_for_each(|door| {
            let is_done = || (!Record::read(self.lab).ok()?.times(door, deed).is_empty()).then_some(());
            let failed = || Trouble::new(format!("{deed:?} is not done to {door}"));
            await_some(PATIENCE, is_done).ok_or_else(failed)
        })
    }

    /// Waits until none of the daemon's commands runs and it has taken in that they have ended.
    pub(super) fn await_quiet(daemon: &Daemon<'_>) -> Outcome {
        let is_quiet = || (daemon.children().ok()?.len() == 1).then_some(());
        await_some(PATIENCE, is_quiet).ok_or_else(|| Trouble::new("the commands do not end"))
    }

    /// Has a last daemon show that there is nothing left to be closed. Whatever were left it would close at its end.
    pub(super) fn expect_nothing_left(&self) -> Outcome {
        let record = Record::read(self.lab)?;
        start_again(self.lab, &self.setup)?.terminate()?;
        same("the record after everything was closed", Record::read(self.lab)?, record)?;
        let open = self.names.iter().find(|door| record::is_open(self.lab, door));
        open.map_or(Ok(()), |door| Err(Trouble::new(format!("{door} is open at the end"))))
    }

    /// What was done and what was logged added to an error.
    pub(super) fn explained(&self, trouble: &Trouble, log_before: &str) -> Trouble {
        let (record, log) = (record::text(self.lab), self.lab.file("log"));
        Trouble::new(format!(
            "{trouble}\n-- record\n{record}-- log before\n{log_before}-- log at last\n{log}"
        ))
    }
}

/// Waits until it is too late to close in time what should be closed then.
pub(super) fn await_too_late(closing_time: Uptime) -> Outcome {
    closing_time.after(Duration::from_millis(100)).wait()
}
