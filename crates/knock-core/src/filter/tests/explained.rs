//! Sources of which everything comes through.

use std::net::IpAddr;

use proptest::{collection::vec, prelude::*};

use super::{
    exact::KEY,
    properties::{at_a_door, doors},
    sample::{Sample, samples},
    *,
};
use crate::filter::extended::interpreter::{Machine, check};

/// The source of samples that have this number.
fn sources(number: u8) -> [IpAddr; 2] {
    [format!("198.51.100.{number}"), format!("2001:db8:5::{number:x}")].map(|text| text.parse().unwrap())
}

fn attentive(doors: &[Door], families: Families, explained: &[IpAddr]) -> (Program, ExactProgram) {
    let attention = Attention { families, explained };
    let classic = program(doors, attention, Program::MAX);
    interpreter::check(classic.instructions());
    let exact = exact_program(doors, attention, Program::MAX, &KEY).unwrap();
    check(&exact);
    (classic, exact)
}

fn hears(machine: &mut Machine, program: &ExactProgram, sample: &Sample) -> bool {
    machine.run(program, &sample.packet()).length > 0
}

#[test]
fn all_of_an_explained_source_comes_through_and_it_is_remembered() {
    let target = Some("198.51.100.1".parse().unwrap());
    let doors = [Door { flags: rule(0x02, 0), target, ..door("7000,8000") }];
    let (classic, exact) = attentive(&doors, Families::Both, &sources(1));
    let (_, without) = attentive(&doors, Families::Both, &[]);
    let mut machine = Machine::new();
    for destination in ["192.0.2.1", "2001:db8::1"] {
        for protocol in [TCP, UDP] {
            let of =
                |source| Sample { source, flags: TcpFlags(0x10), ..Sample::new(destination, protocol, 9) };
            assert!(takes(&classic, &of(1)) && hears(&mut machine, &exact, &of(1)), "{destination}");
            assert!(!takes(&classic, &of(2)) && !hears(&mut machine, &exact, &of(2)), "{destination}");
        }
    }
    // When nobody explains any more its attempt goes on.
    let next = |source| Sample { source, ..Sample::new("198.51.100.1", TCP, 8000) };
    assert!(hears(&mut machine, &without, &next(1)) && !hears(&mut machine, &without, &next(2)));
}

/// Such a door opens to nobody: the same flag is to be set and clear.
#[test]
fn of_others_nothing_comes_through_for_doors_that_need_nothing() {
    let doors = [Door { flags: rule(0x02, 0x02), ..door("7000,8000") }];
    let (classic, exact) = attentive(&doors, Families::Both, &sources(1));
    let extended = Sample { source: 2, extensions: vec![(0, 0)], ..Sample::new("2001:db8::1", TCP, 7000) };
    assert!(!takes(&classic, &extended) && !hears(&mut Machine::new(), &exact, &extended));
}

#[test]
fn a_family_that_nobody_listens_to_is_not_explained() {
    let (classic, _) = attentive(&[door("1,2")], Families::V4Only, &sources(1));
    assert!(!takes(&classic, &Sample { source: 1, ..Sample::new("2001:db8::1", TCP, 9) }));
    assert!(takes(&classic, &Sample { source: 1, ..Sample::new("192.0.2.1", UDP, 9) }));
}

proptest! {
    #[test]
    fn whoever_is_explained_misses_nothing_and_changes_nothing_for_others(
        doors in doors(),
        explained in vec(1_u8..4, 1..3),
        samples in vec(samples(), 32),
    ) {
        let all: Vec<_> = explained.iter().flat_map(|number| sources(*number)).collect();
        let ((classic, exact), without) =
            (attentive(&doors, Families::Both, &all), checked(&doors, Families::Both));
        for (place, sample) in samples.into_iter().enumerate() {
            let mut sample = at_a_door(sample, &doors);
            if place % 2 == 0 {
                sample.source = explained[place / 2 % explained.len()];
            }
            let mut full = Machine::new();
            full.fill(100_000_000_000);
            if explained.contains(&sample.source) {
                let is_lost = sample.is_hit(Families::Both)
                    && !(takes(&classic, &sample) && hears(&mut Machine::new(), &exact, &sample));
                prop_assert!(!is_lost, "{:?}", &sample);
            } else if sample.tags.len() < 2 {
                let takes_without = takes(&without, &sample);
                prop_assert_eq!(takes(&classic, &sample), takes_without, "{:?}", &sample);
                prop_assert_eq!(hears(&mut full, &exact, &sample), takes_without, "{:?}", &sample);
            }
        }
    }
}
