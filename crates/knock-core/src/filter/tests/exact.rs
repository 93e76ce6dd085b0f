//! What the extended machine remembers, and that the engine misses nothing by it.

use proptest::{collection::vec, prelude::*};

use super::{
    properties::{at_a_door, doors},
    sample::{Sample, samples},
    *,
};
use crate::{
    engine::Engine,
    event::Event,
    filter::extended::interpreter::{Machine, check},
    hit::Hit,
    host::Host,
    interface::InterfaceIndex,
    moment::Moment,
    wire::Link,
};

pub(super) const KEY: Key = Key([
    0x9e37_79b9_7f4a_7c15,
    0xbf58_476d_1ce4_e5b9,
    0x94d0_49bb_1331_11eb,
    0x2545_f491_4f6c_dd1d,
    0xd6e8_feb8_6659_fd93,
]);

const SECOND: u64 = 1_000_000_000;

fn exact(doors: &[Door], families: Families) -> ExactProgram {
    let program = exact_program(doors, families, Program::MAX, &KEY).unwrap();
    check(&program);
    program
}

/// What one machine does with a packet after the other.
struct Filter {
    machine: Machine,
    program: ExactProgram,
}

impl Filter {
    fn new(doors: &[Door]) -> Self {
        Self { machine: Machine::new(), program: exact(doors, Families::Both) }
    }

    fn takes(&mut self, sample: &Sample) -> bool {
        let run = self.machine.run(&self.program, &sample.packet());
        assert!([0, SNAP_LENGTH.into()].contains(&run.length));
        run.length > 0
    }

    /// Whether it takes a hit at this TCP port from this host of the network.
    fn hears(&mut self, source: u8, port: u16) -> bool {
        let v4 = Sample { source, ..Sample::new("192.0.2.1", TCP, port) };
        let v6 = Sample { source, ..Sample::new("2001:db8::1", TCP, port) };
        let [v4, v6] = [v4, v6].map(|sample| self.takes(&sample));
        assert_eq!(v4, v6);
        v4
    }

    fn pass_seconds(&mut self, seconds: u64) {
        self.machine.clock += seconds * SECOND;
    }
}

#[test]
fn who_has_begun_is_heard_until_his_time_is_over_and_nobody_else() {
    let mut filter = Filter::new(&[door("7000,8000,9000")]);
    filter.pass_seconds(1_000_000);
    assert!(!filter.hears(1, 8000) && !filter.hears(1, 22));
    assert!(filter.hears(1, 7000));
    assert!(filter.hears(1, 8000) && filter.hears(1, 22) && filter.hears(1, 0));
    assert!(!filter.hears(2, 8000) && !filter.hears(2, 22));
    // 25 seconds, and 60 more in which a busy engine may come to it.
    filter.pass_seconds(85);
    assert!(filter.hears(1, 22));
    filter.pass_seconds(3);
    assert!(!filter.hears(1, 22));
    assert!(filter.hears(1, 7000) && filter.hears(1, 22));
    // One place for each family's address.
    assert_eq!(filter.machine.taken(), 2);
}

#[test]
fn what_no_attempt_cares_for_is_dropped_from_everybody() {
    let lax = Door { wrong_port: WrongPort::Ignore, flags: rule(0x02, 0), ..door("7000,8000,9000") };
    let mut filter = Filter::new(&[lax]);
    assert!(!filter.hears(1, 8000));
    assert!(filter.hears(1, 7000) && filter.hears(1, 8000) && filter.hears(1, 9000));
    assert!(!filter.hears(1, 22));
    let without_syn = Sample { flags: TcpFlags(0x10), source: 1, ..Sample::new("192.0.2.1", TCP, 8000) };
    assert!(!filter.takes(&without_syn));
    assert!(!filter.takes(&Sample { source: 1, ..Sample::new("192.0.2.1", UDP, 8000) }));
}

#[test]
fn the_longest_time_of_all_doors_counts() {
    let long = Door { timeout: Duration::from_secs(500), ..door("1,2") };
    let mut filter = Filter::new(&[door("7000,8000"), long]);
    assert!(filter.hears(1, 7000));
    filter.pass_seconds(500);
    assert!(filter.hears(1, 22));
    let for_ever = Door { timeout: Duration::MAX, ..door("1,2") };
    let mut filter = Filter::new(&[for_ever]);
    assert!(filter.hears(1, 1));
    filter.pass_seconds(70 * 365 * 86_400);
    assert!(filter.hears(1, 22));
}

