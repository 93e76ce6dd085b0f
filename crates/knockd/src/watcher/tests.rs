use std::{
    net::UdpSocket,
    os::unix::net::UnixDatagram,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use knock_core::door::DoorNumber;

use super::*;
use crate::ipc::SocketNumber;

/// A watcher that listens to as many sockets, and the other ends of all. Any socket does where only reading matters.
fn watcher(count: u32) -> (Watcher, Vec<UnixDatagram>, OwnedFd) {
    let (near, far) = Channel::pair().unwrap();
    let (mut listeners, mut senders) = (Vec::new(), Vec::new());
    for number in 0..count {
        let (receiver, sender) = UnixDatagram::pair().unwrap();
        receiver.set_nonblocking(true).unwrap();
        listeners.push(Listener::new(SocketNumber(number), PacketSocket::adopt(receiver.into())));
        senders.push(sender);
    }
    let engine = Engine::new(Host::interfaces(BTreeMap::new()), 16, 0);
    let alarm = Alarm::new().unwrap();
    let watcher = Watcher {
        engine,
        reporter: Reporter::new(near),
        listeners,
        is_changing: false,
        alarm,
        noted: BTreeMap::new(),
    };
    (watcher, senders, far)
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
    watcher.listeners.push(Listener::new(SocketNumber(7), PacketSocket::adopt(socket.into())));
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
