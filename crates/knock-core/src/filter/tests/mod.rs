mod exact;
mod explained;
mod properties;
mod sample;

use std::{collections::BTreeSet, time::Duration};

use self::sample::{Fragment, Sample, TCP, UDP};
use super::{
    interpreter::{self, Run},
    *,
};
use crate::door::{DoorNumber, FlagRule, TcpFlags, WrongPort};

/// A door with this sequence and nothing particular about it.
pub(super) fn door(sequence: &str) -> Door {
    Door {
        number: DoorNumber(1),
        sequence: sequence.parse().unwrap(),
        timeout: Duration::from_secs(25),
        flags: FlagRule::default(),
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: false,
        after: None,
    }
}

/// Flags that must be set and flags that must be clear.
pub(super) fn rule(set: u8, clear: u8) -> FlagRule {
    FlagRule { set: TcpFlags(set), clear: TcpFlags(clear) }
}

/// Lax doors with each of these TCP ports, a full sequence at a time.
fn doors_with(ports: &[u16]) -> Vec<Door> {
    let sequence = |ports: &[u16]| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    let lax = |ports| Door { wrong_port: WrongPort::Ignore, ..door(&sequence(ports)) };
    ports.chunks(32).map(lax).collect()
}

fn checked(doors: &[Door], families: Families) -> Program {
    let program = program(doors, families, Program::MAX);
    interpreter::check(program.instructions());
    assert!(program.instructions().len() <= Program::MAX);
    program
}

fn run(program: &Program, sample: &Sample) -> Run {
    let run = interpreter::run(program.instructions(), &sample.packet());
    assert!([0, SNAP_LENGTH.into()].contains(&run.length));
    run
}

fn takes(program: &Program, sample: &Sample) -> bool {
    run(program, sample).length > 0
}

/// What becomes of a TCP segment to every port in turn.
fn at_every_port(program: &Program) -> Vec<Run> {
    let mut packet = Sample::new("192.0.2.1", TCP, 0).packet();
    let run = |port: u16| {
        packet.data[22..24].copy_from_slice(&port.to_be_bytes());
        interpreter::run(program.instructions(), &packet)
    };
    (0..=u16::MAX).map(run).collect()
}

fn taken(runs: &[Run]) -> BTreeSet<u16> {
    (0..=u16::MAX).zip(runs).filter(|(_, run)| run.length > 0).map(|(port, _)| port).collect()
}

/// Different ports in no particular order.
fn scattered(count: u16) -> Vec<u16> {
    // Each step can be undone, so that different numbers stay different, and none but 0 becomes 0.
    let mixed = |n: u16| n.wrapping_mul(40_503) ^ n.wrapping_mul(40_503) >> 7;
    (1..=count).map(|n| mixed(n).wrapping_mul(25_173)).collect()
}

#[test]
fn without_doors_nothing_is_taken() {
    let nothing = [Instruction { code: 6, jt: 0, jf: 0, k: 0 }];
    assert_eq!(program(&[], Families::Both, Program::MAX).instructions(), nothing);
    let ipv6 = Door { target: Some("2001:db8::1".parse().unwrap()), ..door("1") };
    assert_eq!(program(&[ipv6], Families::V4Only, Program::MAX).instructions(), nothing);
}

#[test]
fn reads_like_tcpdump() {
    let lax = Door { wrong_port: WrongPort::Ignore, flags: rule(0x02, 0x10), ..door("7000,8000") };
    let target = Some("192.0.2.1".parse().unwrap());
    let text = checked(&[Door { target, ..lax }], Families::V4Only).to_string();
    let wanted = "\
(000) ld       type
(001) jeq      #0x0             jt 2\tjf 34
(002) ld       proto
(003) jeq      #0x800           jt 6\tjf 4
(004) jeq      #0x8100          jt 13\tjf 5
(005) jeq      #0x88a8          jt 13\tjf 34
(006) ld       [16]
(007) jeq      #0xc0000201      jt 8\tjf 34
(008) ldxb     4*([0]&0xf)
(009) ld       [6]
(010) jset     #0x1fff0000      jt 34\tjf 11
(011) and      #0xff
(012) jeq      #0x6             jt 27\tjf 34
(013) ldh      [2]
(014) jeq      #0x800           jt 17\tjf 15
(015) jeq      #0x8100          jt 33\tjf 16
(016) jeq      #0x88a8          jt 33\tjf 34
(017) ld       [20]
(018) jeq      #0xc0000201      jt 19\tjf 34
(019) ldxb     4*([4]&0xf)
(020) txa
(021) add      #4
(022) tax
(023) ld       [10]
(024) jset     #0x1fff0000      jt 34\tjf 25
(025) and      #0xff
(026) jeq      #0x6             jt 27\tjf 34
(027) ldb      [x + 13]
(028) and      #0x12
(029) jeq      #0x2             jt 30\tjf 34
(030) ldh      [x + 2]
(031) jeq      #0x1b58          jt 33\tjf 32
(032) jeq      #0x1f40          jt 33\tjf 34
(033) ret      #432
(034) ret      #0";
    assert_eq!(text, wanted);
}

