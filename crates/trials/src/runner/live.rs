//! A case in real time, with a daemon in a laboratory.

use std::{
    collections::HashMap,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    daemon::{Daemon, Maker, Start},
    events::{compare, events, without_timeouts},
    sentinel,
};
use crate::{
    case::{Case, Content, Move},
    frame::Frame,
    net::{Lab, PATIENCE, Wire, await_some},
    packet::Packet,
    trouble::{Outcome, Trouble, While},
};

/// A packet sent so much later than the case says was not sent as the case says.
const TOO_LATE: Duration = Duration::from_millis(80);

/// How often a case is played when the machine is too busy to keep its times.
const ATTEMPTS: usize = 4;

const HALF_A_SECOND: Duration = Duration::from_millis(500);

pub(super) fn ours(case: &Case) -> Outcome {
    match judged(case, Maker::Ours)? {
        Verdict::AsExpected => Ok(()),
        Verdict::Otherwise(how) => Err(Trouble::new(how)),
    }
}

pub(super) fn classic(case: &Case) -> Outcome {
    match (judged(case, Maker::Classic)?, &case.classic) {
        (Verdict::AsExpected, None) | (Verdict::Otherwise(_), Some(_)) => Ok(()),
        (Verdict::Otherwise(how), None) => Err(Trouble::new(how)),
        (Verdict::AsExpected, Some(difference)) => Err(Trouble::new(format!(
            "the case says that the classic daemon differs, but it does not: {}",
            difference.reason
        ))),
    }
}

#[expect(clippy::disallowed_methods, reason = "the classic daemon goes by the clock that is set")]
fn the_classic_daemons_time() -> SystemTime {
    SystemTime::now()
}

/// The time until the next half past a second. The classic daemon counts whole seconds of the system's clock: what it
/// makes of a case depends on where in a second the case begins.
fn until_half_past(now: SystemTime) -> Duration {
    let into = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    Duration::from_nanos((1_500_000_000 - u64::from(into)) % 1_000_000_000)
}

/// What came of a case.
enum Verdict {
    AsExpected,
    Otherwise(String),
}

/// A case being played.
struct Play<'a> {
    case: &'a Case,
    maker: Maker,
    lab: Lab,
    daemon: Daemon,
    wires: HashMap<(String, bool), Wire>,
    /// The most that a packet was late.
    lag: Duration,
}

fn judged(case: &Case, maker: Maker) -> Outcome<Verdict> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let mut play = Play::new(case, maker)?;
        let verdict = play.verdict()?;
        let in_time = play.lag < TOO_LATE;
        if in_time || matches!(verdict, Verdict::AsExpected) {
            return Ok(verdict);
        }
        if attempts == ATTEMPTS {
            return Err(Trouble::new(format!("the machine is too busy: a packet was {:?} late", play.lag)));
        }
    }
}

impl<'a> Play<'a> {
    fn new(case: &'a Case, maker: Maker) -> Outcome<Self> {
        let lab = Lab::new()?;
        if case.interface != "eth0" && case.interface != "lo" {
            lab.plug("eth1")?;
        }
        let daemon = Daemon::start(case, maker, &lab)?;
        Ok(Self { case, maker, lab, daemon, wires: HashMap::new(), lag: Duration::ZERO })
    }

    fn verdict(&mut self) -> Outcome<Verdict> {
        let difference = match self.daemon.await_start()? {
            Start::Silent => Some("it neither listens nor ends".to_owned()),
            Start::Ended(status) if self.case.starts() => Some(format!("it did not start: {status}")),
            Start::Ended(status) if self.maker == Maker::Ours && status.code() != Some(1) => {
                Some(format!("it ended with {status} instead of status 1"))
            }
            Start::Ended(_) => self.unsaid(&self.case.expected.refused),
            Start::Listening if !self.case.starts() => Some("it started".to_owned()),
            Start::Listening => self.played()?,
        };
        Ok(difference.map_or(Verdict::AsExpected, |difference| {
            Verdict::Otherwise(format!("{difference}\n{}", self.daemon.said()))
        }))
    }

    /// The first of these texts that the daemon has not said. Those of the classic daemon are its own.
    fn unsaid(&self, texts: &[String]) -> Option<String> {
        let said = self.daemon.said();
        let mut texts = texts.iter().map(|text| self.daemon.in_directory(text));
        let unsaid = texts.find(|text| self.maker == Maker::Ours && !said.contains(text))?;
        Some(format!("it does not say {unsaid:?}"))
    }

