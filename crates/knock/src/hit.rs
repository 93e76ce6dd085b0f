//! One knock becomes one packet.

use std::{io, time::Duration};

use knock_core::sequence::{Knock, Protocol};
use socket2::Socket;
use thiserror::Error;

use crate::{
    origin::{Origin, OriginError},
    target::Target,
};

/// Sends one knock: a TCP SYN or an empty UDP datagram, each from a socket of its own.
///
/// Returns when the packet has been handed to the system; nothing is waited for, and what comes back can't reach the
/// hits that follow.
pub(crate) fn send(origin: &Origin, target: Target, knock: Knock) -> Result<(), HitError> {
    let socket = origin.socket(target, knock.protocol)?;
    match knock.protocol {
        Protocol::Tcp => send_syn(&socket, target, knock),
        Protocol::Udp => send_datagram(&socket, target, knock),
    }
    .map_err(HitError::Send)
}

/// Why a knock was not sent.
#[derive(Debug, Error)]
pub(crate) enum HitError {
    /// There is no socket to send it from.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The system did not take it: no route, a rule of this host's firewall, no memory.
    #[error("{0}")]
    Send(io::Error),
}

/// Starts a connection and drops it at once.
///
/// A socket that is closed before the answer comes sends nothing more: no retransmission of the SYN can fall between
/// later knocks. If the port is closed or filtered, the SYN is all that is ever sent. If it is open, the system answers
/// the SYN-ACK with one RST, because there is no connection any more; a socket kept open would send an ACK in its
/// place and more at its end. Where the answer comes before we close, as on the loopback interface, the lack of
/// lingering turns the FIN and its retransmissions into one RST too. Doors with `TCPFlags = syn` do not look at it;
/// to a door without `TCPFlags` it is another hit on this port, which no client can prevent who has no raw sockets.
fn send_syn(socket: &Socket, target: Target, knock: Knock) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    match socket.connect(&target.at(knock.port).into()) {
        Err(reason) if !was_sent(&reason) => Err(reason),
        _ => Ok(()),
    }
}

/// Whether the SYN is on its way in spite of this error. A rule of this host's own firewall that drops it looks the
/// same: the system keeps that to itself for TCP, and would only send the SYN again.
fn was_sent(reason: &io::Error) -> bool {
    #[cfg(unix)]
    if rustix::io::Errno::from_io_error(reason) == Some(rustix::io::Errno::INPROGRESS) {
        return true;
    }
    // The first is what Windows says while a connection is being made, the others are an answer that came already.
    matches!(
        reason.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

/// The socket is never connected: an ICMP error that comes back has nowhere to go.
fn send_datagram(socket: &Socket, target: Target, knock: Knock) -> io::Result<()> {
    socket.send_to(&[], &target.at(knock.port).into()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        net::{TcpListener, UdpSocket},
        num::NonZeroU16,
    };

    use super::*;

    const TICK: Duration = Duration::from_secs(5);

    fn send_here(port: u16, protocol: Protocol) -> Result<(), HitError> {
        let target = Target::new("127.0.0.1".parse().unwrap());
        send(&Origin::default(), target, Knock { port: NonZeroU16::new(port).unwrap(), protocol })
    }

    #[test]
    fn a_udp_hit_is_an_empty_datagram() {
        let door = UdpSocket::bind("127.0.0.1:0").unwrap();
        door.set_read_timeout(Some(TICK)).unwrap();
        send_here(door.local_addr().unwrap().port(), Protocol::Udp).unwrap();
        assert_eq!(door.recv(&mut [0; 16]).unwrap(), 0);
    }

    #[test]
    fn a_tcp_hit_reaches_an_open_port() {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        send_here(door.local_addr().unwrap().port(), Protocol::Tcp).unwrap();
        let (mut connection, _) = door.accept().unwrap();
        // It was dropped at once: there is an end, without a wait for it.
        connection.set_nonblocking(true).unwrap();
        match connection.read(&mut [0; 1]) {
            Ok(length) => assert_eq!(length, 0),
            Err(reason) => assert_eq!(reason.kind(), io::ErrorKind::ConnectionReset),
        }
    }

    #[test]
    fn a_closed_port_is_no_error() {
        // A port that is bound but not listened on refuses connections and can't be taken by anybody else.
        let closed = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        closed.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        let port = closed.local_addr().unwrap().as_socket().unwrap().port();
        send_here(port, Protocol::Tcp).unwrap();
        // Nobody owns the port of a UDP socket that is gone: the second hit would find the first one's ICMP error.
        let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        send_here(gone, Protocol::Udp).unwrap();
        send_here(gone, Protocol::Udp).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_system_refuses_is_an_error() {
        // Broadcasts need a permission that the socket hasn't asked for (socket(7), SO_BROADCAST).
        let target = Target::new("255.255.255.255".parse().unwrap());
        let knock = "7:udp".parse().unwrap();
        assert!(matches!(send(&Origin::default(), target, knock), Err(HitError::Send(_))));
    }
}
