use std::time::Duration;

use jiff::Timestamp;
use knock_core::{
    door::{Door, DoorNumber, FlagRule, TcpFlags, WrongPort},
    engine::Engine,
    event::Event,
    explanation::Explanation,
    hit::{Hit, Segment, Transport},
    host::Host,
    interface::InterfaceIndex,
    moment::Moment,
};

use super::*;
use crate::explain::Reader;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// Doors with these sequences, for the flag `syn`, and a source that knocks.
struct Scene {
    doors: Vec<Door>,
    engine: Engine,
    narrator: Narrator,
    reader: Reader,
    packets: u64,
}

impl Scene {
    fn new(sequences: &[&str]) -> Self {
        let doors: Vec<_> = sequences.iter().map(|sequence| door(sequence)).collect();
        Self::with(doors)
    }

    fn with(doors: Vec<Door>) -> Self {
        let mut engine = Engine::new(Host::Had(vec!["192.0.2.1".parse().unwrap()]), 16, 1);
        engine.explain_source(source(), true);
        let mut numbered = Vec::new();
        for (number, door) in (0..).zip(doors) {
            numbered.push(Door { number: DoorNumber(number), ..door });
        }
        numbered.iter().cloned().for_each(|door| engine.add(door));
        let (narrator, reader) = (Narrator::new(), Reader::OfConfiguration);
        Self { doors: numbered, engine, narrator, reader, packets: 0 }
    }

    /// What is told of a packet at this time: its door, its words, its verdict.
    fn knock(&mut self, millis: u64, knock: &str) -> Vec<String> {
        self.take(millis, hit(knock, SYN))
    }

    fn take(&mut self, millis: u64, hit: Hit) -> Vec<String> {
        self.packets += 1;
        let mut events = Vec::new();
        self.engine.hit(Moment::from_nanos(millis * 1_000_000), &hit, &mut |event| events.push(event));
        let explain = |event: &Event| Explanation::of_hit(*event, &hit, self.packets);
        let findings: Vec<_> =
            events.iter().map(explain).map(|explanation| self.find(&explanation)).collect();
        let (of_packet, of_time): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| finding.packet.is_some());
        let mut told: Vec<_> =
            of_time.iter().flat_map(|finding| self.tell(std::slice::from_ref(finding))).collect();
        told.extend(self.tell(&of_packet));
        told
    }

    /// What is told when time has passed.
    fn wait(&mut self, millis: u64) -> Vec<String> {
        let mut events = Vec::new();
        self.engine.expire(Moment::from_nanos(millis * 1_000_000), &mut |event| events.push(event));
        let findings: Vec<_> =
            events.into_iter().map(|event| self.find(&Explanation::of_time(event))).collect();
        findings.iter().flat_map(|finding| self.tell(std::slice::from_ref(finding))).collect()
    }

    fn find(&self, explanation: &Explanation) -> Finding {
        let number = explanation.event.door.0;
        let door = &self.doors[number as usize];
        Finding::of(explanation, &format!("door{number}"), door, Timestamp::UNIX_EPOCH, self.reader)
    }

    fn tell(&mut self, findings: &[Finding]) -> Vec<String> {
        let Some(told) = self.narrator.tell(findings) else { return Vec::new() };
        let said = told.sentences.into_iter().map(|sentence| {
            let door = sentence.door.map(|door| format!("{door}: ")).unwrap_or_default();
            let verdict = sentence.verdict.map(|verdict| format!(" => {verdict}")).unwrap_or_default();
            format!("{door}{}{verdict}", sentence.text)
        });
        said.collect()
    }
}

fn source() -> std::net::IpAddr {
    "192.0.2.7".parse().unwrap()
}

fn door(sequence: &str) -> Door {
    Door {
        number: DoorNumber(0),
        sequence: sequence.parse().unwrap(),
        timeout: Duration::from_secs(10),
        flags: FlagRule { set: TcpFlags(SYN), clear: TcpFlags(0) },
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: false,
        after: None,
    }
}

fn hit(knock: &str, flags: u8) -> Hit {
    let knock: knock_core::sequence::Knock = knock.parse().unwrap();
    let segment = Segment { source_port: 9, sequence: u32::from(knock.port.get()), flags: TcpFlags(flags) };
    Hit {
        interface: InterfaceIndex(1),
        source: source(),
        destination: "192.0.2.1".parse().unwrap(),
        port: knock.port.get(),
        transport: match knock.protocol {
            knock_core::sequence::Protocol::Tcp => Transport::Tcp(segment),
            knock_core::sequence::Protocol::Udp => Transport::Udp,
        },
    }
}

