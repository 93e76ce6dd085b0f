//! The guard of doors that say what they open, with real packets.

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use etherparse::{SlicedPacket, TransportSlice};
use knock_core::{config::DoorName, ports::Ports};
use knockd::firewall::{Firewall, GuardedDoor};
use socket2::{Domain, Protocol, Socket, Type};
use trials::{
    net::{Lab, PATIENCE, await_some},
    sandbox::{self, trial},
    trouble::{Outcome, Trouble, While, ensure, same},
};

const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
/// A second address of the client's, for somebody else.
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));

/// How long an answer is waited for that should not come.
const BRIEFLY: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    sandbox::run(|| {
        Ok(vec![
            trial("lets_in_whom_a_door_knows_and_nobody_else", lets_in_whom_a_door_knows_and_nobody_else),
            trial("sessions_outlive_their_door", sessions_outlive_their_door),
            trial(
                "guards_ranges_of_udp_and_nothing_beside_them",
                guards_ranges_of_udp_and_nothing_beside_them,
            ),
            trial("two_doors_share_a_port", two_doors_share_a_port),
            trial("this_host_goes_where_it_likes", this_host_goes_where_it_likes),
            trial("changes_lose_nobody_and_let_nobody_slip_in", changes_lose_nobody_and_let_nobody_slip_in),
            trial("a_session_from_before_lives_on", a_session_from_before_lives_on),
            trial("a_scan_tells_nothing", a_scan_tells_nothing),
        ])
    })
}

/// A laboratory whose server has these doors.
struct Guarded {
    lab: Lab,
    firewall: Firewall,
    doors: Vec<(DoorName, Ports)>,
}

impl Guarded {
    fn new(doors: &[(&str, &str)]) -> Outcome<Self> {
        let lab = Lab::new()?;
        lab.client().ip("address add 10.0.0.3/24 dev eth0\n")?;
        let firewall =
            lab.server().inside(|| Firewall::open().map_err(|error| Trouble::new(error.to_string())))?;
        let doors = doors.iter().map(|(name, ports)| {
            let name = name.parse().map_err(|_| Trouble::new(*name))?;
            Ok((name, ports.parse().map_err(|_| Trouble::new(*ports))?))
        });
        let doors = doors.collect::<Outcome<_>>()?;
        let mut guarded = Self { lab, firewall, doors };
        guarded.install()?;
        Ok(guarded)
    }

    fn install(&mut self) -> Outcome {
        let doors: Vec<_> = self.doors.iter().map(|(name, ports)| GuardedDoor { name, ports }).collect();
        self.firewall.install(&doors).map_err(|error| Trouble::new(error.to_string()))
    }

    fn let_in(&mut self, door: usize, source: IpAddr, time: Duration) -> Outcome {
        let (name, _) = self.doors.get(door).ok_or_else(|| Trouble::new("no such door"))?;
        self.firewall.let_in(name, source, time).map_err(|error| Trouble::new(error.to_string()))
    }

    fn listener(&self, port: u16) -> Outcome<TcpListener> {
        let listener = self.lab.server().inside(|| Ok(TcpListener::bind(("::", port))?))?;
        Ok(listener)
    }

