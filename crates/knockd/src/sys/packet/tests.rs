//! Each in a network of its own, where nothing is but a loopback interface.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use knock_core::filter::{self, Families};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::*;
use crate::own_network::{self, LOOPBACK, in_own_network, set_loopback};

fn everything() -> Filter {
    filter::any_hit(Families::Both).into()
}

/// A socket and the end of it where packets come out.
struct Both {
    reader: PacketReader,
    socket: PacketSocket,
}

fn both(mut socket: PacketSocket) -> Both {
    Both { reader: PacketReader::adopt(socket.hand_over().unwrap(), socket.ring()).unwrap(), socket }
}

fn open(interface: InterfaceIndex, ring: Option<RingSize>) -> Both {
    let mut socket = PacketSocket::open(interface, &everything(), ring).unwrap();
    assert!(socket.take_refusal().is_none());
    assert_eq!(socket.ring().is_some(), ring.is_some());
    both(socket)
}

fn replace(old: &mut Both, interface: InterfaceIndex) -> Both {
    let next = old.socket.successor(interface, &everything(), old.socket.ring()).unwrap();
    old.socket.give_way().unwrap();
    both(next)
}

/// With a ring and without, which is what a kernel that refuses it comes to.
fn with_and_without_ring(proof: impl Fn(Option<RingSize>)) {
    [RingSize::new(48), None].into_iter().for_each(proof);
}

fn send(number: u32) {
    own_network::send(9, &number.to_be_bytes());
}

/// The numbers that were sent and wait in a socket, behind the headers of IPv4 and UDP.
fn received(both: &mut Both) -> Vec<u32> {
    let mut buffer = [0; 100];
    let mut numbers = Vec::new();
    loop {
        match both.reader.receive(&mut buffer) {
            // Only UDP: that the port is shut is told by ICMP.
            Ok(received) if buffer[9] == 17 => {
                assert_eq!(received.length, 32);
                numbers.push(u32::from_be_bytes(buffer[28..32].try_into().unwrap()));
            }
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
                return numbers;
            }
        }
    }
}

#[test]
fn nobody_changes_the_filter() {
    in_own_network("sys::packet::tests::nobody_changes_the_filter", || {
        with_and_without_ring(|ring| {
            let mut first = open(LOOPBACK, ring);
            let second = replace(&mut first, LOOPBACK);
            for both in [first, second] {
                let socket = Bare(both.reader.as_fd().try_clone_to_owned().unwrap());
                let refused = socket.attach(&mut [TAKE_NOTHING]).unwrap_err();
                assert_eq!(Errno::from_io_error(&refused), Some(Errno::PERM));
                for (name, value) in [(libc::SO_DETACH_FILTER, 0_i32), (libc::SO_LOCK_FILTER, 0)] {
                    let refused = option::set(&socket, libc::SOL_SOCKET, name, &value).unwrap_err();
                    assert_eq!(Errno::from_io_error(&refused), Some(Errno::PERM), "{name}");
                }
            }
        });
    });
}

#[test]
fn what_was_heard_before_is_still_received() {
    in_own_network("sys::packet::tests::what_was_heard_before_is_still_received", || {
        with_and_without_ring(|ring| {
            let mut first = open(LOOPBACK, ring);
            (0..3).for_each(send);
            let mut second = replace(&mut first, LOOPBACK);
            (3..5).for_each(send);
            assert_eq!((received(&mut first), received(&mut second)), (vec![0, 1, 2], vec![3, 4]));
            drop(first);
            // And once more, for the group is another than at first.
            let mut third = replace(&mut second, LOOPBACK);
            (5..7).for_each(send);
            assert_eq!((received(&mut second), received(&mut third)), (vec![], vec![5, 6]));
        });
    });
}

#[test]
fn a_successor_hears_nothing_before_its_time() {
    in_own_network("sys::packet::tests::a_successor_hears_nothing_before_its_time", || {
        with_and_without_ring(|ring| {
            let mut first = open(LOOPBACK, ring);
            let unused = first.socket.successor(LOOPBACK, &everything(), ring).unwrap();
            send(0);
            assert_eq!(received(&mut first), [0]);
            // One that is given up leaves no trace.
            drop(unused);
            let mut second = replace(&mut first, LOOPBACK);
            send(1);
            assert_eq!((received(&mut first), received(&mut second)), (vec![], vec![1]));
        });
    });
}

#[test]
fn one_process_reads_it() {
    in_own_network("sys::packet::tests::one_process_reads_it", || {
        let mut socket = PacketSocket::open(LOOPBACK, &everything(), None).unwrap();
        assert!(!socket.is_handed_over());
        let _reader = socket.hand_over().unwrap();
        assert!(socket.is_handed_over() && socket.hand_over().is_err());
    });
}