#[test]
fn right_knocks_are_told_with_their_times() {
    let mut scene = Scene::new(&["7000,8000:udp,9000", "1,2,3"]);
    let mut told = scene.knock(0, "7000");
    told.extend(scene.knock(1_200, "8000:udp"));
    told.extend(scene.knock(2_450, "9000"));
    assert_eq!(
        told,
        [
            "door0: knock 1 of 3: right; the last has to come within 10 s",
            "door0: knock 2 of 3, 1.2 s after the first: right",
            "door0: knock 3 of 3, 2.4 s after the first: right, OPEN SESAME",
        ]
    );
    assert_eq!(scene.narrator.sum_up(source()), "3 packets of 192.0.2.7: 1 door opened, 0 attempts failed");
}

#[test]
fn a_wrong_order_is_told_and_what_comes_too_late() {
    let mut scene = Scene::new(&["7000,8000:udp,9000"]);
    scene.knock(0, "7000");
    assert_eq!(
        scene.knock(40, "9000"),
        [
            "door0: wrong: knock 2 of 3 (8000:udp) was waited for; the attempt is over => this is knock 3: the order \
             is wrong, or knock 2 (8000:udp) was lost on the way; only 40 ms lie between, and knocks that close \
             overtake each other: knock -d 200"
        ]
    );
    assert_eq!(scene.knock(43, "8000:udp"), ["door0: came 3 ms after the attempt was over: it is knock 2"]);
    assert_eq!(
        scene.knock(50, "9000"),
        [
            "door0: does nothing: it is knock 3 of 3, but no attempt is under way; knock 1 (7000:tcp) has to come first"
        ]
    );
    assert_eq!(scene.narrator.sum_up(source()), "4 packets of 192.0.2.7: 0 doors opened, 1 attempt failed");
}

#[test]
fn knocks_that_come_again_are_known_as_such() {
    let mut scene = Scene::new(&["7000,8000,9000"]);
    scene.knock(0, "7000");
    let again = Hit { transport: Transport::Udp, ..hit("7000", SYN) };
    assert_eq!(scene.take(10, again), ["door0: does nothing: no knock of the door is udp"]);
    assert_eq!(scene.knock(20, "7000"), ["door0: does nothing: it is a retransmission of the last knock"]);
    scene.knock(1_000, "8000");
    assert_eq!(
        scene.knock(2_000, "7000"),
        [
            "door0: wrong: knock 3 of 3 (9000:tcp) was waited for; the attempt is over => this is knock 1: the \
             knocks were begun anew before they were done",
            "door0: knock 1 of 3: right; the last has to come within 10 s",
        ]
    );
}

#[test]
fn foreign_ports_tell_what_they_may_be() {
    let lax = Door { flags: FlagRule::default(), ..door("7000,8000:udp") };
    let mut scene = Scene::with(vec![lax]);
    scene.knock(0, "7000");
    let told = scene.take(500, hit("22", ACK));
    assert!(told[0].ends_with("TCPFlags = syn in the door overlooks those"), "{told:?}");
    scene.knock(1_000, "7000");
    let told = scene.knock(1_500, "53:udp");
    assert!(told[0].contains("other UDP traffic of the same address"), "{told:?}");
    scene.knock(2_000, "7000");
    let told = scene.knock(2_500, "443");
    assert!(told[0].contains("another connection of the same address"), "{told:?}");
    assert_eq!(
        scene.knock(3_000, "444"),
        ["does nothing: no attempt is under way, and it is no door's first knock"]
    );
}

#[test]
fn flags_addresses_and_peers_that_do_not_match_are_told() {
    let mut scene = Scene::new(&["7000,8000,9000"]);
    assert_eq!(
        scene.take(0, hit("7000", ACK)),
        ["door0: does nothing: its TCP flags are ack, and the door looks at TCPFlags = syn"]
    );
    let elsewhere = Hit { destination: "192.0.2.9".parse().unwrap(), ..hit("7000", SYN) };
    assert_eq!(
        scene.take(0, elsewhere),
        [
            "door0: does nothing: it was sent to 192.0.2.9, which is no address of the interface that it came in on"
        ]
    );
    let mut scene =
        Scene::with(vec![Door { target: Some("192.0.2.5".parse().unwrap()), ..door("7000,8000") }]);
    assert_eq!(
        scene.knock(0, "7000"),
        ["door0: does nothing: it was sent to 192.0.2.1, and the door's Target is 192.0.2.5"]
    );
}

#[test]
fn what_runs_out_is_too_slow_or_lost() {
    let mut scene = Scene::new(&["7000,8000,9000,6000"]);
    scene.knock(0, "7000");
    scene.knock(4_000, "8000");
    let told = scene.wait(10_000);
    assert_eq!(
        told,
        [
            "door0: time ran out 10 s after the first knock: knock 3 of 4 (9000:tcp) had not come => too slow: at this \
             pace 4 knocks take 12.0 s, and Seq_Timeout is 10 s: knock faster (knock -d), or raise Seq_Timeout"
        ]
    );
    assert_eq!(
        scene.knock(12_000, "9000"),
        ["door0: too late by 2.0 s: it is knock 3, and the time was over"]
    );
    scene.knock(20_000, "7000");
    scene.knock(20_100, "8000");
    let told = scene.wait(30_000);
    assert!(told[0].contains("knock 3 did not come: it was not sent, or lost"), "{told:?}");
}

