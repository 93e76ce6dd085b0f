//! What fuzzing starts from: one message of each sort, and a conversation, in `fuzz/seeds`. The tests keep these files
//! and the messages the same.

use std::{fs, num::NonZeroU32, path::PathBuf};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, TcpFlags, WrongPort},
    event::{Event, Kind, Reason, What},
    explanation::{Explanation, Packet},
    interface::InterfaceIndex,
    moment::Moment,
    sequence::Protocol,
};

use super::{AddressKind, Frame, LENGTH, Load, Order, Report, SocketNumber};
use crate::{
    sandbox::{Identity, Protections, SystemCall},
    sys::packet::RingSize,
};

/// Bytes and the path of the file with them.
type Seed = (String, Vec<u8>);

fn seeds() -> Vec<Seed> {
    let reports = reports().into_iter().map(|(name, report)| (format!("report/{name}"), report.encode()));
    let orders = orders().into_iter().map(|(name, order)| (format!("order/{name}"), order.encode()));
    let messages = reports.chain(orders).map(|(name, frame)| (name, without_padding(&frame).to_vec()));
    messages.chain([("conduct/all-reports".to_owned(), conversation())]).collect()
}

fn reports() -> Vec<(&'static str, Report)> {
    let happened = |source: &str, what| {
        let source = source.parse().unwrap();
        Report::Happened(Event { at: Moment::from_nanos(5_000_000_000), door: DoorNumber(2), source, what })
    };
    let ignored =
        |reason| happened("2001:db8::7", What::Ignored { port: 7000, protocol: Protocol::Tcp, reason });
    let explained = |what, packet| {
        let Report::Happened(event) = happened("2001:db8::7", what) else { panic!("an event") };
        Report::Explained(Explanation { event, packet })
    };
    let packet = Packet {
        number: 7,
        destination: "2001:db8::1".parse().unwrap(),
        port: 7000,
        protocol: Protocol::Tcp,
        flags: Some(TcpFlags(0x02)),
    };
    vec![
        ("confined", Report::Confined(Protections::from_bits(0xff).unwrap())),
        ("ready", Report::Ready(Load { attempts: 3, packets: 70_000 })),
        ("stage", happened("192.0.2.7", What::Stage(1))),
        ("opened", happened("192.0.2.7", What::Opened(3))),
        ("opened-6", happened("2001:db8::7", What::Opened(3))),
        ("discarded", happened("192.0.2.7", What::Discarded { stage: 2, port: 22, protocol: Protocol::Udp })),
        ("timed-out", happened("192.0.2.7", What::TimedOut(2))),
        ("gave-way", happened("192.0.2.7", What::GaveWay(1))),
        ("ignored-flags", ignored(Reason::Flags(TcpFlags(0x12)))),
        ("ignored-protocol", ignored(Reason::Protocol(Protocol::Udp))),
        ("ignored-copy", ignored(Reason::Copy)),
        ("left-out", Report::LeftOut(Kind::Ignored, NonZeroU32::MAX)),
        ("dropped", Report::Dropped(NonZeroU32::MIN)),
        ("lost", Report::Lost(NonZeroU32::MIN)),
        ("deaf", Report::Deaf(SocketNumber(1), 100)),
        ("explained", explained(What::Stage(1), Some(packet))),
        ("explained-time", explained(What::TimedOut(1), None)),
        ("unexplained", Report::Unexplained(NonZeroU32::MIN)),
        ("forbidden", Report::Forbidden(SystemCall(41))),
    ]
}

fn orders() -> Vec<(&'static str, Order)> {
    let door = |sequence: &str, target: Option<&str>| Door {
        number: DoorNumber(7),
        sequence: sequence.parse().unwrap(),
        timeout: std::time::Duration::from_secs(25),
        flags: FlagRule { set: TcpFlags(0x02), clear: TcpFlags(0x10) },
        wrong_port: WrongPort::Ignore,
        target: target.map(|target| target.parse().unwrap()),
        one_time: true,
        after: None,
    };
    let address = |kind, address: &str| Order::Address {
        interface: InterfaceIndex(2),
        kind,
        address: address.parse().unwrap(),
    };
    let begin = |identity| Order::Begin { capacity: 1000, seed: 7, explain: true, identity };
    vec![
        ("begin", begin(None)),
        ("begin-as-user", begin(Identity::new(65534, 65534))),
        ("add", Order::Add(door("7000:tcp,8000:udp,9000:tcp", None))),
        ("add-target-4", Order::Add(door("7000:tcp", Some("192.0.2.1")))),
        ("add-target-6", Order::Add(door("7000:udp,8000:udp", Some("2001:db8::1")))),
        ("add-after", Order::Add(Door { after: Some(DoorNumber(6)), ..door("7000:tcp", None) })),
        ("remove", Order::Remove(DoorNumber(7))),
        ("address", address(AddressKind::Own, "192.0.2.1")),
        ("address-6", address(AddressKind::Loopback, "::1")),
        ("address-broadcast", address(AddressKind::Broadcast, "192.0.2.255")),
        ("set-host", Order::SetHost),
        ("listen", Order::Listen(SocketNumber(1), RingSize::new(32))),
        ("listen-queue", Order::Listen(SocketNumber(1), None)),
        ("replace", Order::Replace { old: SocketNumber(1), new: SocketNumber(2), ring: RingSize::new(1) }),
        ("explain", Order::Explain("192.0.2.7".parse().unwrap())),
        ("explain-no-more", Order::ExplainNoMore("2001:db8::7".parse().unwrap())),
        ("leave", Order::Leave(SocketNumber(1))),
        ("confirm", Order::Confirm),
    ]
}

/// In the form that the target `conduct` reads: three bytes and eighty of the report, each time.
fn conversation() -> Vec<u8> {
    let steps = reports().into_iter().flat_map(|(_, report)| {
        let frame = report.encode();
        [4, 100, 1].into_iter().chain(frame.into_iter().take(80)).collect::<Vec<u8>>()
    });
    [1].into_iter().chain(steps).collect()
}

fn without_padding(frame: &Frame) -> &[u8] {
    let length = frame.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &frame[..length]
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "fuzz", "seeds"].iter().collect()
}

#[test]
fn the_files_hold_the_seeds() {
    for (name, bytes) in seeds() {
        let held = fs::read(folder().join(&name)).unwrap_or_default();
        assert!(held == bytes, "{name} differs: run `cargo test -p knockd -- --ignored write_the_seeds`");
    }
    let held = ["report", "order", "conduct"].map(|name| fs::read_dir(folder().join(name)).unwrap().count());
    assert_eq!(held.iter().sum::<usize>(), seeds().len());
}

#[test]
fn a_report_fits_into_what_fuzzing_keeps_of_it() {
    for (name, report) in reports() {
        let frame = report.encode();
        assert!(without_padding(&frame).len() <= 80 && frame.len() == LENGTH, "{name}");
    }
}

#[test]
#[ignore = "writes files of the repository"]
fn write_the_seeds() {
    for (name, bytes) in seeds() {
        let path = folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