#[test]
fn each_packet_comes_once_and_in_order() {
    in_own_network("sys::packet::tests::each_packet_comes_once_and_in_order", || {
        with_and_without_ring(|ring| {
            for interface in [LOOPBACK, InterfaceIndex::default()] {
                let mut socket = open(interface, ring);
                let (has_ended, taken, mut numbers) = (AtomicBool::new(false), AtomicU32::new(0), Vec::new());
                let sent = thread::scope(|scope| {
                    let sender = scope.spawn(|| {
                        let numbers = (0..).take_while(|_| !has_ended.load(Ordering::Relaxed));
                        // As fast as the small queues that an ordinary user has can bear: on a busy machine a
                        // replacement may take seconds.
                        let fits = |number: &u32| *number < taken.load(Ordering::Relaxed) + 100;
                        let paced = numbers.inspect(|number| {
                            while !fits(number) && !has_ended.load(Ordering::Relaxed) {
                                thread::sleep(PAUSE);
                            }
                            send(*number);
                        });
                        paced.map(|_| thread::sleep(PAUSE)).count()
                    });
                    for _ in 0..30 {
                        let mut next = replace(&mut socket, interface);
                        numbers.extend(received(&mut socket));
                        thread::sleep(5 * PAUSE);
                        assert!(received(&mut socket).is_empty(), "too late");
                        numbers.extend(received(&mut next));
                        taken.store(u32::try_from(numbers.len()).unwrap(), Ordering::Relaxed);
                        socket = next;
                    }
                    has_ended.store(true, Ordering::Relaxed);
                    sender.join().unwrap()
                });
                numbers.extend(received(&mut socket));
                assert!(sent > 100, "{sent}");
                assert_eq!(numbers, (0..u32::try_from(sent).unwrap()).collect::<Vec<_>>());
            }
        });
    });
}

const PAUSE: Duration = Duration::from_micros(200);

#[test]
fn one_without_a_group_is_replaced_as_well() {
    in_own_network("sys::packet::tests::one_without_a_group_is_replaced_as_well", || {
        with_and_without_ring(|ring| {
            let mut first = both(PacketSocket::member(LOOPBACK, &everything(), ring, |_| Ok(())).unwrap());
            assert!(group::group(&first.socket.socket.copy().unwrap()).unwrap().is_none());
            send(0);
            let mut second = replace(&mut first, LOOPBACK);
            send(1);
            assert_eq!((received(&mut first), received(&mut second)), (vec![0], vec![1]));
        });
    });
}

#[test]
fn an_interface_may_be_down_at_any_time() {
    in_own_network("sys::packet::tests::an_interface_may_be_down_at_any_time", || {
        with_and_without_ring(|ring| {
            set_loopback("down");
            let forget_error = |both: &mut Both| {
                let told = both.reader.receive(&mut [0; 100]).unwrap_err();
                assert_eq!(Errno::from_io_error(&told), Some(Errno::NETDOWN));
            };
            let mut first = open(LOOPBACK, ring);
            let mut second = replace(&mut first, LOOPBACK);
            [&mut first, &mut second].into_iter().for_each(forget_error);
            drop(first);
            set_loopback("up");
            send(0);
            let mut third = replace(&mut second, LOOPBACK);
            send(1);
            assert_eq!((received(&mut second), received(&mut third)), (vec![0], vec![1]));
            drop(second);
            set_loopback("down");
            set_loopback("up");
            forget_error(&mut third);
            send(2);
            assert_eq!(received(&mut third), [2]);
        });
    });
}

#[test]
fn what_has_no_room_is_counted() {
    in_own_network("sys::packet::tests::what_has_no_room_is_counted", || {
        let mut both = open(LOOPBACK, RingSize::new(1));
        (0..200).for_each(send);
        let count = received(&mut both).len();
        assert!((60..=128).contains(&count), "{count}, beside what tells that the port is shut");
        let dropped = both.reader.take_dropped().unwrap();
        assert!(dropped > 70 && dropped as usize + count >= 200, "{dropped}");
        assert_eq!(both.reader.take_dropped().unwrap(), 0);
        send(1000);
        assert_eq!(received(&mut both), [1000], "and it goes on");
    });
}

#[test]
fn an_empty_ring_wakes_nobody() {
    in_own_network("sys::packet::tests::an_empty_ring_wakes_nobody", || {
        let mut both = open(LOOPBACK, RingSize::new(1));
        let is_ready = |both: &Both| {
            let mut polled = [PollFd::new(&both.reader, PollFlags::IN)];
            poll(&mut polled, Some(&Timespec::default())).unwrap() > 0
        };
        assert!(!is_ready(&both));
        for number in 0..300 {
            send(number);
            assert!(is_ready(&both));
            assert_eq!(received(&mut both), [number]);
            assert!(!is_ready(&both), "{number}");
        }
    });
}

#[test]
fn a_ring_that_is_refused_leaves_a_queue() {
    in_own_network("sys::packet::tests::a_ring_that_is_refused_leaves_a_queue", || {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(ring::set_up(&file, RingSize::share(1)).is_err());
        let mut socket = PacketSocket::open(LOOPBACK, &everything(), RingSize::new(1)).unwrap();
        let socket = socket.hand_over().unwrap();
        let mapped = PacketReader::adopt(socket.try_clone().unwrap(), RingSize::new(1));
        // Another size than it has.
        let other = PacketReader::adopt(socket.try_clone().unwrap(), RingSize::new(2));
        assert_eq!(other.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        // The kernel takes no ring away that is in use, and sets up no other.
        assert!(ring::set_up(&socket, RingSize::share(1)).is_err());
        drop(mapped);
    });
}
