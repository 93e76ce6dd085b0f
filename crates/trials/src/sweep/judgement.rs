//! What must be so after doors have opened and daemons have died.

use std::time::Duration;

use super::{
    Uptime,
    record::{Deed, Record},
};
use crate::trouble::{Outcome, Trouble, ensure};

/// How much later than it should a daemon may begin to close a door on a busy machine. Less than the longest stay, so
/// that it is seen if that stay begins anew with the new daemon.
const TOLERANCE: Duration = Duration::from_millis(800);

/// What may have happened to a door.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    /// How many times it may have been opened.
    pub(super) starts: usize,
    /// How many times it may have been closed.
    pub(super) stops: usize,
    /// Before when it must not have been closed.
    pub(super) earliest: Uptime,
    /// When at the latest it should have been closed by a daemon that runs.
    pub(super) closing_time: Uptime,
    /// When a daemon ran again, if one was killed.
    pub(super) up: Option<Uptime>,
}

impl Judgement {
    /// Looks at what was done. Returns what came too late, which may be the machine's fault.
    pub(super) fn pass(self, record: &Record, door: &str) -> Outcome<Option<Trouble>> {
        self.pass_times(Deed::ALL.map(|deed| record.times(door, deed))).map_err(|trouble| trouble.at(door))
    }

    fn pass_times(self, [starts, _, stops, shut]: [Vec<Uptime>; 4]) -> Outcome<Option<Trouble>> {
        for (what, count, most) in [("starts", starts.len(), self.starts), ("stops", stops.len(), self.stops)]
        {
            ensure(count <= most, format!("{count} {what}, at most {most} may be"))?;
        }
        if starts.is_empty() {
            return Ok(None);
        }
        let shut = shut.first().ok_or_else(|| Trouble::new("it was opened and never shut"))?;
        let (earliest, latest) = (self.earliest, self.latest());
        let first = stops.first().is_some_and(|stop| *stop >= earliest);
        ensure(first, format!("it closes before its time, {earliest}"))?;
        // How long the command itself takes is not the daemon's business, nor is one that was killed any good.
        let closing = stops.iter().rfind(|stop| *stop <= shut);
        let in_time = closing.is_some_and(|stop| *stop <= latest);
        Ok((!in_time).then(|| Trouble::new(format!("it closes later than at {latest}"))))
    }

    fn latest(self) -> Uptime {
        self.up.map_or(self.closing_time, |up| up.max(self.closing_time)).after(TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Vec<Uptime> {
        time.split_terminator(' ').map(|time| Uptime::parse(time).unwrap()).collect()
    }

    fn judged(starts: &str, stops: &str, shut: &str) -> Option<&'static str> {
        let [closing_time, up] = ["12.00", "13.00"].map(|time| Uptime::parse(time).unwrap());
        let judgement = Judgement { starts: 1, stops: 2, earliest: closing_time, closing_time, up: Some(up) };
        match judgement.pass_times([starts, starts, stops, shut].map(at)) {
            Ok(None) => None,
            Ok(Some(_)) => Some("late"),
            Err(_) => Some("wrong"),
        }
    }

    #[test]
    fn what_must_not_be_is_seen() {
        assert_eq!(judged("10.00", "13.00", "13.20"), None);
        assert_eq!(judged("10.00", "13.00 13.10", "13.20"), None);
        assert_eq!(judged("10.00", "13.00", "14.90"), None, "only the command takes long");
        assert_eq!(judged("", "10.10", "10.20"), None);
        assert_eq!(judged("10.00 13.00", "13.00", "13.20"), Some("wrong"), "opened again");
        assert_eq!(judged("10.00", "13.00 13.10 13.20", "13.20"), Some("wrong"), "closed too often");
        assert_eq!(judged("10.00", "11.99", "13.20"), Some("wrong"), "closed early");
        assert_eq!(judged("10.00", "13.00", ""), Some("wrong"), "not closed");
        assert_eq!(judged("10.00", "13.81", "13.90"), Some("late"));
        assert_eq!(judged("10.00", "13.00 13.81", "13.90"), Some("late"), "only begun in time");
    }
}
