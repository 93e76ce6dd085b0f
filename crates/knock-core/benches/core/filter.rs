//! Doors to a kernel filter.

use std::num::NonZeroU16;

use divan::{Bencher, black_box};
use knock_core::{
    door::{Door, WrongPort},
    filter::{Families, Program, program},
    sequence::{Knock, Protocol, Sequence},
};

use crate::doors::door;

/// Doors that overlook other ports, with so many different ones between them.
fn doors(ports: u16) -> Vec<Door> {
    // Apart from each other, so that no range stands for several.
    let numbers = (0..ports).filter_map(|place| NonZeroU16::new(1025 + place * 31));
    let knocks: Vec<Knock> = numbers.map(|port| Knock { port, protocol: Protocol::Tcp }).collect();
    let sequences = knocks.chunks(Sequence::MAX_KNOCKS).flat_map(Sequence::new);
    let lax = |(number, sequence)| Door { wrong_port: WrongPort::Ignore, ..door(number, sequence) };
    let doors: Vec<Door> = (1..).zip(sequences).map(lax).collect();
    assert_eq!(doors.iter().map(|door| door.sequence.knocks().len()).sum::<usize>(), usize::from(ports));
    doors
}

#[divan::bench(args = [4, 64, 2000])]
fn generate(bencher: Bencher<'_, '_>, ports: u16) {
    let doors = doors(ports);
    bencher.bench(|| program(black_box(&doors), Families::Both, Program::MAX));
}
