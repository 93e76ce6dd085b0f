//! Whether the door opened.

use std::{
    io,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use thiserror::Error;

use crate::{
    origin::{Origin, OriginError},
    plan::Check,
    target::Target,
    voice::{Doing, Spot, Voice},
};

/// How long the first connection is tried; each further one twice as long. A firewall that opens a moment after the
/// SYN was dropped is found soon, and so is a host at the end of a slow line.
const FIRST_PATIENCE: Duration = Duration::from_millis(250);

/// From the start of one round to the start of the next, where connections are refused at once.
const ROUND: Duration = Duration::from_millis(200);

/// A port that accepted no connection in time.
#[derive(Debug, Error)]
#[error("{spot} did not open within {timeout:?}: {reason}")]
pub(crate) struct Closed {
    /// Where it is.
    pub(crate) target: Target,
    spot: Spot,
    timeout: Duration,
    reason: NotOpen,
}

/// Waits until the port accepts a connection at every target, all of them within the same timeout. Adds the connections
/// to `open`, and returns the targets where there is none.
pub(crate) fn wait(
    origin: &Origin,
    check: &Check,
    targets: &[Target],
    open: &mut Vec<TcpStream>,
    voice: &mut Voice<'_>,
) -> Vec<Closed> {
    let mut closed: Vec<Closed> = targets.iter().map(|target| Closed::untried(check, *target)).collect();
    for waiting in &closed {
        voice.tell(&Doing::Waiting(check.spot(), waiting.target));
    }
    let start = Instant::now();
    let mut patience = FIRST_PATIENCE;
    loop {
        let round = Instant::now();
        closed.retain_mut(|door| {
            let left = check.timeout.saturating_sub(start.elapsed());
            match connect(origin, check, door.target, patience.min(left)) {
                Ok(connection) => {
                    voice.tell(&Doing::Open(check.spot(), door.target));
                    open.push(connection);
                    false
                }
                Err(reason) => {
                    door.reason = reason;
                    true
                }
            }
        });
        let left = check.timeout.saturating_sub(start.elapsed());
        if closed.is_empty() || left.is_zero() {
            return closed;
        }
        thread::sleep(ROUND.saturating_sub(round.elapsed()).min(left));
        patience = patience.saturating_mul(2);
    }
}

impl Closed {
    fn untried(check: &Check, target: Target) -> Self {
        let reason = NotOpen::Connect(io::ErrorKind::TimedOut.into());
        Self { target, spot: Spot(check.spot(), target), timeout: check.timeout, reason }
    }
}

/// Why a connection was not made.
#[derive(Debug, Error)]
enum NotOpen {
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error("{0}")]
    Connect(#[from] io::Error),
}

fn connect(origin: &Origin, check: &Check, target: Target, patience: Duration) -> Result<TcpStream, NotOpen> {
    let knock = check.spot();
    let socket = origin.socket(target, knock.protocol)?;
    // The shortest that poll(2) can wait.
    let patience = patience.max(Duration::from_millis(1));
    socket.connect_timeout(&target.at(knock.port).into(), patience)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::{
        net::{SocketAddr, TcpListener},
        num::NonZeroU16,
    };

    use knock_core::sequence::Protocol;
    use socket2::{Domain, Socket, Type};

    use super::*;

    fn localhost() -> Target {
        Target::new("127.0.0.1".parse().unwrap())
    }

    /// A port that refuses connections until it is listened on.
    fn closed_port() -> (Socket, NonZeroU16) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        let port = socket.local_addr().unwrap().as_socket().unwrap().port();
        (socket, NonZeroU16::new(port).unwrap())
    }

    fn closed_at(port: NonZeroU16, timeout: Duration, targets: &[Target]) -> Vec<String> {
        let check = Check { port, timeout, retries: 0 };
        assert_eq!(check.spot().protocol, Protocol::Tcp);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut open = Vec::new();
        let voice = &mut Voice::new(&mut out, &mut err, false);
        let closed = wait(&Origin::default(), &check, targets, &mut open, voice);
        assert_eq!(open.len() + closed.len(), targets.len());
        assert!(open.iter().all(|connection| connection.peer_addr().unwrap().port() == port.get()));
        closed.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_open_port_is_found_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = NonZeroU16::new(listener.local_addr().unwrap().port()).unwrap();
        let start = Instant::now();
        assert!(closed_at(port, Duration::from_secs(30), &[localhost()]).is_empty());
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_port_that_opens_later_is_found() {
        let (socket, port) = closed_port();
        let opener = thread::spawn(move || {
            thread::sleep(Duration::from_millis(500));
            socket.listen(1).unwrap();
            socket
        });
        assert!(closed_at(port, Duration::from_secs(30), &[localhost()]).is_empty());
        opener.join().unwrap();
    }

    #[test]
    fn a_port_that_stays_closed_is_given_up_in_time() {
        let (_socket, port) = closed_port();
        let timeout = Duration::from_millis(600);
        let start = Instant::now();
        let complaints = closed_at(port, timeout, &[localhost()]);
        let took = start.elapsed();
        assert!((timeout..timeout * 3).contains(&took), "{took:?}");
        let [complaint] = complaints.as_slice() else { panic!("{complaints:?}") };
        let expected = format!("tcp 127.0.0.1:{port} did not open within 600ms: ");
        assert!(complaint.starts_with(&expected), "{complaint}");
    }

    #[test]
    fn every_target_must_open() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = NonZeroU16::new(listener.local_addr().unwrap().port()).unwrap();
        let other = Target::new("127.0.0.2".parse().unwrap());
        let complaints = closed_at(port, Duration::from_millis(300), &[other, localhost()]);
        let [complaint] = complaints.as_slice() else { panic!("{complaints:?}") };
        assert!(complaint.starts_with("tcp 127.0.0.2:"), "{complaint}");
    }
}
