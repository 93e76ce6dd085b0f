use std::{
    net::{Ipv4Addr, UdpSocket},
    os::unix::net::UnixDatagram,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, WrongPort},
    event::{Event, What},
    filter::{self, Families},
};

use super::*;
use crate::{
    own_network::{LOOPBACK, in_own_network, send},
    sys::{allocations, packet::PacketSocket},
};

/// A watcher that listens to as many sockets, and the other ends of all. Any socket does where only reading matters.
fn watcher(count: u32) -> (Watcher, Vec<UnixDatagram>, OwnedFd) {
    let (near, far) = Channel::pair().unwrap();
    let (mut listeners, mut senders) = (Vec::new(), Vec::new());
    for number in 0..count {
        let (receiver, sender) = UnixDatagram::pair().unwrap();
        receiver.set_nonblocking(true).unwrap();
        listeners.push(queue(number, receiver.into()));
        senders.push(sender);
    }
    let engine = Engine::new(Host::interfaces(BTreeMap::new()), 16, 0);
    let alarm = Alarm::new().unwrap();
    let watcher = Watcher {
        engine,
        reporter: Reporter::new(near),
        listeners,
        coming: Vec::new(),
        is_changing: false,
        may_rest: false,
        alarm,
        noted: BTreeMap::new(),
        is_called: true,
        expired: Moment::default(),
        packets: 0,
        hits: Vec::with_capacity(Engine::AHEAD),
    };
    (watcher, senders, far)
}

fn queue(number: u32, socket: OwnedFd) -> Listener {
    Listener::new(SocketNumber(number), PacketReader::adopt(socket, None).unwrap())
}

fn is_readable(listener: &Listener) -> bool {
    let mut polled = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut polled, Some(&rustix::event::Timespec::default())).unwrap() > 0
}

#[test]
fn only_sockets_that_woke_us_are_read() {
    let (mut watcher, senders, _far) = watcher(3);
    senders[1].send(b"no packet").unwrap();
    let is_ready = watcher.wait().unwrap();
    assert_eq!(is_ready, [false, true, false]);
    // It has come too late to have woken us.
    senders[2].send(b"no packet").unwrap();
    watcher.listen(&is_ready).unwrap();
    assert_eq!(watcher.listeners.iter().map(is_readable).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(watcher.wait().unwrap(), [false, false, true]);
}

#[test]
fn a_socket_with_nothing_but_an_error_is_read() {
    let (mut watcher, _senders, far) = watcher(1);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    socket.connect(nobody).unwrap();
    socket.send(b"is refused").unwrap();
    watcher.listeners.push(queue(7, socket.into()));
    let is_ready = watcher.wait().unwrap();
    assert_eq!(is_ready, [false, true]);
    assert!(matches!(watcher.listen(&is_ready), Err(Failure::Deaf)));
    let Received::Message(frame, None) = Channel::new(far).receive().unwrap() else { panic!("no report") };
    let refused = Errno::CONNREFUSED.raw_os_error();
    assert_eq!(Report::decode(&frame).unwrap(), Report::Deaf(SocketNumber(7), refused));
}

#[test]
fn packets_wait_until_the_doors_are_changed() {
    let (mut watcher, _senders, far) = watcher(0);
    let mut monitor = Channel::new(far);
    let is_done = AtomicBool::new(false);
    monitor.send(Order::Remove(DoorNumber(1)).encode(), None).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            // Nothing can tell that somebody goes on waiting but that it takes time.
            thread::sleep(Duration::from_millis(50));
            is_done.store(true, Ordering::SeqCst);
            monitor.send(Order::Confirm.encode(), None).unwrap();
        });
        assert!(watcher.follow_orders().unwrap());
        assert!(is_done.load(Ordering::SeqCst), "it went back to its packets between two doors");
    });
    assert!(watcher.follow_orders().unwrap(), "with nothing to do it does not wait");
}

/// What the watcher has told so far.
fn reports(far: &OwnedFd) -> Vec<Report> {
    let channel = Channel::new(far.try_clone().unwrap());
    let mut reports = Vec::new();
    while let Received::Message(frame, None) = channel.receive().unwrap() {
        reports.push(Report::decode(&frame).unwrap());
    }
    reports
}

fn opened(far: &OwnedFd) -> Vec<u32> {
    let opened = |report| match report {
        Report::Happened(Event { door, what: What::Opened(_), .. }) => Some(door.0),
        _ => None,
    };
    reports(far).into_iter().filter_map(opened).collect()
}

