//! The door keeper's judgement: hits in, events out.

use std::net::IpAddr;

use crate::{
    attempts::{Attempt, Attempts, Slot, Step},
    door::{Door, DoorNumber, WrongPort},
    event::{Event, Reason, What},
    hit::{Hit, Transport},
    host::Host,
    moment::Moment,
    sequence::Knock,
};

/// Follows every source through every door.
///
/// Memory is bounded by the number of doors and the capacity given at the start. A hit concerns the doors that its source
/// has attempts at and those that begin with it; each costs a search among the doors, whatever else is alive. To that
/// comes a look at every different time limit, by each hit for what has run out, by each attempt that begins and by each
/// that ends as the oldest or the youngest of its limit. A one-time door that opens costs a walk over all doors.
#[derive(Debug)]
pub struct Engine {
    host: Host,
    /// In the order of their numbers.
    doors: Vec<Door>,
    /// Those that come when others are gone.
    coming: Vec<Door>,
    /// Which doors begin with a knock; sorted.
    openers: Vec<(Knock, DoorNumber)>,
    attempts: Attempts,
    explains: bool,
    /// Whose hits are explained whatever `explains` says.
    explained: Vec<IpAddr>,
    now: Moment,
    /// The doors that a hit concerns; kept between hits for its memory only.
    concerned: Vec<Concern>,
}

/// A door that a hit concerns.
#[derive(Clone, Copy, Debug)]
struct Concern {
    door: DoorNumber,
    /// Where the attempt of the hit's source was when the hit came in; it may give way before the door has its turn.
    slot: Option<Slot>,
}

/// What a hit means for one door.
#[derive(Clone, Copy)]
enum Verdict {
    Ignore(Reason),
    Start,
    Step,
    Discard { restart: bool },
}

impl Engine {
    /// The most hits that [`Engine::look_ahead`] looks at.
    pub const AHEAD: usize = Attempts::AHEAD;

    /// An engine without doors that holds at most `capacity` attempts at once, 2 at least. The `seed` keys the hash of
    /// sources and must be unknown to them.
    #[must_use]
    pub fn new(host: Host, capacity: usize, seed: u64) -> Self {
        Self {
            host,
            doors: Vec::new(),
            coming: Vec::new(),
            openers: Vec::new(),
            attempts: Attempts::new(capacity, seed),
            explains: false,
            explained: Vec::new(),
            now: Moment::default(),
            concerned: Vec::new(),
        }
    }

    /// Also tells why a hit did nothing, for every door; this costs time with every hit.
    pub fn explain(&mut self, explains: bool) {
        self.explains = explains;
    }

    /// Also tells why hits of this source did nothing, or no longer. To be used for few sources: each is compared with
    /// the source of every hit.
    pub fn explain_source(&mut self, source: IpAddr, explains: bool) {
        self.explained.retain(|other| *other != source);
        if explains {
            self.explained.push(source);
        }
    }

    /// Whether [`Engine::explain_source`] was asked to explain the hits of this source.
    #[must_use]
    pub fn explains_source(&self, source: IpAddr) -> bool {
        self.explained.contains(&source)
    }

    /// Puts up a door: at once, or when the one is gone that it comes after, if there is one. One with the same number is
    /// replaced, its attempts are kept.
    pub fn add(&mut self, door: Door) {
        self.take_away(door.number);
        if door.after.is_some_and(|before| self.knows(before)) {
            self.coming.push(door);
            return;
        }
        let first = door.sequence.first();
        let opener = (first, door.number);
        let place = self.openers.partition_point(|other| *other < opener);
        self.openers.insert(place, opener);
        let place = self.doors.partition_point(|other| other.number < door.number);
        self.doors.insert(place, door);
    }

    /// Takes a door away, and with it, silently, all attempts at it. They take up room until their time is over. Those
    /// that come after it come now, or, if it did not stand yet, when it would have come.
    pub fn remove(&mut self, number: DoorNumber) {
        let after = self.coming.iter().find(|door| door.number == number).and_then(|door| door.after);
        self.take_away(number);
        let next = self.coming.extract_if(.., |door| door.after == Some(number)).collect::<Vec<_>>();
        for door in next {
            self.add(Door { after, ..door });
        }
    }

    fn take_away(&mut self, number: DoorNumber) {
        self.doors.retain(|door| door.number != number);
        self.coming.retain(|door| door.number != number);
        self.openers.retain(|(_, other)| *other != number);
    }

    fn knows(&self, number: DoorNumber) -> bool {
        self.door(number).is_some() || self.coming.iter().any(|door| door.number == number)
    }

    /// The doors that stand, in the order of their numbers.
    #[must_use]
    pub fn doors(&self) -> &[Door] {
        &self.doors
    }

