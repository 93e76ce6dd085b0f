//! What the machine's memory takes by itself, to measure the engine by: places of 64 bytes, as an attempt takes, and the
//! standard library's table of them.

use std::{collections::HashMap, net::IpAddr};

use divan::{Bencher, black_box};

use crate::draw::{address, draw};

/// As many places as there are attempts in the engine's measurements.
const PLACES: [u32; 2] = [10, 1_000_000];

/// A place, and which one comes next.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Place(u32);

/// Places of which each leads to another, in one circle through all of them that no cache could guess: Sattolo's shuffle.
fn circle(places: u32) -> Vec<Place> {
    let mut order: Vec<u32> = (0..places).collect();
    let mut state = 1;
    for last in (1..places).rev() {
        order.swap(last as usize, draw(&mut state, last) as usize);
    }
    order.into_iter().map(Place).collect()
}

fn next(places: &[Place], place: u32) -> u32 {
    places.get(place as usize).map_or(0, |place| place.0)
}

/// One place, which only the one before tells: what has to be waited for one after the other.
#[divan::bench(args = PLACES, sample_size = 6_400)]
fn place_told_by_the_one_before(bencher: Bencher<'_, '_>, places: u32) {
    let circle = circle(places);
    let mut place = 0;
    bencher.bench_local(|| place = next(&circle, black_box(place)));
}

/// One place, known before: the processor fetches many at a time.
#[divan::bench(args = PLACES, sample_size = 6_400)]
fn place_known_before(bencher: Bencher<'_, '_>, places: u32) {
    let circle = circle(places);
    let mut state = 1;
    bencher.bench_local(|| next(&circle, draw(&mut state, places)));
}

fn table(places: u32) -> HashMap<IpAddr, [u32; 11]> {
    (0..places).map(|number| (address(number), [number; 11])).collect()
}

/// A look into the standard library's hash table, 64 bytes for each address.
#[divan::bench(args = PLACES, sample_size = 6_400)]
fn std_hash_map_finds(bencher: Bencher<'_, '_>, places: u32) {
    let table = table(places);
    let mut state = 1;
    bencher.bench_local(|| table.get(&address(draw(&mut state, places))).map(|value| value[0]));
}

/// An address taken out of it and put in anew: the least of what an attempt takes that is discarded and begins again.
#[divan::bench(args = PLACES, sample_size = 6_400)]
fn std_hash_map_takes_out_and_puts_in(bencher: Bencher<'_, '_>, places: u32) {
    let mut table = table(places);
    let mut state = 1;
    bencher.bench_local(|| {
        let address = address(draw(&mut state, places));
        let value = table.remove(&address).unwrap_or_default();
        table.insert(address, value);
    });
}
