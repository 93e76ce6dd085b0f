//! Follows one source from packet to packet.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding, Outcome, Sentence, Told, Tone, Why,
    verdict::{self, Missed, Unlike},
    words,
};

/// How many doors are told one by one for a packet that did nothing.
const MOST_DOORS: usize = 3;

/// Tells what the packets of one source do, one after the other.
#[derive(Debug, Default)]
pub struct Narrator {
    /// Attempts under way, by the names of their doors.
    attempts: BTreeMap<String, Attempt>,
    /// What was waited for when an attempt failed the last time.
    missed: BTreeMap<String, Missed>,
    /// Doors of which was told that they take one-time sequences.
    hinted: BTreeSet<String>,
    tally: Tally,
}

/// An attempt as far as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// When it began; none if that was before we looked.
    pub(super) first_us: Option<u64>,
    /// When it last went on.
    pub(super) last_us: u64,
    /// How far it has come.
    pub(super) stage: u8,
    /// What was amiss with the next knock, where it has come but did not count.
    pub(super) unlike: Option<Unlike>,
}

/// How much there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    packets: u64,
    opened: u64,
    failed: u64,
}

impl Narrator {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells what one packet did. `findings` are all that are about it, or one without a packet.
    pub fn tell(&mut self, findings: &[Finding]) -> Option<Told> {
        let first = findings.first()?;
        self.tally.packets += u64::from(first.packet.is_some());
        let matters = |finding: &&Finding| self.matters(finding);
        let mattering: Vec<&Finding> = findings.iter().filter(matters).collect();
        let mut sentences: Vec<_> = mattering.iter().map(|finding| self.at_door(finding)).collect();
        if sentences.is_empty() {
            sentences = self.did_nothing(findings);
        }
        Some(Told { at: first.at.clone(), packet: first.packet.clone(), sentences })
    }

    /// How it went, in one line, and how far attempts are that are under way.
    #[must_use]
    pub fn sum_up(&self, source: std::net::IpAddr) -> String {
        let Tally { packets, opened, failed } = self.tally;
        let count = |count: u64, one: &str, more: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {more}"),
        };
        if packets == 0 {
            return format!("no packet of {source} has come");
        }
        let mut text = format!(
            "{} of {source}: {}, {}",
            count(packets, "packet", "packets"),
            count(opened, "door opened", "doors opened"),
            count(failed, "attempt failed", "attempts failed"),
        );
        let under_way: Vec<_> = self.attempts.keys().map(String::as_str).collect();
        if !under_way.is_empty() {
            text.push_str(", still under way: ");
            text.push_str(&under_way.join(", "));
        }
        text
    }

    /// Whether it is worth a sentence of its own: it has changed something, or could have.
    fn matters(&self, finding: &Finding) -> bool {
        match finding.what {
            Outcome::Ignored { reason: Why::NotFirst } => false,
            Outcome::Ignored { .. } => self.attempts.contains_key(&finding.door),
            _ => true,
        }
    }

    fn at_door(&mut self, finding: &Finding) -> Sentence {
        let before = self.attempts.get(&finding.door).copied();
        let text = words::at_door(finding, before);
        let verdict = verdict::of(finding, before);
        let tone = match finding.what {
            Outcome::Stage { stage } => {
                let first_us = if stage == 1 {
                    Some(finding.clock_us)
                } else {
                    before.and_then(|before| before.first_us)
                };
                let attempt = Attempt { first_us, last_us: finding.clock_us, stage, unlike: None };
                self.attempts.insert(finding.door.clone(), attempt);
                self.forget_failures(&finding.door);
                Tone::Right
            }
            Outcome::Opened { .. } => {
                self.attempts.remove(&finding.door);
                self.forget_failures(&finding.door);
                self.tally.opened += 1;
                Tone::Open
            }
            Outcome::Discarded { .. } | Outcome::TimedOut { .. } | Outcome::GaveWay { .. } => {
                self.attempts.remove(&finding.door);
                self.missed.extend(Missed::of(finding).map(|missed| (finding.door.clone(), missed)));
                self.tally.failed += 1;
                Tone::Failed
            }
            Outcome::Ignored { .. } => {
                if let Some(attempt) = self.attempts.get_mut(&finding.door) {
                    attempt.unlike = Unlike::of(finding, attempt.stage).or(attempt.unlike);
                }
                Tone::Nothing
            }
        };
        Sentence { door: Some(finding.door.clone()), tone, text, verdict }
    }

    fn forget_failures(&mut self, door: &str) {
        self.missed.remove(door);
        self.hinted.remove(door);
    }

    /// What to try where a packet carries nothing on at a door with one-time sequences; told once.
    fn hint(&mut self, findings: &[Finding]) -> Option<String> {
        let is_strange = |finding: &&Finding| finding.reason() == Some(Why::NotFirst) && !finding.is_known();
        let mut doors = findings.iter().filter(is_strange).filter(|finding| finding.one_time);
        let door = &doors.find(|finding| !self.hinted.contains(&finding.door))?.door;
        self.hinted.insert(door.clone());
        Some(format!(
            "if it was meant for {door}: a sequence of that door is good once; compare the client's next line with \
             the first unused one of the door's file"
        ))
    }

    /// What there is to say of a packet that did nothing anywhere, and what to try.
    fn did_nothing(&mut self, findings: &[Finding]) -> Vec<Sentence> {
        let mut sentences = self.why_nothing(findings);
        let hint = self.hint(findings);
        if let Some(last) = sentences.last_mut() {
            last.verdict = hint;
        }
        sentences
    }

    /// Why a packet did nothing anywhere: of each door if the reasons differ, and they are few.
    fn why_nothing(&mut self, findings: &[Finding]) -> Vec<Sentence> {
        let late: Vec<_> = findings.iter().filter_map(|finding| self.too_late(finding)).collect();
        if !late.is_empty() {
            return late;
        }
        let mut reasons: Vec<Why> = findings.iter().filter_map(Finding::reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let nothing = |door: Option<&Finding>, text: String| Sentence {
            door: door.map(|finding| finding.door.clone()),
            tone: Tone::Nothing,
            text,
            verdict: None,
        };
        if let ([reason], Some(first)) = (&reasons[..], findings.first())
            && (*reason == Why::NotFirst || *reason == Why::NoPeer || findings.len() > MOST_DOORS)
            && !findings.iter().any(Finding::is_known)
        {
            return vec![nothing(None, words::everywhere(first, *reason))];
        }
        // A door that has nothing to do with it is left out where another says more.
        let says_more = |finding: &&Finding| {
            finding.reason() != Some(Why::NotFirst) || finding.is_known() || reasons.len() == 1
        };
        let telling: Vec<_> = findings.iter().filter(says_more).collect();
        let more = telling.len().saturating_sub(MOST_DOORS);
        let mut sentences: Vec<_> = telling
            .iter()
            .take(MOST_DOORS)
            .map(|finding| nothing(Some(finding), words::at_door(finding, None)))
            .collect();
        if more > 0 {
            sentences.push(nothing(None, format!("and nothing at {more} more doors")));
        }
        sentences
    }

    /// What was waited for when an attempt failed has come after all.
    fn too_late(&mut self, finding: &Finding) -> Option<Sentence> {
        let missed = self.missed.get(&finding.door)?;
        let text = missed.comes_with(finding)?;
        self.missed.remove(&finding.door);
        Some(Sentence { door: Some(finding.door.clone()), tone: Tone::Nothing, text, verdict: None })
    }
}

#[cfg(test)]
mod tests;
