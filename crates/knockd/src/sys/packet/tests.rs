//! Each in a network of its own, where nothing is but a loopback interface.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use knock_core::filter::{self, Families};
use rustix::io::Errno;

use super::*;
use crate::own_network::{self, LOOPBACK, in_own_network, set_loopback};

fn everything() -> Filter {
    filter::any_hit(Families::Both).into()
}

fn replace(socket: &PacketSocket, interface: InterfaceIndex) -> PacketSocket {
    let next = socket.successor(interface, &everything()).unwrap();
    socket.give_way().unwrap();
    next
}

fn send(number: u32) {
    own_network::send(9, &number.to_be_bytes());
}

/// The numbers that were sent and wait in a socket, behind the headers of IPv4 and UDP.
fn received(socket: &PacketSocket) -> Vec<u32> {
    let mut buffer = [0; 100];
    let mut numbers = Vec::new();
    loop {
        match socket.receive(&mut buffer) {
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
        let first = PacketSocket::open(LOOPBACK, &everything()).unwrap();
        let second = replace(&first, LOOPBACK);
        for socket in [first, second] {
            let refused = socket.attach(&mut [TAKE_NOTHING]).unwrap_err();
            assert_eq!(Errno::from_io_error(&refused), Some(Errno::PERM));
            for (option, value) in [(libc::SO_DETACH_FILTER, 0_i32), (libc::SO_LOCK_FILTER, 0)] {
                let refused = socket.set_option(libc::SOL_SOCKET, option, &value).unwrap_err();
                assert_eq!(Errno::from_io_error(&refused), Some(Errno::PERM), "{option}");
            }
        }
    });
}

#[test]
fn what_was_heard_before_is_still_received() {
    in_own_network("sys::packet::tests::what_was_heard_before_is_still_received", || {
        let first = PacketSocket::open(LOOPBACK, &everything()).unwrap();
        (0..3).for_each(send);
        let second = replace(&first, LOOPBACK);
        (3..5).for_each(send);
        assert_eq!((received(&first), received(&second)), (vec![0, 1, 2], vec![3, 4]));
        drop(first);
        // And once more, for the group is another than at first.
        let third = replace(&second, LOOPBACK);
        (5..7).for_each(send);
        assert_eq!((received(&second), received(&third)), (vec![], vec![5, 6]));
    });
}

#[test]
fn a_successor_hears_nothing_before_its_time() {
    in_own_network("sys::packet::tests::a_successor_hears_nothing_before_its_time", || {
        let first = PacketSocket::open(LOOPBACK, &everything()).unwrap();
        let unused = first.successor(LOOPBACK, &everything()).unwrap();
        send(0);
        assert_eq!((received(&first), received(&unused)), (vec![0], vec![]));
        // One that is given up leaves no trace.
        drop(unused);
        let second = replace(&first, LOOPBACK);
        send(1);
        assert_eq!((received(&first), received(&second)), (vec![], vec![1]));
    });
}

#[test]
fn each_packet_comes_once_and_in_order() {
    in_own_network("sys::packet::tests::each_packet_comes_once_and_in_order", || {
        for interface in [LOOPBACK, InterfaceIndex::default()] {
            let mut socket = PacketSocket::open(interface, &everything()).unwrap();
            let (has_ended, mut numbers) = (AtomicBool::new(false), Vec::new());
            let sent = thread::scope(|scope| {
                let sender = scope.spawn(|| {
                    let numbers = (0..).take_while(|_| !has_ended.load(Ordering::Relaxed));
                    // As fast as the small queues that an ordinary user has can bear.
                    numbers.inspect(|number| send(*number)).map(|_| thread::sleep(PAUSE)).count()
                });
                for _ in 0..30 {
                    let next = replace(&socket, interface);
                    numbers.extend(received(&socket));
                    thread::sleep(5 * PAUSE);
                    assert!(received(&socket).is_empty(), "too late");
                    numbers.extend(received(&next));
                    socket = next;
                }
                has_ended.store(true, Ordering::Relaxed);
                sender.join().unwrap()
            });
            numbers.extend(received(&socket));
            assert!(sent > 100, "{sent}");
            assert_eq!(numbers, (0..u32::try_from(sent).unwrap()).collect::<Vec<_>>());
        }
    });
}

const PAUSE: Duration = Duration::from_micros(200);

#[test]
fn one_without_a_group_is_replaced_as_well() {
    in_own_network("sys::packet::tests::one_without_a_group_is_replaced_as_well", || {
        let first = PacketSocket::deaf(LOOPBACK).unwrap();
        first.hear(&everything()).unwrap();
        assert_eq!(first.group().unwrap(), None);
        send(0);
        let second = replace(&first, LOOPBACK);
        send(1);
        assert_eq!((received(&first), received(&second)), (vec![0], vec![1]));
    });
}

#[test]
fn an_interface_may_be_down_at_any_time() {
    in_own_network("sys::packet::tests::an_interface_may_be_down_at_any_time", || {
        set_loopback("down");
        let forget_error = |socket: &PacketSocket| {
            let told = socket.receive(&mut [0; 100]).unwrap_err();
            assert_eq!(Errno::from_io_error(&told), Some(Errno::NETDOWN));
        };
        let first = PacketSocket::open(LOOPBACK, &everything()).unwrap();
        let second = replace(&first, LOOPBACK);
        [&first, &second].into_iter().for_each(forget_error);
        drop(first);
        set_loopback("up");
        send(0);
        let third = replace(&second, LOOPBACK);
        send(1);
        assert_eq!((received(&second), received(&third)), (vec![0], vec![1]));
        drop(second);
        set_loopback("down");
        set_loopback("up");
        forget_error(&third);
        send(2);
        assert_eq!(received(&third), [2]);
    });
}
