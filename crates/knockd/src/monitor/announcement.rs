//! What the manager of services is told of us.

use knock_core::moment::Moment;

use super::{Monitor, listening};

impl Monitor {
    /// The first watcher has its doors: we do our work.
    pub(super) fn announce_ready(&mut self, now: Moment) {
        let status = self.status();
        self.manager.ready(now, &status);
    }

    /// The configuration is about to be read again. Who hasn't even said that we are up has nothing to reload.
    pub(super) fn announce_reload(&mut self, now: Moment) {
        if self.is_up {
            self.manager.reloading(now);
        }
    }

    /// A reload is over when the watcher goes by it; whatever became of it, we do our work. What else the manager is to
    /// hear is due now and then.
    pub(super) fn tell_manager(&mut self, now: Moment) {
        if self.manager.is_reloading() && self.is_settled() {
            self.announce_ready(now);
        }
        self.manager.pass_time(now);
    }

    /// Whether the watcher has done all that follows from the configuration in force.
    fn is_settled(&self) -> bool {
        self.supervisor.has_watcher()
            && !self.supervisor.owes_answer()
            && self.pending.is_empty()
            && !self.listening.is_replacing()
    }

    /// A line for people (`systemctl status`). It tells what a start or a reload can change and nothing else: to tell
    /// more would cost a message with each knock.
    fn status(&self) -> String {
        let interfaces = listening::names(&self.settings.interfaces);
        let doors = self.doors.doors().filter(|door| door.after.is_none()).count();
        let plural = if doors == 1 { "" } else { "s" };
        let remark =
            if self.is_refused { "; the configuration on the disk was refused, see the log" } else { "" };
        format!("listening on {interfaces}, {doors} door{plural}{remark}")
    }
}