fn door(number: u32, sequence: &str) -> Order {
    Order::Add(Door {
        number: DoorNumber(number),
        sequence: sequence.parse().unwrap(),
        timeout: Duration::from_secs(25),
        flags: FlagRule::default(),
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: false,
        after: None,
    })
}

#[test]
fn a_replaced_socket_is_judged_by_the_doors_of_before_and_its_successor_by_those_of_then() {
    let test = "watcher::tests::a_replaced_socket_is_judged_by_the_doors_of_before_and_its_successor_by_those_of_then";
    in_own_network(test, || {
        for ring in [RingSize::new(4), None] {
            expect_replaced(ring);
        }
    });
}

fn expect_replaced(ring: Option<RingSize>) {
    let (mut watcher, _, far) = watcher(0);
    let everything = filter::any_hit(Families::Both).into();
    let mut first = PacketSocket::open(LOOPBACK, &everything, ring).unwrap();
    let address = Ipv4Addr::LOCALHOST.into();
    let kind = AddressKind::Loopback;
    watcher.follow(Order::Address { interface: LOOPBACK, kind, address }, None).unwrap();
    watcher.follow(Order::SetHost, None).unwrap();
    watcher.follow(Order::Listen(SocketNumber(0), ring), first.hand_over().ok()).unwrap();
    watcher.follow(door(0, "7:udp,8:udp"), None).unwrap();

    send(7, b"");
    let mut second = first.successor(LOOPBACK, &everything, ring).unwrap();
    first.give_way().unwrap();
    send(8, b"");
    let replace = Order::Replace { old: SocketNumber(0), new: SocketNumber(1), ring };
    let handed_over = second.hand_over().unwrap();
    let copy = handed_over.try_clone().unwrap();
    watcher.follow(replace.clone(), Some(handed_over)).unwrap();
    assert_eq!(reports(&far).len(), 1, "the first knock is taken");
    assert!(watcher.listeners.is_empty(), "the second has to wait");
    for (number, sequence) in [(1, "7:udp"), (2, "8:udp")] {
        watcher.follow(door(number, sequence), None).unwrap();
    }
    watcher.follow(Order::Confirm, None).unwrap();
    let is_ready = watcher.wait().unwrap();
    watcher.listen(&is_ready).unwrap();
    let mut opened = opened(&far);
    opened.sort_unstable();
    assert_eq!(opened, [0, 2]);
    // What isn't there can't be replaced.
    assert!(matches!(watcher.follow(replace, Some(copy)), Err(Failure::Receive(_))));
}

/// One that hears everything on the loopback interface, without doors, and the socket that it does so by.
fn on_loopback() -> (Watcher, PacketSocket, OwnedFd) {
    let (mut watcher, _, far) = watcher(0);
    let ring = RingSize::new(4);
    let everything = filter::any_hit(Families::Both).into();
    let mut socket = PacketSocket::open(LOOPBACK, &everything, ring).unwrap();
    let (address, kind) = (Ipv4Addr::LOCALHOST.into(), AddressKind::Loopback);
    watcher.follow(Order::Address { interface: LOOPBACK, kind, address }, None).unwrap();
    watcher.follow(Order::SetHost, None).unwrap();
    watcher.follow(Order::Listen(SocketNumber(0), ring), socket.hand_over().ok()).unwrap();
    (watcher, socket, far)
}

#[test]
fn what_waits_when_doors_change_is_judged_by_those_of_before() {
    let test = "watcher::tests::what_waits_when_doors_change_is_judged_by_those_of_before";
    in_own_network(test, || {
        let (mut watcher, _socket, far) = on_loopback();
        watcher.follow(door(0, "7:udp"), None).unwrap();
        watcher.follow(Order::Confirm, None).unwrap();
        send(7, b"");
        // The first of two changes: what has come before is not for the second, either.
        watcher.follow(Order::Remove(DoorNumber(0)), None).unwrap();
        send(7, b"");
        watcher.follow(door(1, "7:udp"), None).unwrap();
        assert_eq!(opened(&far), [0]);
        watcher.follow(Order::Confirm, None).unwrap();
        let is_ready = watcher.wait().unwrap();
        watcher.listen(&is_ready).unwrap();
        assert_eq!(opened(&far), [1]);
    });
}