    fn udp(&self, port: u16) -> Outcome<UdpSocket> {
        let socket = self.lab.server().inside(|| Ok(UdpSocket::bind((SERVER, port))?))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Connects from this address of the client's.
    fn connect(&self, from: IpAddr, port: u16, patience: Duration) -> Outcome<Option<TcpStream>> {
        let to = if from.is_ipv4() { SERVER } else { ip("fd00::1")? };
        self.lab.client().inside(|| {
            let socket = Socket::new(Domain::for_address(SocketAddr::new(to, port)), Type::STREAM, None)?;
            socket.bind(&SocketAddr::new(from, 0).into())?;
            let connected = socket.connect_timeout(&SocketAddr::new(to, port).into(), patience);
            Ok(connected.is_ok().then(|| socket.into()))
        })
    }

    fn connects(&self, from: IpAddr, port: u16) -> Outcome {
        let connected = self.connect(from, port, PATIENCE)?;
        ensure(connected.is_some(), format!("{from} does not get to port {port}"))
    }

    fn does_not_connect(&self, from: IpAddr, port: u16) -> Outcome {
        let connected = self.connect(from, port, BRIEFLY)?;
        ensure(connected.is_none(), format!("{from} gets to port {port}"))
    }

    /// Sends a datagram from a new socket.
    fn send(&self, from: IpAddr, port: u16) -> Outcome {
        let socket = self.lab.client().inside(|| Ok(UdpSocket::bind((from, 0))?))?;
        socket.send_to(&[1], (SERVER, port)).map(drop).while_("sending")
    }
}

fn ip(text: &str) -> Outcome<IpAddr> {
    text.parse().map_err(|_| Trouble::new(text))
}

fn lets_in_whom_a_door_knows_and_nobody_else() -> Outcome {
    let mut guarded = Guarded::new(&[("ssh", "tcp/22")])?;
    let _listeners = (guarded.listener(22)?, guarded.listener(80)?);
    for (knocker, stranger) in [(CLIENT, STRANGER), (ip("fd00::2")?, CLIENT)] {
        guarded.does_not_connect(knocker, 22)?;
        guarded.connects(knocker, 80)?;
        guarded.let_in(0, knocker, LONG)?;
        guarded.connects(knocker, 22)?;
        if knocker == CLIENT {
            guarded.does_not_connect(stranger, 22)?;
        }
    }
    Ok(())
}

fn sessions_outlive_their_door() -> Outcome {
    let mut guarded = Guarded::new(&[("ssh", "tcp/22")])?;
    let listener = guarded.listener(22)?;
    guarded.let_in(0, CLIENT, Duration::from_secs(2))?;
    let mut client = guarded.connect(CLIENT, 22, PATIENCE)?.ok_or_else(|| Trouble::new("shut"))?;
    let (mut server, _) = listener.accept()?;
    let shut = await_some(PATIENCE, || guarded.connect(CLIENT, 22, BRIEFLY).ok()?.is_none().then_some(()));
    ensure(shut.is_some(), "the kernel does not shut the door")?;
    for side in [&client, &server] {
        side.set_read_timeout(Some(PATIENCE))?;
    }
    let mut bytes = [0; 1];
    client.write_all(&[7])?;
    server.read_exact(&mut bytes)?;
    server.write_all(&[8])?;
    client.read_exact(&mut bytes)?;
    same("what came back", bytes, [8])
}

fn guards_ranges_of_udp_and_nothing_beside_them() -> Outcome {
    let mut guarded = Guarded::new(&[("mosh", "udp/60000-61000, udp/53, tcp/60000")])?;
    let ports = [52, 53, 54, 59_999, 60_000, 60_500, 61_000, 61_001];
    let sockets = ports.iter().map(|port| guarded.udp(*port)).collect::<Outcome<Vec<_>>>()?;
    let arrived = |guarded: &Guarded| {
        ports.iter().try_for_each(|port| guarded.send(CLIENT, *port))?;
        // What is sent last, to a port that nobody guards, is there last.
        let last = sockets.last().ok_or_else(|| Trouble::new("no socket"))?;
        await_some(PATIENCE, || last.recv_from(&mut [0; 8]).ok())
            .ok_or_else(|| Trouble::new("nothing comes"))?;
        let came = sockets.iter().zip(ports).filter(|(socket, _)| socket.recv_from(&mut [0; 8]).is_ok());
        Ok::<_, Trouble>(came.map(|(_, port)| port).collect::<Vec<_>>())
    };
    same("ports that are reached", arrived(&guarded)?, vec![52, 54, 59_999])?;
    guarded.let_in(0, CLIENT, LONG)?;
    same("ports that are reached then", arrived(&guarded)?, vec![52, 53, 54, 59_999, 60_000, 60_500, 61_000])
}

fn two_doors_share_a_port() -> Outcome {
    let mut guarded = Guarded::new(&[("one", "tcp/22, tcp/80"), ("other", "tcp/22, tcp/443")])?;
    let _listeners = [22, 80, 443].map(|port| guarded.listener(port));
    guarded.let_in(0, CLIENT, LONG)?;
    guarded.let_in(1, STRANGER, LONG)?;
    for (source, reached, shut) in [(CLIENT, 80, 443), (STRANGER, 443, 80)] {
        guarded.connects(source, 22)?;
        guarded.connects(source, reached)?;
        guarded.does_not_connect(source, shut)?;
    }
    Ok(())
}

fn this_host_goes_where_it_likes() -> Outcome {
    let guarded = Guarded::new(&[("all", "tcp/1-65535, udp/1-65535")])?;
    let _listener = guarded.listener(22)?;
    let elsewhere = guarded.lab.client().inside(|| Ok(TcpListener::bind((CLIENT, 2222))?))?;
    guarded.lab.server().inside(|| {
        for to in [(CLIENT, 2222), (SERVER, 22), (ip("127.0.0.1")?, 22), (ip("::1")?, 22)] {
            TcpStream::connect_timeout(&to.into(), PATIENCE).while_(to.0)?;
        }
        Ok(())
    })?;
    elsewhere.accept()?;
    guarded.does_not_connect(CLIENT, 22)
}

/// Every datagram begins something new, so each has to find its way through the guard.
fn changes_lose_nobody_and_let_nobody_slip_in() -> Outcome {
    const DATAGRAMS: usize = 1500;
    let mut guarded = Guarded::new(&[("dns", "udp/53"), ("ssh", "tcp/22")])?;
    guarded.let_in(0, CLIENT, LONG)?;
    let socket = guarded.udp(53)?;
    let senders = [CLIENT, STRANGER].map(|from| {
        let bound = (0..DATAGRAMS).map(|_| guarded.lab.client().inside(|| Ok(UdpSocket::bind((from, 0))?)));
        bound.collect::<Outcome<Vec<_>>>()
    });
    let [friends, strangers] = senders;
    let (friends, strangers) = (friends?, strangers?);
    let is_over = AtomicBool::new(false);
    let (received, changes) = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut received = Vec::new();
            for (friend, stranger) in friends.iter().zip(&strangers) {
                for sender in [friend, stranger] {
                    sender.send_to(&[1], (SERVER, 53))?;
                }
                while let Ok((_, sender)) = socket.recv_from(&mut [0; 8]) {
                    received.push(sender.ip());
                }
            }
            is_over.store(true, Ordering::Relaxed);
            Ok::<_, Trouble>(received)
        });
        let mut changes = 0_u32;
        while !is_over.load(Ordering::Relaxed) && !sending.is_finished() {
            changes += 1;
            guarded.let_in(0, CLIENT, LONG + Duration::from_secs(changes.into()))?;
            if changes.is_multiple_of(4) {
                guarded.doors.reverse();
                guarded.install()?;
                guarded.doors.reverse();
            }
        }
        let received = sending.join().map_err(|_| Trouble::new("the sender fails"))??;
        Ok::<_, Trouble>((received, changes))
    })?;
    let mut received = received;
    let all_came = await_some(PATIENCE, || {
        while let Ok((_, sender)) = socket.recv_from(&mut [0; 8]) {
            received.push(sender.ip());
        }
        (received.len() >= DATAGRAMS).then_some(())
    });
    ensure(changes > 20, format!("only {changes} changes"))?;
    ensure(all_came.is_some(), format!("{} of {DATAGRAMS} came", received.len()))?;
    ensure(received.iter().all(|sender| *sender == CLIENT), "a stranger slipped in")
}

