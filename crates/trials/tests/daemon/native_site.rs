//! Who gets where on a server whose doors open by themselves.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use trials::{
    net::{Daemon, Lab, PATIENCE, Setup, await_some},
    trouble::{Outcome, Trouble, ensure},
};

/// Addresses of the client: the one that knocks, another, and both over IPv6.
pub(crate) const KNOCKER: &str = "10.0.0.2";
pub(crate) const OTHER: &str = "10.0.0.3";
pub(crate) const KNOCKER6: &str = "fd00::2";
pub(crate) const OTHER6: &str = "fd00::3";

/// The sequence of doors that there is only one of.
pub(crate) const SEQUENCE: &str = "Sequence = 7300:udp,7100:udp,7200:udp";

/// Longer than a packet takes from the client to the server and an answer back.
const ANSWER: Duration = Duration::from_millis(250);

/// The same on a busy machine, and shorter than TCP takes to repeat itself: what passes, passes at once.
const LATE_ANSWER: Duration = Duration::from_millis(900);

/// A laboratory whose client has more than one address.
pub(crate) fn lab() -> Outcome<Lab> {
    let lab = Lab::new()?;
    lab.client().ip(&format!("address add {OTHER}/24 dev eth0\naddress add {OTHER6}/64 dev eth0 nodad\n"))?;
    Ok(lab)
}

/// A daemon with one door that has these lines.
pub(crate) fn daemon<'a>(lab: &'a Lab, lines: &str) -> Outcome<Daemon<'a>> {
    Setup::new(lab, &door(lines))?.start()
}

/// The configuration of one door with these lines.
pub(crate) fn door(lines: &str) -> String {
    format!("[door]\n {SEQUENCE}\n {lines}\n")
}

/// Makes the knocks of [`SEQUENCE`], and waits until the daemon says that the door is open.
pub(crate) fn enter(lab: &Lab, daemon: &Daemon<'_>, source: &str) -> Outcome {
    let line = format!("{source}: door: open for ");
    let before = daemon.log().count(&line);
    knock(lab, source)?;
    daemon.log().await_count(before + 1, &line)
}

/// Makes the knocks of [`SEQUENCE`].
pub(crate) fn knock(lab: &Lab, source: &str) -> Outcome {
    knock_at(lab, source, "7300,7100,7200")
}

/// Makes knocks over UDP at these ports.
pub(crate) fn knock_at(lab: &Lab, source: &str, ports: &str) -> Outcome {
    // A colon in an address would be taken for the one in front of the port.
    let (source, server) = match source {
        KNOCKER6 => ("CLIENT6", "SERVER6"),
        OTHER6 => ("OTHER6", "SERVER6"),
        source => (source, "SERVER"),
    };
    lab.send(&format!("udp {source} > {server}:{ports}"))
}

/// Whether the server hears within this time of somebody who wants to go to a port, such as `tcp/22`; nothing has to be
/// there.
fn passes(lab: &Lab, source: &str, port: &str, within: Duration) -> Outcome<bool> {
    let (protocol, port) = port.split_once('/').ok_or_else(|| Trouble::new(port))?;
    match protocol {
        "tcp" => match connect(lab, source, port, within) {
            Ok(_) | Err(ErrorKind::ConnectionRefused) => Ok(true),
            // What rejects in place of dropping says so by ICMP.
            Err(ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::PermissionDenied) => Ok(false),
            Err(error) => Err(Trouble::new(format!("connecting to {port}: {error}"))),
        },
        _ => udp_passes(lab, source, port, within),
    }
}

/// It does.
pub(crate) fn is_open(lab: &Lab, source: &str, port: &str) -> Outcome {
    ensure(passes(lab, source, port, LATE_ANSWER)?, format!("{port} is shut for {source}"))
}

/// It does not.
pub(crate) fn is_shut(lab: &Lab, source: &str, port: &str) -> Outcome {
    ensure(!passes(lab, source, port, ANSWER)?, format!("{port} is open for {source}"))
}

