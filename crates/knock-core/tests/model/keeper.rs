//! A keeper of doors that follows the rules to the letter, slowly: lists, and a look at everything each time.

use std::{cmp::Ordering, net::IpAddr};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, WrongPort},
    event::{Event, Reason, What},
    hit::{Hit, Transport},
    host::{Host, Interface},
    moment::Moment,
    sequence::Knock,
};

/// Everybody's attempts at all doors.
pub(crate) struct Keeper {
    host: Host,
    doors: Vec<Door>,
    attempts: Vec<Attempt>,
    capacity: usize,
    now: Moment,
    /// Steps made so far by anybody: tells who reached a stage first.
    steps: u64,
}

#[derive(Clone)]
struct Attempt {
    door: DoorNumber,
    source: IpAddr,
    stage: u8,
    deadline: Moment,
    made_by: Mark,
    /// The number of the step that brought it to its stage.
    reached: u64,
}

/// Source port, destination port and sequence number of a TCP segment.
type Mark = Option<(u16, u16, u32)>;

impl Keeper {
    pub(crate) fn new(host: Host, capacity: usize) -> Self {
        Self { host, doors: Vec::new(), attempts: Vec::new(), capacity, now: Moment::default(), steps: 0 }
    }

    pub(crate) fn add(&mut self, mut door: Door) {
        self.doors.retain(|other| other.number != door.number);
        door.after = door.after.filter(|before| self.doors.iter().any(|other| other.number == *before));
        self.doors.push(door);
        self.doors.sort_by_key(|door| door.number);
    }

    /// The attempts at the door stay in the table, but nothing is told of them any more.
    pub(crate) fn remove(&mut self, number: DoorNumber) {
        let Some(place) = self.doors.iter().position(|door| door.number == number) else { return };
        let gone = self.doors.remove(place);
        for door in self.doors.iter_mut().filter(|door| door.after == Some(number)) {
            door.after = gone.after;
        }
    }

    pub(crate) fn set_host(&mut self, host: Host) {
        self.host = host;
    }