#[test]
fn a_shorter_time_later_takes_nothing_away() {
    let long = Door { timeout: Duration::from_secs(500), ..door("7000,8000") };
    let mut filter = Filter::new(&[long]);
    assert!(filter.hears(1, 7000));
    filter.program = exact(&[door("7000,8000")], Families::Both);
    assert!(filter.hears(1, 7000));
    filter.pass_seconds(500);
    assert!(filter.hears(1, 22));
}

#[test]
fn where_the_source_can_not_be_seen_everybody_is_heard() {
    let mut filter = Filter::new(&[door("7000,8000")]);
    let hidden =
        Sample { tags: vec![(0x88a8, 1), (0x8100, 2), (0x8100, 3)], ..Sample::new("192.0.2.1", UDP, 9) };
    assert!(!filter.hears(1, 22));
    assert!(filter.takes(&hidden));
    assert!(filter.hears(1, 22) && filter.hears(2, 22));
    filter.pass_seconds(90);
    assert!(!filter.hears(1, 22));
}

#[test]
fn where_the_port_can_not_be_seen_the_source_may_have_begun() {
    let mut filter = Filter::new(&[door("7000,8000")]);
    let extended = Sample { extensions: vec![(60, 1)], source: 1, ..Sample::new("2001:db8::1", TCP, 7000) };
    assert!(filter.takes(&extended));
    assert!(filter.takes(&Sample { source: 1, ..Sample::new("2001:db8::1", TCP, 22) }));
    assert!(!filter.takes(&Sample { source: 2, ..Sample::new("2001:db8::1", TCP, 22) }));
}

/// Whatever addresses they have: what one key puts together another one does not.
#[test]
fn few_strangers_are_taken_for_somebody_who_has_begun() {
    // Splitmix (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    let mut state = 1_u64;
    let mut number = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    let (mut taken, mut asked) = (0, 0);
    for _ in 0..50 {
        let key = Key([(); 5].map(|()| number()));
        let program = exact_program(&[door("7000,8000")], Families::Both, Program::MAX, &key).unwrap();
        let mut machine = Machine::new();
        let mut from = |source: u32, port| {
            let mut packet = Sample::new("192.0.2.1", TCP, port).packet();
            packet.data[12..16].copy_from_slice(&source.to_be_bytes());
            machine.run(&program, &packet).length > 0
        };
        // Neighbours, as scans and floods have them.
        assert!((0..2_600).all(|n| from(0x0a00_0000 + n, 7000)));
        asked += 500;
        taken += (0..500).filter(|n| from(0xc0a8_0000 + n * 7, 22)).count();
    }
    // 1 in 100 by chance.
    assert!((asked / 400..asked / 25).contains(&taken), "{taken} of {asked}");
}

#[test]
fn thousands_of_ports_become_ranges_here_too() {
    for limit in [500, 2_000, Program::MAX] {
        let doors = doors_with(&scattered(10_000));
        let program = exact_program(&doors, Families::Both, limit, &KEY).unwrap();
        check(&program);
        assert!((limit / 2..=limit).contains(&program.len()), "{} of {limit}", program.len());
    }
}

/// The events that come of those packets which are let through, when they are looked at so much later.
fn told(doors: &[Door], hits: &[(u64, Hit)], late: u64) -> Vec<Event> {
    let mut engine = Engine::new(Host::Unknown, 1_000, 1);
    (1..).zip(doors).for_each(|(number, door)| {
        engine.add(Door { number: DoorNumber(number), ..door.clone() });
    });
    let mut events = Vec::new();
    for (at, hit) in hits {
        engine.hit(Moment::from_nanos(at + late), hit, &mut |event| events.push(event));
    }
    engine.expire(Moment::MAX, &mut |event| events.push(event));
    events
}

/// As the engine reads it, where it reads what the sample means.
fn hit(sample: &Sample) -> Option<Hit> {
    let frame = sample.packet().data;
    let hit = Hit::read(Link::Ip, InterfaceIndex(1), &frame).ok()?;
    (sample.packet_type == 0 && hit.destination == sample.destination && hit.port == sample.port)
        .then_some(hit)
}

fn timeouts() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![1_u64..60, 1_u64..3_000], 7)
}

