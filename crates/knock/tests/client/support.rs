//! Runs the client and watches the ports that it knocks at.

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};
use tempfile::NamedTempFile;

/// Longer than anything here takes, so that a test ends when something never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn client(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_knock"));
    command.args(arguments);
    command
}

/// A file that only its owner can read, gone when the test is over.
pub(crate) fn secret(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Runs the client with the profile `door` in a configuration of its own and what is to follow its name.
pub(crate) fn at_profile(profile: &str, options: &[&str], rest: &[&str]) -> Told {
    let config = secret(&format!("[door]\n{profile}\n"));
    let mut client = client(options);
    client.arg("--config").arg(config.path());
    client.args(rest).output().unwrap().into()
}

/// How a run ended and what it said.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(arguments: &[&str]) -> Told {
    client(arguments).output().unwrap().into()
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Ports that are open, in the order in which they are to be knocked at.
pub(crate) struct Doors(Vec<Door>);

enum Door {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Doors {
    /// One port for each of the protocols, `t` for TCP and `u` for UDP. Nothing where this host lacks the address.
    pub(crate) fn open(ip: &str, protocols: &str) -> Option<Self> {
        let ip: IpAddr = ip.parse().unwrap();
        let doors: io::Result<_> = protocols.chars().map(|protocol| Door::open(ip, protocol)).collect();
        doors.ok().map(Self)
    }

    /// The ports as arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        self.0.iter().map(Door::argument).collect()
    }

    /// Runs the client with these arguments and the ports after them.
    pub(crate) fn knock(&self, arguments: &[&str]) -> Told {
        let ports = self.arguments();
        let all: Vec<&str> = arguments.iter().copied().chain(ports.iter().map(String::as_str)).collect();
        run(&all)
    }

    /// A profile for them.
    pub(crate) fn profile(&self, more: &str) -> String {
        format!("host = '127.0.0.1'\nsequence = '{}'\ndelay = 20\n{more}", self.arguments().join(", "))
    }

    /// Waits for `count` hits and a moment longer; which doors were hit, by place.
    pub(crate) fn hits(&self, count: usize) -> Vec<usize> {
        let mut hits = Vec::new();
        let start = Instant::now();
        let mut quiet = Instant::now();
        while (hits.len() < count && start.elapsed() < PATIENCE)
            || quiet.elapsed() < Duration::from_millis(200)
        {
            for (place, door) in self.0.iter().enumerate() {
                while door.was_hit() {
                    hits.push(place);
                    quiet = Instant::now();
                }
            }
            thread::sleep(Duration::from_millis(1));
        }
        hits
    }
}

impl Door {
    fn open(ip: IpAddr, protocol: char) -> io::Result<Self> {
        if protocol == 'u' {
            let socket = UdpSocket::bind((ip, 0))?;
            socket.set_nonblocking(true)?;
            return Ok(Self::Udp(socket));
        }
        let listener = TcpListener::bind((ip, 0))?;
        listener.set_nonblocking(true)?;
        Ok(Self::Tcp(listener))
    }

    fn argument(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().unwrap().port().to_string(),
            Self::Udp(socket) => format!("{}:udp", socket.local_addr().unwrap().port()),
        }
    }

    fn was_hit(&self) -> bool {
        match self {
            Self::Udp(socket) => socket.recv(&mut [0; 8]).is_ok_and(|length| length == 0),
            Self::Tcp(listener) => listener.accept().is_ok(),
        }
    }
}

/// A TCP port on 127.0.0.1 that nobody else can take and that refuses connections until it is opened.
pub(crate) struct Closed(Socket);

impl Closed {
    pub(crate) fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        Self(socket)
    }

    pub(crate) fn port(&self) -> String {
        self.0.local_addr().unwrap().as_socket().unwrap().port().to_string()
    }

    pub(crate) fn open(&self) {
        self.0.listen(8).unwrap();
    }

    pub(crate) fn into_socket(self) -> Socket {
        self.0
    }
}
