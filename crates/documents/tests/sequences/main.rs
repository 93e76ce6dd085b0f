//! `docs/choosing-sequences.md`: its numbers are those of its formulas, and these are what the engine does.
#![cfg(test)]

mod formula;
mod guesser;

use std::{collections::HashMap, process::Command, time::Duration};

use documents::{markdown::blocks, text};
use formula::{de_bruijn, rounds, shown, triples};
use guesser::{Chance, Guesser, both, door, rounds_at, tcp};
use knock_core::{config, door::WrongPort, sequence::Sequence};

const ALL_TCP: f64 = 65_535.0;
const ALL: f64 = 2.0 * ALL_TCP;

#[test]
fn random_packets_open_a_door_after_as_many_as_there_are_sequences() {
    for (knocks, sequence, expected) in [
        (tcp(1..=12), "7,1", 12 * 12),
        (tcp(1..=5), "2,5,3", 5 * 5 * 5),
        // Ports over UDP mean nothing to a door that knows TCP alone: every second packet is overlooked, ...
        (both(1..=5), "2,5,3", 2 * 5 * 5 * 5),
        // ... and are as many more to one that knows both.
        (both(1..=3), "2,3:udp,1", 6 * 6 * 6),
    ] {
        let mut chance = Chance(1);
        let mut guesser = Guesser::at(&[door(sequence, WrongPort::Discard)]);
        let (mut packets, mut opened) = (0_u32, 0);
        while opened < 2_000 {
            opened += guesser.sends(knocks[chance.below(knocks.len())]).len();
            packets += 1;
        }
        is_about(f64::from(packets) / 2_000.0, f64::from(expected), 0.08);
    }
}

#[test]
fn the_best_order_takes_half_as_long_and_misses_nothing() {
    let ports = 7;
    let order = de_bruijn(ports, 3);
    assert_eq!(order.len(), 7 * 7 * 7 + 2);
    let mut doors = Vec::new();
    for (a, b, c) in triples(ports).filter(|(a, b, c)| a != b && b != c && a != c) {
        doors.push(door(&format!("{a},{b},{c}"), WrongPort::Discard));
    }
    let mut guesser = Guesser::at(&doors);
    let mut first = HashMap::new();
    for (packets, port) in (1_u32..).zip(&order) {
        for door in guesser.sends(tcp([*port])[0]) {
            first.entry(door).or_insert(packets);
        }
    }
    assert_eq!(first.len(), doors.len());
    let mean = f64::from(first.values().sum::<u32>()) / f64::from(u32::try_from(doors.len()).unwrap());
    is_about(mean, 343.0 / 2.0, 0.08);
}

#[test]
fn the_tables_of_blind_guesses_are_those_of_the_formula() {
    let page = page();
    for knocks in 1..=5 {
        let time = |choices: f64, rate: f64| shown(choices.powi(knocks) / 2.0 / rate);
        let cells = [time(ALL_TCP, 1e4), time(ALL_TCP, 1e6), time(ALL, 1e4), time(ALL, 1e6)];
        has_row(&page, &format!("| {knocks} | {} |", cells.join(" | ")));
    }
    for choices in ["131,070", "65,535", "9,000", "65", "100"] {
        let number: f64 = choices.replace(',', "").parse().unwrap();
        let time = |knocks: i32| shown(number.powi(knocks) / 2.0 / 1e6);
        has_row(&page, &format!(" | {choices} | {} | {} |", time(3), time(4)));
    }
}

#[test]
fn where_wrong_ports_are_overlooked_a_few_rounds_do() {
    let page = page();
    for knocks in 2..=6 {
        let rounds = rounds(knocks);
        let number = if rounds < 10.0 { format!("{rounds:.1}") } else { format!("{rounds:.0}") };
        let time = |rate: f64| shown(rounds * ALL_TCP / rate);
        has_row(&page, &format!("| {knocks} | {number} | {} | {} |", time(1e4), time(1e6)));
    }
    for (knocks, sequence) in [(2, "17,4"), (3, "9,2,15"), (4, "9,2,15,12")] {
        let opening = rounds_at(&door(sequence, WrongPort::Ignore), 20, 1_500);
        is_about(opening, rounds(knocks), 0.08);
    }
}

#[test]
fn who_is_slow_has_no_time_where_wrong_ports_are_overlooked() {
    let formula = |knocks: i32, ports: f64, fit: f64| {
        let factorial: i32 = (1..knocks).product();
        f64::from(factorial) * (ports / fit).powi(knocks - 1)
    };
    let mut door = door("90,20,150", WrongPort::Ignore);
    // A packet takes a millisecond.
    door.timeout = Duration::from_millis(60);
    is_about(rounds_at(&door, 200, 400), formula(3, 200.0, 60.0), 0.15);

    let slow = formula(4, ALL_TCP, 10_000.0) * ALL_TCP / 1e3;
    let in_time = rounds(4) * ALL_TCP / 1e3;
    let said = format!("that is {} in place of {}", shown(slow), shown(in_time));
    assert!(page().contains(&said), "{said}");
}

#[test]
fn a_scan_walks_through_rising_ports_where_others_do_not_count() {
    for (wrong_port, only, opens) in [
        (WrongPort::Discard, None, 0),
        (WrongPort::Ignore, None, 1),
        // Something in front lets nothing else through.
        (WrongPort::Discard, Some([7000, 8000, 9000]), 1),
    ] {
        let mut guesser = Guesser::at(&[door("7000,8000,9000", wrong_port)]);
        let ports = (1..=u16::MAX).filter(|port| only.is_none_or(|only| only.contains(port)));
        let opened: usize = tcp(ports).into_iter().map(|knock| guesser.sends(knock).len()).sum();
        assert_eq!(opened, opens, "{wrong_port:?} {only:?}");
    }
}

#[test]
fn the_warning_is_what_is_said() {
    let page = page();
    let [directive, warning] = blocks(&page, "text").collect::<Vec<_>>()[..] else { panic!("{page}") };
    let text = format!("[options]\n    Interface = any\n\n[ssh]\n{directive}    Open = tcp/22\n");
    let checked = config::read("knockd.conf", text.as_bytes()).unwrap();
    let said: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said, [warning.trim_end()]);
}

#[test]
fn the_command_makes_four_knocks() {
    let page = page();
    let command = blocks(&page, "sh").next().unwrap();
    let made = Command::new("sh").args(["-c", command]).output().unwrap();
    let made = String::from_utf8(made.stdout).unwrap();
    let sequence: Sequence = made.trim().parse().unwrap();
    assert_eq!(sequence.knocks().len(), 4, "{made}");
}

fn is_about(found: f64, expected: f64, tolerance: f64) {
    assert!((found / expected - 1.0).abs() < tolerance, "{found} in place of {expected}");
}

fn has_row(page: &str, row: &str) {
    assert!(page.lines().any(|line| line.ends_with(row)), "{row}");
}

fn page() -> String {
    text("docs/choosing-sequences.md").unwrap()
}
