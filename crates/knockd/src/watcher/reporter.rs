//! What the watcher says to its monitor, and how much of it.

use std::{collections::VecDeque, io, net::IpAddr, num::NonZeroU32, time::Duration};

use knock_core::{
    door::DoorNumber,
    event::{Event, Kind},
    explanation::Explanation,
    hit::Hit,
    moment::Moment,
};
use rustix::event::PollFlags;

use crate::{
    ipc::{Report, channel::Channel, pace},
    limit::Limit,
};

/// So long reports that nobody acts upon may wait for others, when one has just gone.
const GATHERING: Duration = Duration::from_millis(5);

/// As many of them wait at most.
const GATHERED: usize = 256;

/// Reports events, but counts those that come too fast or find the monitor busy. Only openings wait for it.
///
/// When others than openings come thick, some are gathered: to wake up the monitor costs more than everything else. A
/// lone one goes at once, as does an opening, behind those that were gathered before it.
#[derive(Debug)]
pub(super) struct Reporter {
    channel: Channel,
    /// Whether it tells of everybody why hits did nothing.
    explains: bool,
    /// Of whom it explains everything.
    explained: Vec<IpAddr>,
    /// How many packets of theirs there were.
    packets: u64,
    explanations: Limit<()>,
    limit: Limit<Kind>,
    openings: Limit<DoorNumber>,
    /// What waits, in its order, for the monitor to read: openings, and answers to what it has asked.
    unsent: VecDeque<Report>,
    /// Events that wait for others, in their order.
    gathered: VecDeque<Event>,
    /// When those are to go.
    gathered_until: Moment,
    /// Openings that it is not told one by one.
    lost: Tally,
    /// Packets that the kernel had no room for.
    dropped: Tally,
}

/// How many of something the monitor hasn't been told of.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    /// When they may be told.
    not_before: Moment,
}

