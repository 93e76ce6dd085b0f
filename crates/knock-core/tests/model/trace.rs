//! What happened when a script was played, by the naive keeper's word.

use std::{collections::BTreeMap, net::IpAddr};

use knock_core::{
    door::{Door, DoorNumber},
    event::{Event, What},
    hit::{Hit, Segment, Transport},
    host::{Host, Interface},
    interface::InterfaceIndex,
    moment::Moment,
    sequence::Protocol,
};

use crate::{
    keeper::Keeper,
    script::{Act, Knocks, OWN, Script, When, address},
};

/// All that happened.
pub(crate) struct Trace {
    /// The host at the start.
    pub(crate) host: Host,
    pub(crate) steps: Vec<Step>,
}

/// One thing that happened, and how things stood afterwards.
pub(crate) struct Step {
    pub(crate) change: Change,
    /// What there is to tell, explanations included.
    pub(crate) events: Vec<Event>,
    pub(crate) attempts: usize,
    pub(crate) next_deadline: Option<Moment>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Hit(Moment, Hit),
    Expire(Moment),
    Add(Door),
    Remove(DoorNumber),
    Host(Host),
}

/// The keeper at work and what has to be remembered of the doors and hits so far.
struct Play {
    keeper: Keeper,
    doors: Vec<Door>,
    spent: Vec<DoorNumber>,
    /// The next number for a door that comes anew; below those of the script.
    unused: u32,
    hits: Vec<Hit>,
    now: u64,
    steps: Vec<Step>,
}

impl Trace {
    pub(crate) fn of(script: &Script) -> Self {
        let host = host(script.host);
        let mut play = Play {
            keeper: Keeper::new(host.clone(), script.capacity),
            doors: script.doors.clone(),
            spent: Vec::new(),
            unused: 99,
            hits: Vec::new(),
            now: script.start,
            steps: Vec::new(),
        };
        for door in script.doors.iter().take(script.standing) {
            play.live_through(Change::Add(door.clone()));
        }
        for act in &script.acts {
            play.act(act);
        }
        Self { host, steps: play.steps }
    }

    /// Everybody who sent a hit.
    pub(crate) fn sources(&self) -> Vec<IpAddr> {
        let mut sources: Vec<IpAddr> = self
            .steps
            .iter()
            .filter_map(|step| match step.change {
                Change::Hit(_, hit) => Some(hit.source),
                _ => None,
            })
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// What happened, on a clock that never goes back.
    pub(crate) fn in_order_of_time(&self) -> impl Iterator<Item = Change> {
        self.steps.iter().scan(Moment::default(), |latest, step| {
            let mut change = step.change.clone();
            if let Change::Hit(now, _) | Change::Expire(now) = &mut change {
                *latest = (*latest).max(*now);
                *now = *latest;
            }
            Some(change)
        })
    }
}

impl Play {
    fn act(&mut self, act: &Act) {
        let change = match act {
            Act::Hit(when, hit) => self.hit(*when, *hit),
            Act::Knocks(knocks) => return self.knocks(knocks),
            Act::Again(when, back) => match self.hits.iter().rev().nth(*back).copied() {
                Some(hit) => self.hit(*when, hit),
                None => Change::Expire(self.moment(*when)),
            },
            Act::Expire(when) => Change::Expire(self.moment(*when)),
            Act::Add(door) => Change::Add(self.unspent(*door)),
            Act::Remove(door) => Change::Remove(self.door(*door).number),
            Act::Host(number) => Change::Host(host(*number)),
        };
        self.live_through(change);
    }

    fn knocks(&mut self, knocks: &Knocks) {
        let mut when = knocks.when;
        for _ in 0..knocks.count {
            let door = self.door(knocks.door);
            let stage = self.keeper.stage(door.number, knocks.source);
            let hit = awaited(door, stage, knocks.source, self.hits.len());
            let change = self.hit(when, hit);
            self.live_through(change);
            when = When::Later(knocks.gap);
        }
    }

