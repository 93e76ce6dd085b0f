//! What is known of the daemon, from what it has said.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use knockd::control::protocol::{Event, Happening, List, OpeningShown, Phase, Stage, Status};

use super::words::{self, Mood};

/// How many lines are kept of what has happened.
const MOST_LINES: usize = 1000;

/// How many attempts are kept: in a flood of forged first knocks not all that end are told.
const MOST_ATTEMPTS: usize = 1000;

/// How long the daemon has been running is told to the minute.
const MINUTE: Duration = Duration::from_secs(60);

/// How many openings are kept.
const MOST_OPENINGS: usize = 10_000;

/// The daemon as we know it. Times are counted from when we began to look.
#[derive(Debug, Default)]
pub struct Model {
    pub(super) link: Link,
    pub(super) status: Option<Status>,
    /// When that was said.
    pub(super) status_at: Duration,
    pub(super) openings: BTreeMap<Who, Open>,
    pub(super) attempts: BTreeMap<Who, Attempt>,
    pub(super) lines: VecDeque<Line>,
    pub(super) counts: Counts,
    /// Whether something has happened of which we don't know what.
    is_unsure: bool,
}

/// Whether the daemon is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// We are being connected.
    #[default]
    Wanted,
    /// We are told what happens.
    Up,
    /// It isn't there: the reason in words.
    Lost(String),
}

/// At which door, and who.
pub(super) type Who = (String, IpAddr);

/// A door that is open for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) phase: Phase,
    /// When it closes, as far as that is known.
    pub(super) until: Option<Duration>,
    pub(super) by_kernel: bool,
}

/// How far somebody has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) stage: u8,
    /// When it began; none if that was before we looked.
    pub(super) since: Option<Duration>,
    /// When it last went on.
    pub(super) last: Duration,
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The time of day.
    pub(super) at: String,
    pub(super) mood: Mood,
    pub(super) text: String,
}

/// How much there was since we look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) knocks: u64,
    /// Sequences that were completed.
    pub(super) opened: u64,
    /// What administrators have done to doors.
    pub(super) by_hand: u64,
    pub(super) wrong: u64,
    pub(super) late: u64,
    pub(super) gave_way: u64,
    pub(super) dropped: u64,
    pub(super) lost: u64,
    pub(super) unseen: u64,
}

impl Model {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in whether the daemon is there. What was under way is forgotten when it isn't.
    pub fn note_link(&mut self, link: Link) {
        if link != Link::Up {
            self.attempts.clear();
        }
        self.link = link;
    }

    /// Takes in how the daemon is.
    pub fn note_status(&mut self, now: Duration, status: Status) {
        self.status = Some(status);
        self.status_at = now;
    }

    /// Takes in who is let in: nobody else is.
    pub fn note_list(&mut self, now: Duration, list: List) {
        self.is_unsure = false;
        self.openings = list.openings.into_iter().take(MOST_OPENINGS).map(|shown| open(now, shown)).collect();
    }

    /// Takes in what has happened; `at` is the time of day to show beside it.
    pub fn happen(&mut self, now: Duration, at: String, event: &Event) {
        self.follow(now, &event.what);
        let Some((mood, text)) = words::of(&event.what) else { return };
        self.lines.push_back(Line { at, mood, text });
        if self.lines.len() > MOST_LINES {
            self.lines.pop_front();
        }
    }