impl Reporter {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            channel,
            explains: false,
            explained: Vec::new(),
            packets: 0,
            explanations: Limit::new(pace::EXPLANATIONS),
            limit: Limit::new(pace::EVENTS),
            openings: Limit::new(pace::OPENINGS),
            unsent: VecDeque::new(),
            gathered: VecDeque::with_capacity(GATHERED),
            gathered_until: Moment::default(),
            lost: Tally::default(),
            dropped: Tally::default(),
        }
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// What there is to be awaited of the channel.
    pub(super) fn wanted(&self) -> PollFlags {
        if self.is_congested() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
    }

    /// Tells from now on of everybody why hits did nothing, or of nobody but those of [`Reporter::explain_source`].
    pub(super) fn explain(&mut self, explains: bool) {
        self.explains = explains;
    }

    /// Explains what becomes of this source, or no longer.
    pub(super) fn explain_source(&mut self, source: IpAddr, explains: bool) {
        self.explained.retain(|other| *other != source);
        if explains {
            self.explained.push(source);
        } else if self.explained.is_empty() {
            // Nobody wants to know any more.
            while self.explanations.rest().is_some() {}
        }
    }

    /// Takes in that there is a hit, which events may come of.
    pub(super) fn count_hit(&mut self, hit: &Hit) {
        if self.explained.contains(&hit.source) {
            self.packets = self.packets.saturating_add(1);
        }
    }

    /// Reports an event that the last hit that was counted has led to.
    pub(super) fn tell_of_hit(&mut self, now: Moment, event: Event, hit: &Hit) -> io::Result<()> {
        // Before an opening is told: a one-time door stands no more after it, and nobody knows what is explained.
        self.tell_why(now, event.source, |reporter| Explanation::of_hit(event, hit, reporter.packets))?;
        self.tell(now, event)
    }

    /// Reports an event that no hit has led to.
    pub(super) fn tell_of_time(&mut self, now: Moment, event: Event) -> io::Result<()> {
        self.tell(now, event)?;
        self.tell_why(now, event.source, |_| Explanation::of_time(event))
    }

    /// Explains an event if that is wanted of its source.
    fn tell_why(
        &mut self,
        now: Moment,
        source: IpAddr,
        explanation: impl FnOnce(&Self) -> Explanation,
    ) -> io::Result<()> {
        if !self.explained.contains(&source) {
            return Ok(());
        }
        if self.is_congested() {
            self.explanations.count((), 1, now);
            return Ok(());
        }
        if !self.explanations.passes((), now) {
            return Ok(());
        }
        let explanation = explanation(self);
        self.report(Report::Explained(explanation))
    }

    /// Reports an event at the time `now`, or counts it.
    pub(super) fn tell(&mut self, now: Moment, event: Event) -> io::Result<()> {
        let Some(kind) = event.what.kind() else { return self.tell_opening(now, event) };
        if kind == Kind::Ignored && !self.explains {
            return Ok(());
        }
        if self.is_congested() {
            self.limit.count(kind, 1, now);
            return Ok(());
        }
        if !self.limit.passes(kind, now) {
            return Ok(());
        }
        if now < self.gathered_until && self.gathered.len() < GATHERED {
            self.gathered.push_back(event);
            return Ok(());
        }
        self.gathered_until = now.after(GATHERING);
        self.report(Report::Happened(event))
    }

    /// Reports what must not be left out, behind what waits.
    pub(super) fn report(&mut self, report: Report) -> io::Result<()> {
        self.let_go()?;
        self.put(report)
    }

    /// Reports what was gathered, or counts it if the monitor has become busy meanwhile.
    fn let_go(&mut self) -> io::Result<()> {
        while let Some(event) = self.gathered.pop_front() {
            match event.what.kind().filter(|_| self.is_congested()) {
                Some(kind) => self.limit.count(kind, 1, event.at),
                None => self.put(Report::Happened(event))?,
            }
        }
        Ok(())
    }

    fn put(&mut self, report: Report) -> io::Result<()> {
        if self.is_congested() {
            self.unsent.push_back(report);
            return Ok(());
        }
        self.channel.send(report.encode(), None)
    }

    /// Counts packets that the kernel had no room for, to be told by [`Reporter::flush`].
    pub(super) fn count_dropped(&mut self, count: u32) {
        self.dropped.add(count);
    }

    /// When [`Reporter::flush`] has something to do next; none while it is the monitor that has to do something.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        if self.is_congested() {
            return None;
        }
        let tallies = [&self.lost, &self.dropped].into_iter().filter_map(Tally::next_due);
        let gathered = (!self.gathered.is_empty()).then_some(self.gathered_until);
        tallies.chain(self.limit.next_due()).chain(self.explanations.next_due()).chain(gathered).min()
    }

    /// Sends what waits, and tells how much was left out.
    pub(super) fn flush(&mut self, now: Moment) -> io::Result<()> {
        self.channel.flush()?;
        if self.gathered_until <= now && !self.gathered.is_empty() {
            self.gathered_until = now.after(GATHERING);
            self.let_go()?;
        }
        while !self.channel.is_congested()
            && let Some(report) = self.unsent.pop_front()
        {
            self.channel.send(report.encode(), None)?;
        }
        while !self.is_congested()
            && let Some(left_out) = self.limit.due(now)
        {
            let count = u32::try_from(left_out.count).unwrap_or(u32::MAX);
            if let Some(count) = NonZeroU32::new(count) {
                self.report(Report::LeftOut(left_out.kind, count))?;
            }
        }
        if !self.is_congested()
            && let Some(left_out) = self.explanations.due(now)
            && let Some(count) = NonZeroU32::new(u32::try_from(left_out.count).unwrap_or(u32::MAX))
        {
            self.report(Report::Unexplained(count))?;
        }
        if !self.is_congested()
            && let Some(count) = self.lost.due(now)
        {
            self.report(Report::Lost(count))?;
        }
        if !self.is_congested()
            && let Some(count) = self.dropped.due(now)
        {
            self.report(Report::Dropped(count))?;
        }
        Ok(())
    }

    /// A one-time door stands no more once it has opened: its only opening must never be lost, or it would stay shut for
    /// good. The first of a door passes its limit, and finds room behind whatever waits of others.
    fn tell_opening(&mut self, now: Moment, event: Event) -> io::Result<()> {
        if !self.openings.passes(event.door, now) {
            self.lost.add(1);
            // They are told as lost, whatever their door.
            while self.openings.rest().is_some() {}
            return Ok(());
        }
        let is_full = self.unsent.len() >= pace::UNSENT_OPENINGS as usize;
        if is_full && self.unsent.iter().any(|waiting| waiting.opens(event.door)) {
            self.lost.add(1);
            return Ok(());
        }
        self.report(Report::Happened(event))
    }

    fn is_congested(&self) -> bool {
        self.channel.is_congested() || !self.unsent.is_empty()
    }
}

impl Tally {
    fn add(&mut self, count: u32) {
        self.count = self.count.saturating_add(count.into());
    }

    fn next_due(&self) -> Option<Moment> {
        (self.count > 0).then_some(self.not_before)
    }

    /// How many are to be told now. Those that one report can't hold are told by the next.
    fn due(&mut self, now: Moment) -> Option<NonZeroU32> {
        self.next_due().filter(|due| *due <= now)?;
        let told = NonZeroU32::new(u32::try_from(self.count).unwrap_or(u32::MAX))?;
        let count = self.count.saturating_sub(told.get().into());
        *self = Self { count, not_before: now.after(pace::SUMS.every) };
        Some(told)
    }
}

#[cfg(test)]
mod tests;