/// Where connections were not followed before, what comes first in one looks like a new one.
fn a_session_from_before_lives_on() -> Outcome {
    let mut guarded = Guarded::new(&[("ssh", "tcp/22")])?;
    guarded.firewall.flush().map_err(|error| Trouble::new(error.to_string()))?;
    let listener = guarded.listener(22)?;
    let mut client = guarded.connect(CLIENT, 22, PATIENCE)?.ok_or_else(|| Trouble::new("shut"))?;
    let (mut server, _) = listener.accept()?;
    for side in [&client, &server] {
        side.set_read_timeout(Some(PATIENCE))?;
    }
    guarded.install()?;
    let mut bytes = [0; 1];
    client.write_all(&[1])?;
    server.read_exact(&mut bytes)?;
    server.write_all(&[2])?;
    client.read_exact(&mut bytes)?;
    same("what came", bytes, [2])
}

/// Of two guarded ports one has a listener. Unguarded ones would show it.
fn a_scan_tells_nothing() -> Outcome {
    const PROBES: [&str; 9] = [
        "syn",
        "fin",
        "none",
        "fin psh urg",
        "syn fin",
        "syn ack",
        "syn rst",
        "syn fin rst psh ack urg",
        "psh",
    ];
    let mut guarded = Guarded::new(&[("ssh", "tcp/22, tcp/23")])?;
    let _listener = guarded.listener(22)?;
    let all =
        guarded.lab.client().inside(|| Ok(Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP))?))?;
    all.set_read_timeout(Some(PATIENCE))?;
    let answers = |from: u16| {
        let mut last = from;
        for (probe, own) in PROBES.iter().chain(&["ack"]).zip(from..) {
            last = own;
            for port in [22, 23] {
                guarded.lab.send(&format!("tcp CLIENT:{own} > SERVER:{port} {probe}"))?;
            }
        }
        // What is sent last is answered last.
        let mut answers = Vec::new();
        while !answers.ends_with(&[(22, last, true), (23, last, true)]) {
            answers.push(answer(&all)?);
        }
        Ok::<_, Trouble>(answers)
    };
    same("answers", answers(40_000)?.len(), 2)?;
    // They are sent as they should be: without the guard most get one.
    guarded.firewall.flush().map_err(|error| Trouble::new(error.to_string()))?;
    let unguarded = answers(41_000)?;
    ensure(unguarded.len() > 10, format!("only {unguarded:?}"))
}

/// A TCP packet that comes: from which port, to which, and whether it is an RST.
fn answer(mut socket: &Socket) -> Outcome<(u16, u16, bool)> {
    let mut bytes = [0; 128];
    let length = socket.read(&mut bytes).while_("waiting for an answer")?;
    let packet = bytes.get(..length).and_then(|bytes| SlicedPacket::from_ip(bytes).ok());
    match packet.and_then(|packet| packet.transport) {
        Some(TransportSlice::Tcp(segment)) => {
            Ok((segment.source_port(), segment.destination_port(), segment.rst()))
        }
        other => Err(Trouble::new(format!("{other:?} came"))),
    }
}