    /// Whether who is let in had better be asked for: not everything was told.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        self.is_unsure
    }

    /// Forgets what is over by now, which nobody tells.
    pub fn pass_time(&mut self, now: Duration) {
        self.openings.retain(|_, open| !open.by_kernel || open.until.is_none_or(|until| until > now));
    }

    /// After how much time the picture is another one, if nothing happens until then.
    #[must_use]
    pub fn next_change(&self, now: Duration) -> Option<Duration> {
        let counts_down =
            self.openings.values().any(|open| open.until.is_some()) || !self.attempts.is_empty();
        // Full seconds of what is left, and of what has passed, don't change together; a second is near enough.
        if counts_down {
            return Some(Duration::from_nanos(1_000_000_000 - u64::from(now.subsec_nanos())));
        }
        self.status.is_some().then_some(MINUTE)
    }

    fn follow(&mut self, now: Duration, what: &Happening) {
        match what {
            Happening::Stage(at) => {
                self.counts.knocks += 1;
                self.note_stage(now, at);
            }
            // Its last stage was told before.
            Happening::Completed(at) => {
                self.counts.opened += 1;
                self.end_attempt(at);
            }
            Happening::Discarded { at, .. } => {
                self.counts.wrong += 1;
                self.end_attempt(at);
            }
            Happening::TimedOut(at) => {
                self.counts.late += 1;
                self.end_attempt(at);
            }
            Happening::GaveWay(at) => {
                self.counts.gave_way += 1;
                self.end_attempt(at);
            }
            Happening::ByHand { .. } => self.counts.by_hand += 1,
            Happening::Opened { door, source, left_ms, by_kernel } => {
                self.note_open(now, door, *source, Some(*left_ms), *by_kernel);
            }
            Happening::Extended { door, source, left_ms, by_kernel } => {
                self.note_open(now, door, *source, *left_ms, *by_kernel);
            }
            Happening::LeftOpen { door, source, left_ms } => {
                self.note_open(now, door, *source, Some(*left_ms), false);
            }
            Happening::Expired { door, source } => {
                if let Some(open) = self.openings.get_mut(&(door.clone(), *source)) {
                    open.phase = Phase::Closing;
                    open.until = None;
                }
            }
            Happening::Closed { door, source } => {
                self.openings.remove(&(door.clone(), *source));
            }
            Happening::PacketsDropped { count } => self.counts.dropped += count,
            Happening::OpeningsLost { count } => self.counts.lost += count,
            Happening::LeftOut { count, .. } => self.counts.unseen += count,
            Happening::Missed { count } => {
                self.counts.unseen += count;
                self.is_unsure = true;
            }
            // Doors may be gone, and with them who was let in by the kernel.
            Happening::Reloading {} => self.is_unsure = true,
            Happening::WatcherEnded { .. } => self.attempts.clear(),
            _ => {}
        }
    }

    fn note_stage(&mut self, now: Duration, Stage { door, source, stage }: &Stage) {
        let who = (door.clone(), *source);
        let before = self.attempts.get(&who).and_then(|before| before.since);
        let since = if *stage == 1 { Some(now) } else { before };
        self.attempts.insert(who, Attempt { stage: *stage, since, last: now });
        if self.attempts.len() > MOST_ATTEMPTS {
            let oldest = self.attempts.iter().min_by_key(|(_, attempt)| (attempt.stage, attempt.last));
            if let Some(who) = oldest.map(|(who, _)| who.clone()) {
                self.attempts.remove(&who);
            }
        }
    }

    fn end_attempt(&mut self, at: &Stage) {
        self.attempts.remove(&(at.door.clone(), at.source));
    }

    fn note_open(
        &mut self,
        now: Duration,
        door: &str,
        source: IpAddr,
        left_ms: Option<u64>,
        by_kernel: bool,
    ) {
        if self.openings.len() < MOST_OPENINGS {
            let until = left_ms.map(|left| now.saturating_add(Duration::from_millis(left)));
            self.openings.insert((door.to_owned(), source), Open { phase: Phase::Open, until, by_kernel });
        }
    }
}

fn open(now: Duration, shown: OpeningShown) -> (Who, Open) {
    let until = shown.left_ms.map(|left| now.saturating_add(Duration::from_millis(left)));
    ((shown.door, shown.source), Open { phase: shown.phase, until, by_kernel: shown.by_kernel })
}

#[cfg(test)]
pub(super) mod tests;
