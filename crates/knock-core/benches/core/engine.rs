//! Hits, with few attempts alive and with a million; one at a time, as they come when little does, and as many together
//! as a busy watcher takes.

use std::{
    collections::BTreeMap,
    fmt::{Display, Formatter},
    net::Ipv4Addr,
    time::Duration,
};

use divan::{Bencher, black_box};
use knock_core::{
    engine::Engine,
    event::Event,
    hit::{Hit, Transport},
    host::{Host, Interface},
    interface::InterfaceIndex,
    moment::Moment,
};

use crate::{
    doors::door,
    draw::{address, draw},
};

/// Attempts alive: few, and all that the table holds by default.
const ALIVE: [u32; 2] = [10, MILLION];

const MILLION: u32 = 1_000_000;

/// How hits come.
const WAYS: [Way; 4] = [
    Way { alive: 10, together: Engine::AHEAD },
    Way { alive: MILLION, together: Engine::AHEAD },
    Way { alive: 10, together: 1 },
    Way { alive: MILLION, together: 1 },
];

#[derive(Clone, Copy)]
struct Way {
    /// So many attempts are alive.
    alive: u32,
    /// So many hits are looked ahead at.
    together: usize,
}

impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} alive, {} together", self.alive, self.together)
    }
}

const INTERFACE: InterfaceIndex = InterfaceIndex(2);
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Packets come a microsecond apart, so that of a million sources none times out within a turn.
const APART: Duration = Duration::from_micros(1);

/// An engine with one door and the moment of its last hit.
struct Scene {
    engine: Engine,
    now: Moment,
    /// Hits that wait for others.
    waiting: Vec<Hit>,
    together: usize,
}

impl Scene {
    /// With so many attempts at stage 1, of the sources from 0 on, in a table of the default size.
    fn with(way: Way) -> Self {
        Self::of_size(MILLION, way)
    }

    /// The same in a table that is full, and in which who begins one after the other lies apart: sources have come again.
    fn full(way: Way) -> Self {
        let mut scene = Self::of_size(way.alive, way);
        let mut state = 1;
        (0..2 * way.alive).for_each(|_| scene.hit(draw(&mut state, way.alive), 7000));
        scene
    }

    fn of_size(capacity: u32, way: Way) -> Self {
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        let interface = Interface { addresses: vec![SERVER.into()], ..Interface::default() };
        let host = Host::interfaces(BTreeMap::from([(INTERFACE, interface)]));
        let mut engine = Engine::new(host, capacity, 7);
        "7000:udp,8000:udp,9000:udp".parse().into_iter().for_each(|sequence| engine.add(door(1, sequence)));
        assert_eq!(engine.doors().len(), 1);
        let waiting = Vec::with_capacity(way.together);
        let mut scene = Self { engine, now: Moment::from_nanos(1), waiting, together: 1 };
        (0..way.alive).for_each(|source| scene.hit(source, 7000));
        scene.together = way.together;
        scene
    }

    /// Has a hit come, and those that have waited for it be judged.
    fn hit(&mut self, source: u32, port: u16) {
        self.waiting.push(hit(source, port));
        if self.waiting.len() < self.together {
            return;
        }
        self.engine.look_ahead(&self.waiting);
        for hit in self.waiting.drain(..) {
            self.now = self.now.after(APART);
            self.engine.hit(self.now, &hit, &mut drop_event);
        }
    }
}

fn hit(source: u32, port: u16) -> Hit {
    Hit {
        interface: INTERFACE,
        source: address(source),
        destination: SERVER.into(),
        port,
        transport: Transport::Udp,
    }
}

fn drop_event(event: Event) {
    black_box(event);
}

/// A wrong port and the first knock in its place: an attempt is looked up, discarded and begun anew.
#[divan::bench(args = WAYS, sample_size = 6_400)]
fn hit_of_an_attempt_under_way(bencher: Bencher<'_, '_>, way: Way) {
    let mut scene = Scene::with(way);
    let mut state = 1;
    bencher.bench_local(|| scene.hit(draw(&mut state, way.alive), 7000));
}

/// The next source that has no attempt, in a table that is full: the oldest one gives way.
#[divan::bench(args = WAYS, sample_size = 6_400)]
fn first_knock_of_a_new_source(bencher: Bencher<'_, '_>, way: Way) {
    let mut scene = Scene::full(way);
    let mut source = MILLION;
    bencher.bench_local(|| {
        source += 1;
        scene.hit(source, 7000);
    });
}

/// A port that no door begins with, of a source without an attempt.
#[divan::bench(args = WAYS, sample_size = 6_400)]
fn hit_that_concerns_nobody(bencher: Bencher<'_, '_>, way: Way) {
    let mut scene = Scene::with(way);
    let mut state = 1;
    bencher.bench_local(|| scene.hit(2 * MILLION + draw(&mut state, MILLION), 443));
}

/// A whole sequence of one source that nobody else disturbs, three hits.
#[divan::bench(args = ALIVE, sample_size = 6_400)]
fn whole_sequence(bencher: Bencher<'_, '_>, alive: u32) {
    let mut scene = Scene::with(Way { alive, together: 1 });
    bencher.bench_local(|| [7000, 8000, 9000].into_iter().for_each(|port| scene.hit(3 * MILLION, port)));
}

/// A million attempts whose time is over, all at once. Divide by a million for one.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn expiry_of_a_million(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| Scene::with(Way { alive: MILLION, together: 1 })).bench_local_refs(|scene| {
        let end = scene.now.after(Duration::from_secs(60));
        scene.engine.expire(end, &mut drop_event);
    });
}
