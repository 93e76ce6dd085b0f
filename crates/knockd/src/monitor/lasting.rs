//! Who is let in by the kernel, and until when: what has to be put back if somebody else takes it away.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
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

    /// Those that last still, and for how long.
    pub fn left(&self, now: Moment) -> impl Iterator<Item = (&Arc<str>, IpAddr, Duration)> {
        self.until
            .iter()
            .filter(move |(_, until)| **until > now)
            .map(move |((door, source), until)| (door, *source, until.since(now)))
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

    #[test]
    fn a_door_is_open_until_its_time_is_over_and_never_shorter() {
        let (mut lasting, ssh, web): (_, Arc<str>, Arc<str>) =
            (Lasting::default(), "ssh".into(), "web".into());
        assert!(!lasting.note(at(0), &ssh, source(1), STAY));
        assert!(!lasting.note(at(0), &web, source(1), STAY));
        assert!(lasting.note(at(4), &ssh, source(1), STAY));
        assert!(lasting.note(at(5), &ssh, source(1), Duration::from_secs(1)));
        let left: Vec<_> =
            lasting.left(at(6)).map(|(door, _, left)| (door.as_ref(), left.as_secs())).collect();
        assert_eq!(left, [("ssh", 8), ("web", 4)]);
        assert_eq!(lasting.left(at(14)).count(), 0);
        lasting.keep(|door| door == "ssh");
        assert_eq!(lasting.left(at(6)).count(), 1);
        assert!(!lasting.note(at(14), &ssh, source(1), STAY));
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
