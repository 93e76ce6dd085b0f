//! What the watcher says to its monitor, and how much of it.

use std::{io, time::Duration};

use knock_core::{
    event::{Event, Kind},
    moment::Moment,
};

use crate::{
    ipc::{Report, channel::Channel},
    limit::{Limit, Rate},
};

/// How much is reported of each kind of event; openings always are.
const RATE: Rate = Rate { every: Duration::from_millis(10), burst: 1000 };

/// Reports events, but counts those that come too fast or find the monitor busy.
#[derive(Debug)]
pub(super) struct Reporter {
    channel: Channel,
    limit: Limit<Kind>,
}

impl Reporter {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, limit: Limit::new(RATE) }
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Reports an event at the time `now`, or counts it.
    pub(super) fn tell(&mut self, now: Moment, event: Event) -> io::Result<()> {
        if let Some(kind) = event.what.kind() {
            if self.channel.is_congested() {
                self.limit.count(kind, 1, now);
                return Ok(());
            }
            if !self.limit.passes(kind, now) {
                return Ok(());
            }
        }
        self.report(Report::Happened(event))
    }

    /// Reports what must not be left out.
    pub(super) fn report(&mut self, report: Report) -> io::Result<()> {
        self.channel.send(report.encode(), None)
    }

    /// When [`Reporter::flush`] has something to do next, but for what waits for the monitor.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.limit.next_due()
    }

    /// Sends what waits, and tells how much was left out.
    pub(super) fn flush(&mut self, now: Moment) -> io::Result<()> {
        self.channel.flush()?;
        while !self.channel.is_congested()
            && let Some(left_out) = self.limit.due(now)
        {
            let count = u32::try_from(left_out.count).unwrap_or(u32::MAX);
            self.report(Report::LeftOut(left_out.kind, count))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use knock_core::{door::DoorNumber, event::What};

    use super::*;
    use crate::ipc::channel::Received;

    fn event(what: What) -> Event {
        Event { at: Moment::default(), door: DoorNumber(1), source: "192.0.2.7".parse().unwrap(), what }
    }

    fn received(channel: &Channel) -> Vec<Report> {
        let mut reports = Vec::new();
        while let Received::Message(frame, _) = channel.receive().unwrap() {
            reports.push(Report::decode(&frame).unwrap());
        }
        reports
    }

    #[test]
    fn a_flood_is_counted_and_openings_go_through() {
        let (near, far) = Channel::pair().unwrap();
        let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
        let now = Moment::default();
        for _ in 0..100_000 {
            reporter.tell(now, event(What::Stage(1))).unwrap();
        }
        reporter.tell(now, event(What::Opened(3))).unwrap();
        let mut reports = Vec::new();
        let later = Moment::default().after(Duration::from_secs(60));
        while reporter.channel().is_congested() || reporter.next_deadline().is_some() {
            reports.extend(received(&far));
            reporter.flush(later).unwrap();
        }
        reports.extend(received(&far));
        let opened = Report::Happened(event(What::Opened(3)));
        let stages =
            reports.iter().filter(|report| **report == Report::Happened(event(What::Stage(1)))).count();
        assert!(stages <= 1000, "{stages}");
        assert_eq!(reports.iter().filter(|report| **report == opened).count(), 1);
        let left_out = Report::LeftOut(Kind::Stage, 100_000 - u32::try_from(stages).unwrap());
        assert!(reports.contains(&left_out), "{:?}", reports.last());
    }
}