/// A packet of a sequence rather than any.
fn knocking(mut sample: Sample, doors: &[Door], choice: usize) -> Sample {
    let Some(door) = doors.get(choice % doors.len().max(1)) else { return sample };
    let Some(knock) = door.sequence.knocks().get(choice / 7 % 6) else { return sample };
    sample.port = knock.port.get();
    sample.protocol = if knock.protocol == crate::sequence::Protocol::Tcp { TCP } else { UDP };
    sample.flags = door.flags.set;
    sample.fragment = Fragment::Whole;
    sample.destination = door.target.unwrap_or(sample.destination);
    sample.packet_type = 0;
    sample
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// As if every packet had been let through, however the doors change meanwhile.
    #[test]
    fn the_engine_misses_nothing(
        doors in doors(),
        timeouts in timeouts(),
        history in vec((0_u64..20 * SECOND, samples(), 0_usize..42), 1..40),
        late in prop_oneof![Just(0), 0..LATENESS.as_secs() * SECOND],
        changes in vec(vec(0_usize..7, 0..3), 40),
    ) {
        let timed = doors.iter().zip(timeouts);
        let doors: Vec<_> =
            timed.map(|(door, timeout)| Door { timeout: Duration::from_secs(timeout), ..door.clone() }).collect();
        let mut filter = Filter::new(&doors);
        let (mut all, mut let_through) = (Vec::new(), Vec::new());
        for ((pause, sample, choice), change) in history.into_iter().zip(changes) {
            filter.machine.clock += pause;
            // Others come and go beside those that the engine has.
            let others = change.iter().filter_map(|place| doors.get(*place)).cloned();
            let others = others.map(|door| Door { timeout: Duration::from_secs(1), ..door });
            filter.program = exact(&doors.iter().cloned().chain(others).collect::<Vec<_>>(), Families::Both);
            let sample = if choice < 35 { knocking(sample, &doors, choice) } else { at_a_door(sample, &doors) };
            let takes = filter.takes(&sample);
            let Some(hit) = hit(&sample) else { continue };
            all.push((filter.machine.clock, hit));
            if takes {
                let_through.push((filter.machine.clock, hit));
            }
        }
        prop_assert_eq!(told(&doors, &let_through, late), told(&doors, &all, late));
    }

    /// From a stranger only what can begin an attempt, and where everybody counts as under way what the classic program
    /// takes, and nothing else.
    #[test]
    fn lies_between_first_knocks_and_the_classic_program(
        doors in doors(),
        families in prop_oneof![Just(Families::Both), Just(Families::V4Only)],
        samples in vec(samples(), 32),
    ) {
        let (classic, exact) = (checked(&doors, families), exact(&doors, families));
        let (mut fresh, mut full) = (Machine::new(), Machine::new());
        full.fill(100 * SECOND);
        for sample in samples.iter().cloned().chain(samples.iter().map(|sample| at_a_door(sample.clone(), &doors))) {
            let takes = |machine: &mut Machine| machine.run(&exact, &sample.packet()).length > 0;
            prop_assert_eq!(takes(&mut full), takes_classic(&classic, &sample), "{:?}", &sample);
            fresh = if fresh.taken() > 0 { Machine::new() } else { fresh };
            let is_plain = sample.tags.len() < 2 && sample.extensions.is_empty();
            let targets = doors.iter().all(|door| door.target.is_none());
            if takes(&mut fresh) {
                prop_assert!(takes_classic(&classic, &sample));
                prop_assert!(!is_plain || !targets || sample.is_first(&doors), "{:?}", &sample);
            } else {
                prop_assert!(families == Families::V4Only || !sample.is_first(&doors), "{:?}", &sample);
            }
        }
    }

    #[test]
    fn any_bytes_end_somewhere_here_too(
        doors in doors(),
        addressee in 0_u32..2,
        protocol in proptest::sample::select(&[0x0800_u32, 0x86dd, 0x8100][..]),
        data in vec(any::<u8>(), 0..120),
    ) {
        let program = exact(&doors, Families::Both);
        let packet = interpreter::Packet { addressee, protocol, data };
        prop_assert!(Machine::new().run(&program, &packet).executed <= program.len());
    }
}

fn takes_classic(program: &Program, sample: &Sample) -> bool {
    run(program, sample).length > 0
}