#[test]
fn a_first_half_byte_that_looks_like_an_ip_version_is_no_ip_header() {
    let program = checked(&doors_with(&[7000]), Families::Both);
    for tag in [0x4005, 0x6005, 0x0005] {
        let tags = vec![(0x8100, tag)];
        assert!(takes(&program, &Sample { tags: tags.clone(), ..Sample::new("192.0.2.1", TCP, 7000) }));
        assert!(takes(&program, &Sample { tags: tags.clone(), ..Sample::new("2001:db8::1", TCP, 7000) }));
        assert!(!takes(&program, &Sample { tags: tags.clone(), ..Sample::new("192.0.2.1", TCP, 7001) }));
        assert!(!takes(&program, &Sample { tags, ..Sample::new("2001:db8::1", UDP, 7000) }));
    }
    let mut arp = Sample::new("192.0.2.1", TCP, 7000).packet();
    arp.protocol = 0x0806;
    assert_eq!(interpreter::run(program.instructions(), &arp).length, 0);
}

#[test]
fn headers_alone_are_enough() {
    let program = checked(&[door("1:udp"), Door { flags: rule(0x02, 0x10), ..door("1") }], Families::Both);
    for destination in ["192.0.2.1", "2001:db8::1"] {
        for protocol in [TCP, UDP] {
            for fragment in [Fragment::Whole, Fragment::First] {
                assert!(takes(&program, &Sample { fragment, ..Sample::new(destination, protocol, 5) }));
            }
        }
    }
}

#[test]
fn the_longest_headers_that_are_promised_fit() {
    let mut sample = Sample::new("192.0.2.1", TCP, 1);
    (sample.ip_options, sample.tcp_options) = (10, 10);
    assert_eq!(sample.packet().data.len(), 120);
    let mut sample = Sample::new("2001:db8::1", TCP, 1);
    (sample.tags, sample.extensions, sample.tcp_options) =
        (vec![(0x88a8, 0), (0x8100, 0)], vec![(43, 38)], 10);
    assert_eq!(sample.packet().data.len(), 420);
    assert!(sample.packet().data.len() <= SNAP_LENGTH.into());
}

#[test]
fn thousands_of_ports_are_told_apart_in_a_few_steps() {
    for (count, most) in [(1, 20), (64, 25), (500, 30), (2_000, 40), (3_500, 40)] {
        let ports = scattered(count);
        let program = checked(&doors_with(&ports), Families::Both);
        let runs = at_every_port(&program);
        assert_eq!(taken(&runs), BTreeSet::from_iter(ports));
        let steps = runs.iter().map(|run| run.executed).max();
        assert!(steps <= Some(most), "{steps:?} steps for {count} ports");
        assert!(!takes(&program, &Sample::new("192.0.2.1", UDP, 7000)));
    }
}

#[test]
fn more_ports_than_fit_become_ranges() {
    for count in [4_000, 10_000, 40_000, 65_534] {
        let ports = BTreeSet::from_iter(scattered(count));
        let taken = taken(&at_every_port(&checked(&doors_with(&scattered(count)), Families::Both)));
        assert!(taken.is_superset(&ports));
        assert!(count > 4_000 || taken.len() < 2 * ports.len(), "{}", taken.len());
    }
}

#[test]
fn a_low_limit_is_kept() {
    let ports = scattered(3_000);
    for limit in [200, 500, 1_000, 2_000] {
        let program = program(&doors_with(&ports), Families::Both, limit);
        interpreter::check(program.instructions());
        let length = program.instructions().len();
        assert!((limit / 2..=limit).contains(&length), "{length} of {limit}");
        assert!(taken(&at_every_port(&program)).is_superset(&BTreeSet::from_iter(ports.clone())));
    }
}

#[test]
fn the_coarsest_program_is_small_whatever_the_doors() {
    let rules = (0..8_u8).flat_map(|one| (0..one).map(move |other| rule(1 << one, 1 << other)));
    let targets = (1..=16).flat_map(|n| [format!("192.0.2.{}", n * 3), format!("2001:db8:{n}::{n}")]);
    let doors: Vec<_> = rules
        .take(needs::MAX_RULES)
        .flat_map(|flags| targets.clone().map(move |target| (flags, target)))
        .map(|(flags, target)| {
            let target = Some(target.parse().unwrap());
            Door { flags, wrong_port: WrongPort::Ignore, target, ..door("1,9,60000,8:udp,30000:udp") }
        })
        .collect();
    let smallest = program(&doors, Families::Both, 0);
    interpreter::check(smallest.instructions());
    assert!(smallest.instructions().len() < 500, "{}", smallest.instructions().len());
}
