use proptest::{collection::vec, option, prelude::*};

use super::{
    sample::{Sample, addresses, ports, samples},
    *,
};

/// Only where every door has a target do targets make a difference.
pub(super) fn doors() -> impl Strategy<Value = Vec<Door>> {
    prop_oneof![doors_with_targets(0.02), doors_with_targets(0.3), doors_with_targets(0.98)]
}

fn doors_with_targets(targeted: f64) -> impl Strategy<Value = Vec<Door>> {
    let knock = (ports().prop_map(|port| port.max(1)), any::<bool>());
    let sequence = vec(knock, 1..5).prop_map(|knocks| {
        let text = |(port, tcp)| format!("{port}:{}", if tcp { "tcp" } else { "udp" });
        knocks.into_iter().map(text).collect::<Vec<_>>().join(",")
    });
    let rules = prop_oneof![
        2 => Just(rule(0, 0)),
        2 => Just(rule(0x02, 0)),
        1 => Just(rule(0x02, 0x10)),
        1 => Just(rule(0, 0x04)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(set, clear)| rule(set & 0x33, clear & 0x1d)),
    ];
    let lax = prop_oneof![1 => Just(WrongPort::Discard), 3 => Just(WrongPort::Ignore)];
    let parts = (sequence, rules, lax, option::weighted(targeted, addresses()));
    let door = parts.prop_map(|(sequence, flags, wrong_port, target)| Door {
        flags,
        wrong_port,
        target,
        ..door(&sequence)
    });
    vec(door, 0..7)
}

fn families() -> impl Strategy<Value = Families> {
    prop_oneof![3 => Just(Families::Both), 1 => Just(Families::V4Only)]
}

/// One of the samples, sent to a door rather than anywhere.
pub(super) fn at_a_door(mut sample: Sample, doors: &[Door]) -> Sample {
    let knocks = doors.iter().flat_map(|door| door.sequence.knocks()).map(|knock| knock.port.get());
    sample.port = knocks.max_by_key(|port| port ^ sample.port).unwrap_or(sample.port);
    sample
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn takes_what_is_needed_and_drops_what_is_needless(
        doors in doors(),
        families in families(),
        samples in vec(samples(), 32),
    ) {
        let program = checked(&doors, families);
        let aimed: Vec<_> = samples.iter().map(|sample| at_a_door(sample.clone(), &doors)).collect();
        for sample in samples.iter().chain(&aimed) {
            let (needed, needless) = (sample.is_needed(&doors, families), sample.is_needless(&doors, families));
            prop_assert!(!(needed && needless), "{sample:?}");
            let takes = takes(&program, sample);
            prop_assert!(takes || !needed, "dropped though needed: {sample:?}\n{program}");
            prop_assert!(!takes || !needless, "taken though needless: {sample:?}\n{program}");
        }
    }

    #[test]
    fn takes_what_is_needed_within_any_limit(
        doors in doors(),
        limit in 0_usize..300,
        samples in vec(samples(), 32),
    ) {
        let program = program(&doors, Families::Both, limit);
        interpreter::check(program.instructions());
        for sample in samples {
            prop_assert!(takes(&program, &sample) || !sample.is_needed(&doors, Families::Both), "{sample:?}");
        }
    }

    #[test]
    fn every_hit_is_taken_where_all_are_to_be_explained(families in families(), sample in samples()) {
        let program = any_hit(families);
        interpreter::check(program.instructions());
        let takes = takes(&program, &sample);
        prop_assert!(takes || !sample.is_hit(families), "dropped though a hit: {sample:?}\n{program}");
        let never = sample.packet_type != 0;
        prop_assert!(!takes || !never, "taken though no hit: {sample:?}\n{program}");
    }

    #[test]
    fn any_bytes_end_somewhere(
        doors in doors(),
        addressee in 0_u32..2,
        protocol in proptest::sample::select(&[0x0800_u32, 0x86dd, 0x8100][..]),
        data in vec(any::<u8>(), 0..120),
    ) {
        let program = checked(&doors, Families::Both);
        let packet = interpreter::Packet { addressee, protocol, data };
        let run = interpreter::run(program.instructions(), &packet);
        prop_assert!(run.executed <= program.instructions().len());
    }
}
