//! Hits, with few attempts alive and with a million.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use divan::{Bencher, black_box};
use knock_core::{
    engine::Engine,
    event::Event,
    hit::{Hit, Transport},
    host::{Host, Interface},
    interface::InterfaceIndex,
    moment::Moment,
};

use crate::doors::door;

/// Attempts alive: few, and all that the table holds by default.
const ALIVE: [u32; 2] = [10, 1_000_000];

const INTERFACE: InterfaceIndex = InterfaceIndex(2);
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Packets come a microsecond apart, so that of a million sources none times out within a turn.
const APART: Duration = Duration::from_micros(1);

/// An engine with one door and the moment of its last hit.
struct Scene {
    engine: Engine,
    now: Moment,
}

impl Scene {
    /// With so many attempts at stage 1, of the sources from 0 on, in a table of the default size.
    fn with(alive: u32) -> Self {
        Self::full(alive, 1_000_000)
    }

    /// The same in a table of this size.
    fn full(alive: u32, capacity: usize) -> Self {
        let interface = Interface { addresses: vec![SERVER.into()], ..Interface::default() };
        let host = Host::interfaces(BTreeMap::from([(INTERFACE, interface)]));
        let mut engine = Engine::new(host, capacity, 7);
        "7000:udp,8000:udp,9000:udp".parse().into_iter().for_each(|sequence| engine.add(door(1, sequence)));
        assert_eq!(engine.doors().len(), 1);
        let mut scene = Self { engine, now: Moment::from_nanos(1) };
        (0..alive).for_each(|source| scene.hit(source, 7000));
        scene
    }

    fn hit(&mut self, source: u32, port: u16) {
        self.now = self.now.after(APART);
        self.engine.hit(self.now, &hit(source, port), &mut drop_event);
    }
}

fn hit(source: u32, port: u16) -> Hit {
    Hit {
        interface: INTERFACE,
        source: Ipv4Addr::from(0x0b00_0000 + source).into(),
        destination: SERVER.into(),
        port,
        transport: Transport::Udp,
    }
}

fn drop_event(event: Event) {
    black_box(event);
}

/// The number of the next source, in no order that a cache could guess: a generator modulo 2^32 (Numerical Recipes),
/// its better half scaled to the range.
fn next_source(state: &mut u32, sources: u32) -> u32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    u32::try_from((u64::from(*state) * u64::from(sources)) >> 32).unwrap_or_default()
}

/// A wrong port and the first knock in its place: an attempt is looked up, discarded and begun anew.
#[divan::bench(args = ALIVE, sample_size = 5_000)]
fn hit_of_an_attempt_under_way(bencher: Bencher<'_, '_>, alive: u32) {
    let mut scene = Scene::with(alive);
    let mut state = 1;
    bencher.bench_local(|| scene.hit(next_source(&mut state, alive), 7000));
}

/// The next source that has no attempt, in a table that is full: the oldest one gives way.
#[divan::bench(args = ALIVE, sample_size = 5_000)]
fn first_knock_of_a_new_source(bencher: Bencher<'_, '_>, alive: u32) {
    let mut scene = Scene::full(alive, alive as usize);
    let mut source = 1_000_000;
    bencher.bench_local(|| {
        source += 1;
        scene.hit(source, 7000);
    });
}

/// A port that no door begins with, of a source without an attempt.
#[divan::bench(args = ALIVE, sample_size = 5_000)]
fn hit_that_concerns_nobody(bencher: Bencher<'_, '_>, alive: u32) {
    let mut scene = Scene::with(alive);
    let mut state = 1;
    bencher.bench_local(|| scene.hit(2_000_000 + next_source(&mut state, 1_000_000), 443));
}

/// A whole sequence of one source that nobody else disturbs, three hits.
#[divan::bench(args = ALIVE, sample_size = 5_000)]
fn whole_sequence(bencher: Bencher<'_, '_>, alive: u32) {
    let mut scene = Scene::with(alive);
    bencher.bench_local(|| [7000, 8000, 9000].into_iter().for_each(|port| scene.hit(3_000_000, port)));
}

/// A million attempts whose time is over, all at once. Divide by a million for one.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn expiry_of_a_million(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| Scene::with(1_000_000)).bench_local_refs(|scene| {
        let end = scene.now.after(Duration::from_secs(60));
        scene.engine.expire(end, &mut drop_event);
    });
}
