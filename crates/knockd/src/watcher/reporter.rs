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

/// So often, at most, it is told how many packets were lost.
const DROPPED_EVERY: Duration = Duration::from_secs(1);

/// Reports events, but counts those that come too fast or find the monitor busy.
#[derive(Debug)]
pub(super) struct Reporter {
    channel: Channel,
    limit: Limit<Kind>,
    dropped: Dropped,
}

/// The packets that the kernel had no room for and that the monitor hasn't been told of.
#[derive(Debug, Default)]
struct Dropped {
    count: u64,
    /// When they may be told.
    not_before: Moment,
}

impl Reporter {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, limit: Limit::new(RATE), dropped: Dropped::default() }
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

    /// Counts packets that the kernel had no room for, to be told by [`Reporter::flush`].
    pub(super) fn count_dropped(&mut self, count: u32) {
        self.dropped.count = self.dropped.count.saturating_add(count.into());
    }

    /// When [`Reporter::flush`] has something to do next; none while it is the monitor that has to do something.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        if self.channel.is_congested() {
            return None;
        }
        [self.limit.next_due(), self.dropped.next_due()].into_iter().flatten().min()
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
        if !self.channel.is_congested()
            && let Some(count) = self.dropped.due(now)
        {
            self.report(Report::Dropped(count))?;
        }
        Ok(())
    }
}

impl Dropped {
    fn next_due(&self) -> Option<Moment> {
        (self.count > 0).then_some(self.not_before)
    }

    /// How many are to be told now. Those that one report can't hold are told by the next.
    fn due(&mut self, now: Moment) -> Option<u32> {
        self.next_due().filter(|due| *due <= now)?;
        let told = u32::try_from(self.count).unwrap_or(u32::MAX);
        *self = Self { count: self.count.saturating_sub(told.into()), not_before: now.after(DROPPED_EVERY) };
        Some(told)
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

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    fn congested() -> (Reporter, Channel) {
        let (near, far) = Channel::pair().unwrap();
        let mut reporter = Reporter::new(near);
        while !reporter.channel().is_congested() {
            reporter.report(Report::Ready).unwrap();
        }
        (reporter, Channel::new(far))
    }

    #[test]
    fn there_is_no_deadline_while_the_monitor_does_not_read() {
        let (mut reporter, far) = congested();
        reporter.tell(at(0), event(What::Stage(1))).unwrap();
        reporter.count_dropped(3);
        reporter.flush(at(60_000)).unwrap();
        assert!(reporter.channel().is_congested());
        assert_eq!(reporter.next_deadline(), None, "all is overdue, and nothing can be done");
        received(&far);
        reporter.channel.flush().unwrap();
        assert!(!reporter.channel().is_congested());
        assert_eq!(reporter.next_deadline(), Some(at(0)));
        reporter.flush(at(60_000)).unwrap();
        let reports = received(&far);
        assert!(reports.ends_with(&[Report::LeftOut(Kind::Stage, 1), Report::Dropped(3)]), "{reports:?}");
        assert_eq!(reporter.next_deadline(), None);
    }

    #[test]
    fn dropped_packets_are_added_up_and_told_once_a_second() {
        let (near, far) = Channel::pair().unwrap();
        let (mut reporter, far) = (Reporter::new(near), Channel::new(far));
        reporter.count_dropped(0);
        assert_eq!(reporter.next_deadline(), None);
        reporter.count_dropped(3);
        assert_eq!(reporter.next_deadline(), Some(at(0)));
        reporter.flush(at(5000)).unwrap();
        assert_eq!(received(&far), [Report::Dropped(3)]);
        reporter.count_dropped(4);
        reporter.flush(at(5001)).unwrap();
        reporter.count_dropped(5);
        assert_eq!(reporter.next_deadline(), Some(at(6000)));
        reporter.flush(at(5999)).unwrap();
        assert_eq!(received(&far), []);
        reporter.flush(at(6000)).unwrap();
        assert_eq!(received(&far), [Report::Dropped(9)]);
        assert_eq!(reporter.next_deadline(), None);
    }

    #[test]
    fn dropped_packets_of_a_stopped_monitor_leave_one_report() {
        let (mut reporter, far) = congested();
        for second in 0..10_000 {
            reporter.count_dropped(7);
            reporter.flush(at(second * 1000)).unwrap();
        }
        let mut reports = received(&far);
        reporter.flush(at(10_000_000)).unwrap();
        reports.extend(received(&far));
        reports.retain(|report| *report != Report::Ready);
        assert_eq!(reports, [Report::Dropped(70_000)]);
    }

    #[test]
    fn more_dropped_packets_than_a_report_holds_take_two() {
        let mut dropped = Dropped { count: u64::from(u32::MAX) + 5, not_before: at(0) };
        assert_eq!(dropped.due(at(10)), Some(u32::MAX));
        assert_eq!(dropped.due(at(10)), None);
        assert_eq!(dropped.due(at(1010)), Some(5));
    }
}