    /// Says anew which addresses the host has.
    pub fn set_host(&mut self, host: Host) {
        self.host = host;
    }

    /// How many attempts are alive.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.attempts.len()
    }

    /// When [`Engine::expire`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.attempts.next_deadline()
    }

    /// Ends the attempts whose time is over.
    pub fn expire(&mut self, now: Moment, tell: &mut impl FnMut(Event)) {
        self.now = self.now.max(now);
        while let Some(attempt) = self.attempts.expire_one(self.now) {
            self.tell_of(&attempt, attempt.deadline, What::TimedOut(attempt.stage), tell);
        }
    }

    /// Brings near, in the caches of the processor, what these hits are going to need: for up to [`Engine::AHEAD`] hits
    /// together that takes little more time than for one. Nothing else changes: [`Engine::hit`] is to follow for each.
    pub fn look_ahead(&self, hits: &[Hit]) {
        self.attempts.look_ahead(hits.iter().map(|hit| hit.source));
    }

    /// Takes in a hit. If `now` lies before a moment that the engine has been told already, that one counts.
    pub fn hit(&mut self, now: Moment, hit: &Hit, tell: &mut impl FnMut(Event)) {
        self.expire(now, tell);
        let mut concerned = std::mem::take(&mut self.concerned);
        self.collect_concerned(hit, &mut concerned);
        let real = concerned.is_empty() || self.host.admits_source(hit);
        for Concern { door: number, slot } in concerned.drain(..) {
            let slot = slot.filter(|slot| self.is_attempt(*slot, number, hit.source));
            let verdict =
                if real { self.judge(number, slot, hit) } else { Some(Verdict::Ignore(Reason::NoPeer)) };
            if let Some(verdict) = verdict {
                self.carry_out(verdict, number, slot, hit, tell);
            }
        }
        self.concerned = concerned;
    }

    /// The doors that the source has attempts at or that begin with this hit, in order; all if it is to be explained.
    ///
    /// Walks the attempts of the source once, for all doors: one source may have an attempt at each of them.
    fn collect_concerned(&self, hit: &Hit, concerned: &mut Vec<Concern>) {
        if self.explains || self.explains_source(hit.source) {
            concerned.extend(self.doors.iter().map(|door| Concern { door: door.number, slot: None }));
            for (slot, attempt) in self.attempts.of(hit.source) {
                let place = concerned.binary_search_by_key(&attempt.door, |concern| concern.door);
                if let Some(concern) = place.ok().and_then(|place| concerned.get_mut(place)) {
                    concern.slot = Some(slot);
                }
            }
            return;
        }
        let attempts = self.attempts.of(hit.source);
        concerned.extend(attempts.map(|(slot, attempt)| Concern { door: attempt.door, slot: Some(slot) }));
        if let Some(knock) = hit.knock() {
            let start = self.openers.partition_point(|(other, _)| *other < knock);
            let openers = self.openers.iter().skip(start).take_while(|(other, _)| *other == knock);
            concerned.extend(openers.map(|(_, number)| Concern { door: *number, slot: None }));
        }
        // Where a door stands twice, the one with the attempt comes first and is kept.
        concerned.sort_unstable_by_key(|concern| (concern.door, concern.slot.is_none()));
        concerned.dedup_by_key(|concern| concern.door);
    }

    fn judge(&self, number: DoorNumber, slot: Option<Slot>, hit: &Hit) -> Option<Verdict> {
        let door = self.door(number)?;
        if !self.host.is_addressed(hit, door.target) {
            return Some(Verdict::Ignore(Reason::NotAddressed));
        }
        Some(judge(door, slot.and_then(|slot| self.attempts.at(slot)), hit))
    }

    fn carry_out(
        &mut self,
        verdict: Verdict,
        number: DoorNumber,
        slot: Option<Slot>,
        hit: &Hit,
        tell: &mut impl FnMut(Event),
    ) {
        let event = |what| Event { at: self.now, door: number, source: hit.source, what };
        match verdict {
            Verdict::Ignore(reason) => {
                if self.explains || self.explains_source(hit.source) {
                    tell(event(What::Ignored { port: hit.port, protocol: hit.protocol(), reason }));
                }
            }
            Verdict::Start => self.start(number, hit, tell),
            Verdict::Step => self.step(number, slot, hit, tell),
            Verdict::Discard { restart } => {
                let Some(attempt) = slot.and_then(|slot| self.attempts.remove(slot)) else { return };
                let stage = attempt.stage;
                tell(event(What::Discarded { stage, port: hit.port, protocol: hit.protocol() }));
                if restart {
                    self.start(number, hit, tell);
                }
            }
        }
    }

    fn start(&mut self, number: DoorNumber, hit: &Hit, tell: &mut impl FnMut(Event)) {
        let Some(door) = self.door(number) else { return };
        if door.sequence.knocks().len() == 1 {
            return self.open(number, hit.source, 1, tell);
        }
        let limit = door.timeout;
        let attempt = Attempt {
            source: hit.source,
            door: number,
            stage: 1,
            deadline: self.now.after(limit),
            last: step(hit),
        };
        let gave_way = self.attempts.start(attempt, limit);
        tell(Event { at: self.now, door: number, source: hit.source, what: What::Stage(1) });
        self.tell_gave_way(gave_way, tell);
    }

    fn step(&mut self, number: DoorNumber, slot: Option<Slot>, hit: &Hit, tell: &mut impl FnMut(Event)) {
        let Some(slot) = slot else { return };
        let Some(attempt) = self.attempts.at(slot) else { return };
        let stage = attempt.stage.saturating_add(1);
        let Some(door) = self.door(number) else { return };
        if usize::from(stage) >= door.sequence.knocks().len() {
            self.attempts.remove(slot);
            return self.open(number, hit.source, stage, tell);
        }
        let gave_way = self.attempts.advance(slot, step(hit));
        tell(Event { at: self.now, door: number, source: hit.source, what: What::Stage(stage) });
        self.tell_gave_way(gave_way, tell);
    }

    fn open(&mut self, number: DoorNumber, source: IpAddr, stage: u8, tell: &mut impl FnMut(Event)) {
        tell(Event { at: self.now, door: number, source, what: What::Opened(stage) });
        // The sequence is spent here and now: nobody completes it again, and the next one counts from the next hit on.
        if self.door(number).is_some_and(|door| door.one_time) {
            self.remove(number);
        }
    }

    fn tell_gave_way(&self, attempt: Option<Attempt>, tell: &mut impl FnMut(Event)) {
        if let Some(attempt) = attempt {
            self.tell_of(&attempt, self.now, What::GaveWay(attempt.stage), tell);
        }
    }

    /// Tells what became of an attempt, unless its door is gone.
    fn tell_of(&self, attempt: &Attempt, at: Moment, what: What, tell: &mut impl FnMut(Event)) {
        if self.door(attempt.door).is_some() {
            tell(Event { at, door: attempt.door, source: attempt.source, what });
        }
    }

    fn door(&self, number: DoorNumber) -> Option<&Door> {
        let place = self.doors.binary_search_by_key(&number, |door| door.number).ok()?;
        self.doors.get(place)
    }

    fn is_attempt(&self, slot: Slot, door: DoorNumber, source: IpAddr) -> bool {
        self.attempts.at(slot).is_some_and(|attempt| attempt.door == door && attempt.source == source)
    }
}