    /// Plays the case to its end and says what was not as expected.
    fn played(&mut self) -> Outcome<Option<String>> {
        let warned = &self.case.expected.warned;
        if self.maker == Maker::Classic && !(self.sentinel()? && warned.is_empty()) {
            return Ok(Some("it does not hear packets, or says nothing about the configuration".to_owned()));
        }
        if let Some(unsaid) = self.unsaid(warned) {
            return Ok(Some(unsaid));
        }
        self.turns()?;
        if !self.sentinel()? {
            return Ok(Some("it no longer hears packets".to_owned()));
        }
        // What packets did is told by now; what time and commands do may still be on its way.
        let patience = if self.maker == Maker::Ours { PATIENCE / 3 } else { PATIENCE / 10 };
        let difference = await_some(patience, || self.difference().is_none().then_some(()));
        if difference.is_none() {
            return Ok(self.difference());
        }
        let Some(status) = self.daemon.terminate()? else {
            return Ok(Some("asked to end it goes on".to_owned()));
        };
        if self.maker == Maker::Ours && !status.success() {
            return Ok(Some(format!("asked to end it ended with {status}")));
        }
        Ok(self.events().or_else(|| self.files(&self.case.expected.at_end)))
    }

    fn turns(&mut self) -> Outcome {
        if self.maker == Maker::Classic && self.case.turns.last().is_some_and(|turn| turn.at > HALF_A_SECOND)
        {
            thread::sleep(until_half_past(the_classic_daemons_time()));
        }
        let start = Instant::now();
        let mut reloads = self.case.reloads.iter();
        for turn in &self.case.turns {
            thread::sleep((start + turn.at).saturating_duration_since(Instant::now()));
            match &turn.what {
                Move::Send(frame) => {
                    self.lag = self.lag.max(start.elapsed().saturating_sub(turn.at));
                    self.send(frame)?;
                }
                Move::Server(line) => {
                    let line = self.daemon.in_directory(line);
                    let directory = self.lab.directory().display();
                    self.lab.server().shell(&format!("cd {directory} && {line}"))?;
                }
                Move::Reload => {
                    let config =
                        reloads.next().ok_or_else(|| Trouble::new("a `reload` without its section"))?;
                    self.daemon.reload(config)?;
                }
                Move::Plug(interface) => self.lab.plug(interface)?,
                Move::Unplug(interface) => {
                    self.wires.clear();
                    self.lab.unplug(interface)?;
                }
                Move::End => {}
            }
        }
        Ok(())
    }

    fn send(&mut self, frame: &Frame) -> Outcome {
        let server = frame.outgoing || frame.interface == "lo";
        let key = (frame.interface.clone(), server);
        if !self.wires.contains_key(&key) {
            let host = if server { self.lab.server() } else { self.lab.client() };
            self.wires.insert(key.clone(), Wire::open(host, &frame.interface)?);
        }
        self.wires.get(&key).map_or(Ok(()), |wire| wire.send(&frame.bytes()))
    }

    /// Knocks at the sentinel's door until it opens. Whoever has said that it listens hears it at once.
    fn sentinel(&mut self) -> Outcome<bool> {
        let interface = self.case.interface.split(',').next().unwrap_or_default();
        let interface = if interface == "any" { "eth0" } else { interface };
        let knocks: Packet = sentinel::knocks(interface).parse().while_("sentinel")?;
        let before = self.daemon.sentinels();
        let (times, patience) = match self.maker {
            Maker::Ours => (1, PATIENCE),
            Maker::Classic => (30, Duration::from_millis(100)),
        };
        for _ in 0..times {
            for frame in knocks.frames(&mut 0)? {
                self.send(&frame)?;
            }
            let answer = await_some(patience, || {
                if self.daemon.sentinels() > before {
                    return Some(Ok(true));
                }
                self.daemon.ended().transpose().map(|ended| ended.map(|_| false))
            });
            if let Some(answer) = answer {
                return answer;
            }
        }
        Ok(false)
    }

    /// What was told about attempts, if it is not as expected.
    fn events(&self) -> Option<String> {
        let expected = &self.case.expected.events;
        let told = events(self.daemon.log());
        let compared = match self.maker {
            Maker::Ours => compare(expected, &told),
            Maker::Classic => compare(&without_timeouts(expected), &without_timeouts(&told)),
        };
        compared.err().map(|trouble| trouble.to_string())
    }

    fn difference(&self) -> Option<String> {
        let expected = &self.case.expected;
        let log = self.daemon.log();
        let mut lines = log.iter();
        let missing = expected.log.iter().map(|line| self.daemon.in_directory(line));
        let missing = missing.into_iter().find(|line| !lines.any(|told| told == line));
        self.events()
            .or_else(|| missing.map(|line| format!("not in the log, or not in this place: {line:?}")))
            .or_else(|| self.files(&expected.after))
    }

    fn files(&self, contents: &[Content]) -> Option<String> {
        contents.iter().find_map(|content| {
            let wanted = self.daemon.in_directory(&content.text);
            let found = self.daemon.file(&content.name);
            (found != wanted).then(|| format!("{} holds {found:?} instead of {wanted:?}", content.name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classic_cases_begin_at_half_past() {
        let until = |millis| until_half_past(UNIX_EPOCH + Duration::from_millis(millis));
        assert_eq!(until(7_200), Duration::from_millis(300));
        assert_eq!(until(7_500), Duration::ZERO);
        assert_eq!(until(7_900), Duration::from_millis(600));
    }
}