    fn hit(&mut self, when: When, hit: Hit) -> Change {
        self.hits.push(hit);
        Change::Hit(self.moment(when), hit)
    }

    fn door(&self, number: usize) -> &Door {
        &self.doors[number % self.doors.len()]
    }

    /// The door; if its sequence is spent, the same one under a number that no door has had.
    fn unspent(&mut self, number: usize) -> Door {
        let number = number % self.doors.len();
        let door = &mut self.doors[number];
        if self.spent.contains(&door.number) {
            door.number = DoorNumber(self.unused);
            self.unused -= 1;
        }
        door.clone()
    }

    fn moment(&mut self, when: When) -> Moment {
        let from_deadline = |distance: i8| {
            let deadline = self.keeper.next_deadline().filter(|deadline| *deadline < Moment::MAX)?;
            deadline.as_nanos().checked_add_signed(distance.into())
        };
        let now = match when {
            When::Later(span) => Some(self.now.saturating_add(span)),
            When::Earlier(span) => return Moment::from_nanos(self.now.saturating_sub(span)),
            When::Deadline(distance) => from_deadline(distance),
        };
        self.now = now.unwrap_or(self.now).max(self.now);
        Moment::from_nanos(self.now)
    }

    fn live_through(&mut self, change: Change) {
        let events = match &change {
            Change::Hit(now, hit) => self.keeper.hit(*now, hit),
            Change::Expire(now) => self.keeper.expire(*now),
            Change::Add(door) => {
                self.keeper.add(door.clone());
                Vec::new()
            }
            Change::Remove(number) => {
                self.keeper.remove(*number);
                Vec::new()
            }
            Change::Host(host) => {
                self.keeper.set_host(host.clone());
                Vec::new()
            }
        };
        for event in events.iter().filter(|event| matches!(event.what, What::Opened(_))) {
            if !self.keeper.stands(event.door) {
                self.spent.push(event.door);
            }
        }
        let (attempts, next_deadline) = (self.keeper.attempts(), self.keeper.next_deadline());
        self.steps.push(Step { change, events, attempts, next_deadline });
    }
}

/// The knock that the door waits for at this stage; segments get a number each.
fn awaited(door: &Door, stage: u8, source: IpAddr, number: usize) -> Hit {
    let knock = door.sequence.knocks()[usize::from(stage)];
    let sequence = u32::try_from(number).unwrap();
    Hit {
        interface: InterfaceIndex(2),
        source,
        destination: door.target.unwrap_or_else(|| address(OWN)),
        port: knock.port.get(),
        transport: match knock.protocol {
            Protocol::Tcp => Transport::Tcp(Segment { source_port: 8000, sequence, flags: door.flags.set }),
            Protocol::Udp => Transport::Udp,
        },
    }
}

/// How many hosts there are to choose from.
pub(crate) const HOSTS: usize = 10;

/// One of a few hosts; most of them have an interface 2.
fn host(number: usize) -> Host {
    let interface = |loopback, addresses: &[&str], broadcasts: &[[u8; 4]]| Interface {
        loopback,
        addresses: addresses.iter().map(|text| address(text)).collect(),
        broadcasts: broadcasts.iter().map(|octets| (*octets).into()).collect(),
    };
    let home =
        (InterfaceIndex(1), interface(true, &["127.0.0.1", "::1", "192.0.2.1"], &[[127, 255, 255, 255]]));
    let wire = (InterfaceIndex(2), interface(false, &["192.0.2.1", "2001:db8::1"], &[[192, 0, 2, 255]]));
    let other = (
        InterfaceIndex(3),
        interface(false, &["198.51.100.1", "fe80::1", "169.254.0.1"], &[[198, 51, 100, 255]]),
    );
    match number {
        0 => Host::Unknown,
        1 => Host::Had(vec![address("192.0.2.1"), address("2001:db8::1")]),
        2 => Host::interfaces(BTreeMap::from([home, other])),
        _ => Host::interfaces(BTreeMap::from([home, wire, other])),
    }
}