    pub(crate) fn attempts(&self) -> usize {
        self.attempts.len()
    }

    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.attempts.iter().map(|attempt| attempt.deadline).min()
    }

    pub(crate) fn stands(&self, number: DoorNumber) -> bool {
        self.doors.iter().any(|door| door.number == number && door.after.is_none())
    }

    /// The knocks that a source has made at a door.
    pub(crate) fn stage(&self, number: DoorNumber, source: IpAddr) -> u8 {
        self.place(number, source).map_or(0, |place| self.attempts[place].stage)
    }

    /// An attempt ends at its deadline, whether there is traffic or not.
    pub(crate) fn expire(&mut self, now: Moment) -> Vec<Event> {
        self.now = self.now.max(now);
        let (over, alive): (Vec<_>, Vec<_>) =
            self.attempts.drain(..).partition(|attempt| attempt.deadline <= self.now);
        self.attempts = alive;
        let mut events: Vec<Event> = over
            .iter()
            .filter_map(|attempt| self.told(attempt, attempt.deadline, What::TimedOut(attempt.stage)))
            .collect();
        events.sort_by_key(|event| event.at);
        events
    }

    /// Every door is on its own and asked in turn.
    pub(crate) fn hit(&mut self, now: Moment, hit: &Hit) -> Vec<Event> {
        let mut events = self.expire(now);
        let standing: Vec<_> = self.doors.iter().filter(|door| door.after.is_none()).cloned().collect();
        for door in standing {
            match self.at_door(&door, hit) {
                Ok(what) => events.extend(what),
                Err(reason) => {
                    let (port, protocol) = (hit.port, hit.protocol());
                    events.push(self.event(&door, hit, What::Ignored { port, protocol, reason }));
                }
            }
        }
        events
    }

    fn at_door(&mut self, door: &Door, hit: &Hit) -> Result<Vec<Event>, Reason> {
        if !self.is_peer(hit) {
            return Err(Reason::NoPeer);
        }
        if !self.is_addressed(hit, door) {
            return Err(Reason::NotAddressed);
        }
        // Rules 1 and 2: what the door does not look at.
        if let Transport::Tcp(segment) = hit.transport
            && !matches_flags(door.flags, segment.flags.0)
        {
            return Err(Reason::Flags(segment.flags));
        }
        if door.sequence.knocks().iter().all(|knock| knock.protocol != hit.protocol()) {
            return Err(Reason::Protocol(hit.protocol()));
        }
        // A retransmission.
        let place = self.place(door.number, hit.source);
        let made_by = place.and_then(|place| self.attempts[place].made_by);
        if made_by.is_some() && made_by == mark(hit) {
            return Err(Reason::Copy);
        }
        // What the attempt waits for.
        let stage = self.stage(door.number, hit.source);
        if is(hit, door.sequence.knocks()[usize::from(stage)]) {
            return Ok(self.step(door, hit, stage + 1));
        }
        let Some(place) = place else { return Err(Reason::NotFirst) };
        // Rule 5: a wrong port, unless the door overlooks those that aren't its own.
        let own = door.sequence.knocks().iter().any(|knock| is(hit, *knock));
        if door.wrong_port == WrongPort::Ignore && !own {
            return Err(Reason::Overlooked);
        }
        self.attempts.remove(place);
        let discarded = What::Discarded { stage, port: hit.port, protocol: hit.protocol() };
        let mut events = vec![self.event(door, hit, discarded)];
        if is(hit, door.sequence.knocks()[0]) {
            events.extend(self.step(door, hit, 1));
        }
        Ok(events)
    }

    /// The attempt comes to this stage.
    fn step(&mut self, door: &Door, hit: &Hit, stage: u8) -> Vec<Event> {
        self.steps += 1;
        let before = self.place(door.number, hit.source).map(|place| self.attempts.remove(place));
        if usize::from(stage) == door.sequence.knocks().len() {
            if door.one_time {
                self.remove(door.number);
            }
            return vec![self.event(door, hit, What::Opened(stage))];
        }
        let deadline = before.map_or_else(|| self.deadline(door), |attempt| attempt.deadline);
        let gave_way = self.make_room(stage);
        self.attempts.push(Attempt {
            door: door.number,
            source: hit.source,
            stage,
            deadline,
            made_by: mark(hit),
            reached: self.steps,
        });
        let mut events = vec![self.event(door, hit, What::Stage(stage))];
        events.extend(gave_way.and_then(|gone| self.told(&gone, self.now, What::GaveWay(gone.stage))));
        events
    }

    /// Ends the attempt that has to give way to one that comes to this stage. A quarter of the table, or one place,
    /// is never had by attempts beyond stage 1.
    fn make_room(&mut self, stage: u8) -> Option<Attempt> {
        let beyond = |attempt: &Attempt| attempt.stage > 1;
        let place = if stage == 1 {
            (self.attempts.len() == self.capacity).then(|| self.least(|attempt| !beyond(attempt)))
        } else {
            let share = self.capacity - (self.capacity / 4).max(1);
            let full = self.attempts.iter().filter(|attempt| beyond(attempt)).count() == share;
            full.then(|| self.least(beyond))
        };
        Some(self.attempts.remove(place??))
    }

    /// Among these the attempt that has come the least far, and of several the one that came there first.
    fn least(&self, among: impl Fn(&Attempt) -> bool) -> Option<usize> {
        let order = |one: &&Attempt, other: &&Attempt| -> Ordering {
            (one.stage, one.reached).cmp(&(other.stage, other.reached))
        };
        let least = self.attempts.iter().filter(|attempt| among(attempt)).min_by(order)?;
        self.place(least.door, least.source)
    }

    fn place(&self, door: DoorNumber, source: IpAddr) -> Option<usize> {
        self.attempts.iter().position(|attempt| attempt.door == door && attempt.source == source)
    }

    fn deadline(&self, door: &Door) -> Moment {
        let nanos = u128::from(self.now.as_nanos()) + door.timeout.as_nanos();
        Moment::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn event(&self, door: &Door, hit: &Hit, what: What) -> Event {
        Event { at: self.now, door: door.number, source: hit.source, what }
    }

    fn told(&self, attempt: &Attempt, at: Moment, what: What) -> Option<Event> {
        self.stands(attempt.door).then_some(Event { at, door: attempt.door, source: attempt.source, what })
    }

    /// Whether the source can be somebody else who waits for an answer.
    fn is_peer(&self, hit: &Hit) -> bool {
        let at_home = self.interface(hit).is_some_and(|interface| interface.loopback);
        if is_loopback(hit.source) {
            return match self.host {
                Host::Interfaces(_) => at_home,
                Host::Had(_) => is_loopback(hit.destination),
                Host::Unknown => true,
            };
        }
        let nobody = match hit.source {
            IpAddr::V4(source) => matches!(source.octets(), [0 | 224..=239, ..] | [255, 255, 255, 255]),
            IpAddr::V6(source) => {
                source.to_bits() == 0 || source.octets()[0] == 0xff || source.to_bits() >> 32 == 0xffff
            }
        };
        let own = match &self.host {
            // Other links may have another host with the same link-local address.
            Host::Interfaces(interfaces) => interfaces.by_index().iter().any(|(index, interface)| {
                let there = *index == hit.interface || !is_link_local(hit.source);
                let broadcast =
                    |source| interface.broadcasts.iter().any(|other| IpAddr::V4(*other) == source);
                broadcast(hit.source) || (!at_home && there && interface.addresses.contains(&hit.source))
            }),
            Host::Had(addresses) => addresses.contains(&hit.source),
            Host::Unknown => false,
        };
        !nobody && !own
    }

    /// Sent to the door's target, or without one to an address that the interface has now.
    fn is_addressed(&self, hit: &Hit, door: &Door) -> bool {
        match (door.target, &self.host) {
            (Some(target), _) => target == hit.destination,
            (None, Host::Interfaces(_)) => {
                self.interface(hit).is_some_and(|interface| interface.addresses.contains(&hit.destination))
            }
            (None, Host::Had(addresses)) => addresses.contains(&hit.destination),
            (None, Host::Unknown) => true,
        }
    }

    fn interface(&self, hit: &Hit) -> Option<&Interface> {
        let Host::Interfaces(interfaces) = &self.host else { return None };
        interfaces.by_index().get(&hit.interface)
    }
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[0] == 127,
        IpAddr::V6(address) => address.to_bits() == 1,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[..2] == [169, 254],
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// Every flag named is set, every flag denied is clear.
fn matches_flags(rule: FlagRule, flags: u8) -> bool {
    (0..8).map(|bit| 1 << bit).all(|bit| {
        let (named, denied, set) = (rule.set.0 & bit != 0, rule.clear.0 & bit != 0, flags & bit != 0);
        (!named || set) && (!denied || !set)
    })
}

fn is(hit: &Hit, knock: Knock) -> bool {
    hit.port == knock.port.get() && hit.protocol() == knock.protocol
}

fn mark(hit: &Hit) -> Mark {
    match hit.transport {
        Transport::Tcp(segment) => Some((segment.source_port, hit.port, segment.sequence)),
        Transport::Udp => None,
    }
}
