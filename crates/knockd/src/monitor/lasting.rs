//! Who is let in by the kernel, and until when: what has to be put back if somebody else takes it away.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use knock_core::moment::Moment;

/// How many openings are remembered. Those beyond are open as well, but nobody could put them back.
const MOST: usize = 1 << 18;

/// The openings whose time is not over.
#[derive(Debug)]
pub struct Lasting {
    room: usize,
    until: BTreeMap<(Arc<str>, IpAddr), Moment>,
    ends: BTreeSet<(Moment, Arc<str>, IpAddr)>,
}

impl Default for Lasting {
    fn default() -> Self {
        Self::with_room(MOST)
    }
}

impl Lasting {
    fn with_room(room: usize) -> Self {
        Self { room, until: BTreeMap::new(), ends: BTreeSet::new() }
    }

    /// Notes that a door is open for somebody for this time from now on. Whether it was already.
    pub fn note(&mut self, now: Moment, door: &Arc<str>, source: IpAddr, stay: Duration) -> bool {
        self.forget_past(now);
        let until = now.after(stay);
        let known = self.until.get(&(Arc::clone(door), source)).copied();
        if known.is_some_and(|known| known >= until) {
            return true;
        }
        if let Some(known) = known {
            self.ends.remove(&(known, Arc::clone(door), source));
        }
        if known.is_some() || self.until.len() < self.room {
            self.until.insert((Arc::clone(door), source), until);
            self.ends.insert((until, Arc::clone(door), source));
        }
        known.is_some()
    }

    /// Takes in that somebody else has seen to it how long a door is open for somebody, if at all.
    pub fn correct(&mut self, now: Moment, door: &Arc<str>, source: IpAddr, left: Option<Duration>) {
        if let Some(known) = self.until.remove(&(Arc::clone(door), source)) {
            self.ends.remove(&(known, Arc::clone(door), source));
        }
        if let Some(left) = left {
            self.note(now, door, source, left);
        }
    }

    /// Takes in that a door is open for these and for nobody else.
    pub fn replace(&mut self, now: Moment, door: &Arc<str>, all: &[(IpAddr, Duration)]) {
        self.keep(|other| other != door.as_ref());
        for (source, left) in all {
            self.note(now, door, *source, *left);
        }
    }

    fn forget_past(&mut self, now: Moment) {
        while self.ends.first().is_some_and(|(until, ..)| *until <= now) {
            let Some((_, door, source)) = self.ends.pop_first() else { return };
            self.until.remove(&(door, source));
        }
    }

    /// Forgets the openings of doors that are not to be kept.
    pub fn keep(&mut self, mut is_kept: impl FnMut(&str) -> bool) {
        self.until.retain(|(door, _), _| is_kept(door));
        let until = &self.until;
        self.ends.retain(|(_, door, source)| until.contains_key(&(Arc::clone(door), *source)));
    }

    /// For how long a door is open still for a source; none if it isn't.
    pub fn left_for(&self, now: Moment, door: &Arc<str>, source: IpAddr) -> Option<Duration> {
        let until = self.until.get(&(Arc::clone(door), source)).filter(|until| **until > now)?;
        Some(until.since(now))
    }

    /// For whom a door is open still, and for how long.
    pub fn left(&self, now: Moment, door: &Arc<str>) -> Vec<(IpAddr, Duration)> {
        let first = (Arc::clone(door), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.until
            .range(first..)
            .take_while(|((other, _), _)| other == door)
            .filter(|(_, until)| **until > now)
            .map(|((_, source), until)| (*source, until.since(now)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAY: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Moment {
        Moment::default().after(Duration::from_secs(seconds))
    }

    fn source(number: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + number).into())
    }

    fn left(lasting: &Lasting, now: Moment, door: &Arc<str>) -> Vec<(IpAddr, u64)> {
        lasting.left(now, door).into_iter().map(|(source, left)| (source, left.as_secs())).collect()
    }

    #[test]
    fn a_door_is_open_until_its_time_is_over_and_never_shorter() {
        let (mut lasting, ssh, web): (_, Arc<str>, Arc<str>) =
            (Lasting::default(), "ssh".into(), "web".into());
        assert!(!lasting.note(at(0), &ssh, source(1), STAY));
        assert!(!lasting.note(at(0), &web, source(1), STAY));
        assert!(lasting.note(at(4), &ssh, source(1), STAY));
        assert!(lasting.note(at(5), &ssh, source(1), Duration::from_secs(1)));
        assert_eq!(left(&lasting, at(6), &ssh), [(source(1), 8)]);
        assert_eq!(left(&lasting, at(6), &web), [(source(1), 4)]);
        assert_eq!(left(&lasting, at(14), &ssh), []);
        let for_source = |number, seconds| lasting.left_for(at(seconds), &ssh, source(number));
        assert_eq!(for_source(1, 6), Some(Duration::from_secs(8)));
        assert_eq!((for_source(1, 14), for_source(2, 6)), (None, None));
        lasting.keep(|door| door == "ssh");
        assert_eq!(left(&lasting, at(6), &ssh), [(source(1), 8)]);
        assert_eq!(left(&lasting, at(6), &web), []);
        assert!(!lasting.note(at(14), &ssh, source(1), STAY));
    }

    #[test]
    fn what_somebody_else_does_counts_whatever_was_known() {
        let (mut lasting, ssh, web): (_, Arc<str>, Arc<str>) =
            (Lasting::default(), "ssh".into(), "web".into());
        for number in 1..=3 {
            lasting.note(at(0), &ssh, source(number), STAY);
        }
        lasting.note(at(0), &web, source(1), STAY);
        lasting.correct(at(1), &ssh, source(1), None);
        lasting.correct(at(1), &ssh, source(2), Some(Duration::from_secs(2)));
        lasting.correct(at(1), &ssh, source(4), Some(Duration::MAX));
        let sources: Vec<_> = lasting.left(at(1), &ssh).into_iter().map(|(source, _)| source).collect();
        assert_eq!(sources, [source(2), source(3), source(4)]);
        assert_eq!(left(&lasting, at(1), &ssh)[..2], [(source(2), 2), (source(3), 9)]);
        lasting.replace(at(2), &ssh, &[(source(5), STAY)]);
        assert_eq!(left(&lasting, at(2), &ssh), [(source(5), 10)]);
        assert_eq!(left(&lasting, at(2), &web), [(source(1), 8)]);
        assert_eq!((lasting.until.len(), lasting.ends.len()), (2, 2));
    }

    #[test]
    fn what_is_over_takes_no_room_and_there_is_an_end_to_it() {
        const ROOM: u32 = 2000;
        let (mut lasting, ssh): (_, Arc<str>) = (Lasting::with_room(ROOM as usize), "ssh".into());
        for number in 0..10_000 {
            lasting.note(at(u64::from(number) / 100), &ssh, source(number), STAY);
            assert!(lasting.until.len() <= 1100, "{}", lasting.until.len());
        }
        for number in 0..ROOM + 1000 {
            lasting.note(at(1_000_000), &ssh, source(number), STAY);
        }
        assert_eq!((lasting.until.len(), lasting.ends.len()), (ROOM as usize, ROOM as usize));
        assert!(lasting.note(at(1_000_001), &ssh, source(1), STAY));
        lasting.note(at(2_000_000), &ssh, source(ROOM + 2000), STAY);
        assert_eq!((lasting.until.len(), lasting.ends.len()), (1, 1));
    }
}