#[test]
fn a_knock_that_comes_amiss_is_not_said_to_be_lost() {
    let mut scene = Scene::new(&["7000,8000,9000:udp"]);
    scene.knock(0, "7000");
    scene.take(1_000, hit("8000", ACK));
    let told = scene.wait(10_000);
    assert!(
        told[0].ends_with(
            "=> knock 2 did come, but with TCP flags that the door does not look at (TCPFlags), and that does not count"
        ),
        "{told:?}"
    );
    let elsewhere = Hit { destination: "192.0.2.9".parse().unwrap(), ..hit("8000", SYN) };
    let told = scene.take(11_000, elsewhere);
    assert!(told[0].contains("it was sent to 192.0.2.9"), "it is no knock that comes too late: {told:?}");
    scene.knock(20_000, "7000");
    scene.take(21_000, elsewhere);
    let told = scene.wait(30_000);
    assert!(told[0].contains("knock 2 did come, but to another address"), "{told:?}");
    scene.knock(40_000, "7000");
    scene.knock(41_000, "8000");
    let told = scene.knock(42_000, "9000");
    assert!(
        told[0]
            .ends_with("=> the port is right, but it came over tcp: knock 3 is 9000:udp; tell the client so"),
        "{told:?}"
    );
}

#[test]
fn the_second_copy_of_a_later_knock_begins_nothing_anew() {
    let mut scene = Scene::new(&["7000,8000:udp,9000"]);
    scene.knock(0, "7000");
    scene.knock(1_000, "8000:udp");
    let told = scene.knock(2_000, "8000:udp");
    assert!(told[0].contains("knock 2 once more: the client sends it twice, or the network"), "{told:?}");
}

#[test]
fn at_a_door_with_one_time_sequences_it_is_told_once_that_they_change() {
    let mut scene = Scene::with(vec![Door { one_time: true, ..door("7000,8000") }, door("6000,6001")]);
    let told = scene.knock(0, "1000");
    let hint = "does nothing: no attempt is under way, and it is no door's first knock => if it was meant for door0: ";
    assert!(told[0].starts_with(hint), "{told:?}");
    assert!(!scene.knock(1, "1001")[0].contains("=>"));
    scene.knock(2, "7000");
    scene.knock(3, "8000");
    scene.engine.add(Door { one_time: true, ..door("8000,7000") });
    assert!(scene.knock(4, "7001")[0].starts_with(hint), "the sequence was used");
}

#[test]
fn many_doors_do_not_make_many_words() {
    let mut scene = Scene::new(&["7000,1", "7001,1", "7002,1", "7003,1", "7004,1"]);
    assert_eq!(
        scene.knock(0, "9"),
        ["does nothing: no attempt is under way, and it is no door's first knock"]
    );
    assert_eq!(
        scene.take(0, hit("9", ACK)),
        ["does nothing at any door: its TCP flags are ack, and the door looks at TCPFlags = syn"]
    );
    assert_eq!(
        scene.knock(0, "1").len(),
        4,
        "it is a knock of five doors, and three are told beside how many more there are"
    );
    scene.knock(0, "7001");
    assert_eq!(scene.knock(1, "1").len(), 1, "one door opens, and the others have nothing to do with it");
}

#[test]
fn strangers_are_told_stages_and_no_ports() {
    let mut scene = Scene::new(&["7000,8000:udp,9000", "8000:udp,9000"]);
    scene.reader = Reader::Stranger;
    let mut told = Vec::new();
    for (millis, knock) in [(0, "7000"), (10, "9000"), (20, "8000:udp"), (30, "8000:udp"), (40, "9000")] {
        told.extend(scene.knock(millis, knock));
    }
    scene.knock(1_000, "7000");
    told.extend(scene.wait(60_000));
    assert!(told.iter().any(|told| told.contains("wrong: knock 2 of 3 was waited for")), "{told:?}");
    for told in told {
        assert!(!told.contains("000") && !told.contains("udp)"), "{told}");
    }
}

#[test]
fn nothing_at_all_is_told_as_such() {
    let scene = Scene::new(&["7000,8000"]);
    assert_eq!(scene.narrator.sum_up(source()), "no packet of 192.0.2.7 has come");
    let mut scene = Scene::new(&["7000,8000"]);
    scene.knock(0, "7000");
    let sum = "1 packet of 192.0.2.7: 0 doors opened, 0 attempts failed, still under way: door0";
    assert_eq!(scene.narrator.sum_up(source()), sum);
}