/// Waits until it does not any more.
pub(crate) fn await_shut(lab: &Lab, source: &str, port: &str) -> Outcome {
    let shut = await_some(PATIENCE, || match passes(lab, source, port, ANSWER) {
        Ok(true) => None,
        Ok(false) => Some(Ok(())),
        Err(trouble) => Some(Err(trouble)),
    });
    shut.unwrap_or_else(|| Err(Trouble::new(format!("{port} stays open for {source}"))))
}

/// Waits until it does.
pub(crate) fn await_open(lab: &Lab, source: &str, port: &str) -> Outcome {
    let open = await_some(PATIENCE, || match passes(lab, source, port, ANSWER) {
        Ok(true) => Some(Ok(())),
        Ok(false) => None,
        Err(trouble) => Some(Err(trouble)),
    });
    open.unwrap_or_else(|| Err(Trouble::new(format!("{port} stays shut for {source}"))))
}

/// A connection over TCP from the client to a service on the server.
pub(crate) struct Session {
    client: TcpStream,
    server: TcpStream,
}

impl Session {
    pub(crate) fn new(lab: &Lab, source: &str, port: u16) -> Outcome<Self> {
        let listener = bound(lab, || TcpListener::bind(("::", port)))?;
        let client = connect(lab, source, &port.to_string(), PATIENCE)
            .map_err(|error| Trouble::new(format!("connecting to {port}: {error}")))?;
        let (server, _) = listener.accept()?;
        Ok(Self { client, server })
    }

    /// Something gets from each end to the other.
    pub(crate) fn is_alive(&self) -> Outcome {
        for (mut from, mut to) in [(&self.client, &self.server), (&self.server, &self.client)] {
            to.set_read_timeout(Some(PATIENCE))?;
            from.write_all(b"?")?;
            to.read_exact(&mut [0])?;
        }
        Ok(())
    }
}

fn connect(lab: &Lab, source: &str, port: &str, within: Duration) -> Result<TcpStream, ErrorKind> {
    let (from, to) = addresses(source, port).map_err(|_| ErrorKind::InvalidInput)?;
    let socket = lab.client().inside(|| {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&from.into())?;
        Ok(socket)
    });
    let socket = socket.map_err(|_| ErrorKind::AddrNotAvailable)?;
    socket.connect_timeout(&to.into(), within).map_err(|error| error.kind())?;
    Ok(socket.into())
}

fn udp_passes(lab: &Lab, source: &str, port: &str, within: Duration) -> Outcome<bool> {
    let (from, to) = addresses(source, port)?;
    let service = bound(lab, || UdpSocket::bind(to))?;
    let client = lab.client().inside(|| Ok(UdpSocket::bind(from)?))?;
    service.set_read_timeout(Some(within))?;
    client.send_to(b"?", to)?;
    Ok(service.recv(&mut [0]).is_ok())
}

/// A socket on the server. For a moment the one of before may be held by a program that another test is starting.
fn bound<T: Send>(lab: &Lab, bind: impl Fn() -> io::Result<T> + Sync) -> Outcome<T> {
    lab.server().inside(|| {
        let mut last = None;
        let socket = await_some(PATIENCE, || bind().map_err(|error| last = Some(error)).ok());
        socket.ok_or_else(|| Trouble::new(format!("cannot bind: {last:?}")))
    })
}

/// Where it comes from and where it goes.
fn addresses(source: &str, port: &str) -> Outcome<(SocketAddr, SocketAddr)> {
    let server = if source.contains(':') { "fd00::1" } else { "10.0.0.1" };
    let parsed = |address: &str, port: &str| {
        let address = address.parse().map_err(|_| Trouble::new(address))?;
        let port = port.parse().map_err(|_| Trouble::new(port))?;
        Ok::<_, Trouble>(SocketAddr::new(address, port))
    };
    Ok((parsed(source, "0")?, parsed(server, port)?))
}