/// The rules, in the order in which they count.
fn judge(door: &Door, attempt: Option<&Attempt>, hit: &Hit) -> Verdict {
    if let Transport::Tcp(segment) = hit.transport
        && !door.flags.admits(segment.flags)
    {
        return Verdict::Ignore(Reason::Flags(segment.flags));
    }
    if !door.sequence.uses(hit.protocol()) {
        return Verdict::Ignore(Reason::Protocol(hit.protocol()));
    }
    let knock = hit.knock();
    let is_first = knock == Some(door.sequence.first());
    let Some(attempt) = attempt else {
        return if is_first { Verdict::Start } else { Verdict::Ignore(Reason::NotFirst) };
    };
    // Before anything else: where a port stands twice running, a retransmission must not make the second knock.
    if is_copy(door, attempt, hit) {
        return Verdict::Ignore(Reason::Copy);
    }
    if knock.is_some() && knock.as_ref() == door.sequence.knocks().get(usize::from(attempt.stage)) {
        return Verdict::Step;
    }
    if door.wrong_port == WrongPort::Ignore && !knock.is_some_and(|knock| door.sequence.contains(knock)) {
        return Verdict::Ignore(Reason::Overlooked);
    }
    Verdict::Discard { restart: is_first }
}

/// Whether the hit repeats the segment that made the attempt's last step.
fn is_copy(door: &Door, attempt: &Attempt, hit: &Hit) -> bool {
    let made = usize::from(attempt.stage).checked_sub(1).and_then(|place| door.sequence.knocks().get(place));
    attempt.last.is_some()
        && attempt.last == step(hit)
        && made.is_some_and(|made| made.port.get() == hit.port)
}

fn step(hit: &Hit) -> Option<Step> {
    match hit.transport {
        Transport::Tcp(segment) => Some(segment.into()),
        Transport::Udp => None,
    }
}

#[cfg(test)]
mod tests;