#[test]
fn who_has_much_to_do_rests_and_who_has_little_does_not() {
    let test = "watcher::tests::who_has_much_to_do_rests_and_who_has_little_does_not";
    in_own_network(test, || {
        let (mut watcher, _socket, _far) = on_loopback();
        // The last: there is more than one turn takes.
        for (packets, may_rest) in [(1, false), (BUSY, true), (2 * TURN, false)] {
            (0..packets).for_each(|_| send(9, b""));
            watcher.listen(&[true]).unwrap();
            assert_eq!(watcher.may_rest, may_rest, "{packets}");
            while !watcher.may_rest && is_readable(&watcher.listeners[0]) {
                watcher.listen(&[true]).unwrap();
            }
        }
    });
}

#[test]
fn packets_that_are_taken_together_are_judged_in_their_order_and_each_of_them() {
    let test = "watcher::tests::packets_that_are_taken_together_are_judged_in_their_order_and_each_of_them";
    in_own_network(test, || {
        let (mut watcher, _socket, far) = on_loopback();
        watcher.follow(door(0, "7:udp,8:udp,9:udp"), None).unwrap();
        watcher.follow(door(1, "9:udp,8:udp,7:udp"), None).unwrap();
        watcher.follow(Order::Confirm, None).unwrap();
        // In one turn, and across the end of what is taken together.
        let sequences = Engine::AHEAD;
        (0..sequences).for_each(|_| [7, 8, 9].into_iter().for_each(|port| send(port, b"")));
        watcher.listen(&[true]).unwrap();
        assert_eq!(watcher.packets, 3 * sequences as u64);
        assert!(!is_readable(&watcher.listeners[0]));
        assert_eq!(opened(&far), vec![0; sequences]);
    });
}

/// What happens from waking up to the next sleep, and how often it asks for memory.
fn allocations_of_a_turn(watcher: &mut Watcher) -> u64 {
    let is_ready = watcher.wait().unwrap();
    let turn = || {
        watcher.listen(&is_ready).unwrap();
        watcher.inquire().unwrap();
        watcher.expire().unwrap();
        assert!(watcher.follow_orders().unwrap());
    };
    allocations::count(turn).0
}

#[test]
fn from_packet_to_report_nothing_is_allocated() {
    let test = "watcher::tests::from_packet_to_report_nothing_is_allocated";
    in_own_network(test, || {
        for ring in [RingSize::new(4), None] {
            expect_no_allocations(ring);
        }
    });
}

fn expect_no_allocations(ring: Option<RingSize>) {
    let (mut watcher, _, far) = watcher(0);
    let everything = filter::any_hit(Families::Both).into();
    let mut socket = PacketSocket::open(LOOPBACK, &everything, ring).unwrap();
    let handed_over = socket.hand_over().unwrap();
    let address = Ipv4Addr::LOCALHOST.into();
    let kind = AddressKind::Loopback;
    watcher.follow(Order::Address { interface: LOOPBACK, kind, address }, None).unwrap();
    watcher.follow(Order::SetHost, None).unwrap();
    watcher.follow(Order::Listen(SocketNumber(0), ring), Some(handed_over)).unwrap();
    watcher.follow(door(0, "7:udp,8:udp"), None).unwrap();
    watcher.follow(Order::Confirm, None).unwrap();
    let (mut told, mut at_first) = (Vec::new(), 0);
    // In the first round everything that grows gets its size.
    for round in 0..3 {
        for port in [7, 9, 7, 8] {
            send(port, b"");
            let count = allocations_of_a_turn(&mut watcher);
            assert!(round == 0 || count == 0, "round {round}, port {port}: {count}");
            at_first += count;
        }
        told.extend(opened(&far));
    }
    assert_eq!(told, [0, 0, 0], "each round opens the door");
    assert!(at_first > 0, "what grows is seen");
}

#[test]
fn what_the_monitor_has_not_written_is_not_read() {
    let (mut watcher, senders, far) = watcher(1);
    assert!(watcher.follow_orders().unwrap());
    senders[0].send(b"no packet").unwrap();
    watcher.wait().unwrap();
    assert!(!watcher.is_called, "it was a packet");
    Channel::new(far.try_clone().unwrap()).send(Order::SetHost.encode(), None).unwrap();
    watcher.wait().unwrap();
    assert!(watcher.is_called);
    assert!(watcher.follow_orders().unwrap());
    drop(far);
    watcher.wait().unwrap();
    assert!(!watcher.follow_orders().unwrap(), "the end of the monitor is noticed");
}
