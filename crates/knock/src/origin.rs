//! Where on this host packets are sent from.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    num::NonZeroU16,
    str::FromStr,
};

use knock_core::sequence::Protocol;
use socket2::{Domain, Socket, Type};
use thiserror::Error;

use crate::target::Target;

/// The address and the interface to send from; the system chooses what is not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// One of this host's addresses.
    pub(crate) source: Option<IpAddr>,
    /// One of its interfaces.
    pub(crate) interface: Option<InterfaceName>,
}

impl Origin {
    /// A socket that sends from here to the target, and is not connected yet.
    pub(crate) fn socket(&self, target: Target, protocol: Protocol) -> Result<Socket, OriginError> {
        let kind = match protocol {
            Protocol::Tcp => Type::STREAM,
            Protocol::Udp => Type::DGRAM,
        };
        let domain = Domain::for_address(target.at(NonZeroU16::MIN));
        let socket = Socket::new(domain, kind, None).map_err(OriginError::Socket)?;
        if let Some(interface) = &self.interface {
            interface.bind(&socket).map_err(|reason| OriginError::Interface(interface.clone(), reason))?;
        }
        if let Some(source) = self.source {
            let ours: SocketAddr = target.local_end(source);
            socket.bind(&ours.into()).map_err(|reason| OriginError::Source(source, reason))?;
        }
        Ok(socket)
    }

    /// Whether there is a way from here to the target, as far as this host knows. Sends nothing.
    pub(crate) fn check_way(&self, target: Target) -> Result<(), OriginError> {
        // To connect a UDP socket is to look up the route and nothing else (connect(2)).
        self.socket(target, Protocol::Udp)?
            .connect(&target.at(NonZeroU16::MIN).into())
            .map_err(|reason| OriginError::NoWay(target, reason))
    }
}

/// Why nothing can be sent from here.
#[derive(Debug, Error)]
pub(crate) enum OriginError {
    /// The system has no such sockets, or no more of them.
    #[error("cannot open a socket: {0}")]
    Socket(io::Error),
    /// The interface does not exist or must not be used.
    #[error("cannot send through interface {0}: {1}")]
    Interface(InterfaceName, io::Error),
    /// The address is not one of this host's.
    #[error("cannot send from {0}: {1}")]
    Source(IpAddr, io::Error),
    /// No route leads to the target.
    #[error("cannot reach {0}: {1}")]
    NoWay(Target, io::Error),
}

/// The name of a network interface: 1 to 15 bytes, neither blank nor `/` among them (`dev_valid_name` in Linux'
/// net/core/dev.c). On systems where sockets can't be bound to an interface by name there is no such value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterfaceName(String);

impl InterfaceName {
    /// The room for a name in `struct ifreq` (netdevice(7)) without the zero byte at its end.
    const MAX_LEN: usize = 15;

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn bind(&self, socket: &Socket) -> io::Result<()> {
        socket.bind_device(Some(self.0.as_bytes()))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn bind(&self, _: &Socket) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with the name of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum InterfaceMistake {
    /// No interface can have this name.
    #[error("an interface name has 1 to {} bytes, no blank and no slash", InterfaceName::MAX_LEN)]
    Name,
    /// This is not Linux.
    #[error("only Linux can send through an interface by its name; use --source instead")]
    Unsupported,
}

impl FromStr for InterfaceName {
    type Err = InterfaceMistake;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !cfg!(any(target_os = "linux", target_os = "android")) {
            return Err(InterfaceMistake::Unsupported);
        }
        let allowed = |letter: char| letter != '/' && !letter.is_whitespace() && !letter.is_control();
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.chars().all(allowed) {
            return Err(InterfaceMistake::Name);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn localhost() -> Target {
        Target::new("127.0.0.1".parse().unwrap())
    }

    #[test]
    fn a_source_of_somebody_else_is_refused() {
        let origin = Origin { source: Some("192.0.2.1".parse().unwrap()), interface: None };
        let complaint = origin.check_way(localhost()).unwrap_err().to_string();
        assert!(complaint.starts_with("cannot send from 192.0.2.1: "), "{complaint}");
    }

    #[test]
    fn sockets_have_the_source_asked_for() {
        let source: IpAddr = "127.0.0.9".parse().unwrap();
        let origin = Origin { source: Some(source), interface: None };
        let socket = origin.socket(localhost(), Protocol::Tcp).unwrap();
        assert_eq!(socket.local_addr().unwrap().as_socket().unwrap().ip(), source);
        origin.check_way(localhost()).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_interface_must_exist() {
        let through = |name: &str| Origin { source: None, interface: Some(name.parse().unwrap()) };
        through("lo").check_way(localhost()).unwrap();
        let complaint = through("nosuch0").check_way(localhost()).unwrap_err().to_string();
        assert!(complaint.starts_with("cannot send through interface nosuch0: "), "{complaint}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn some_names_no_interface_can_have() {
        for name in ["", "a/b", "a b", "sixteen-letters-"] {
            assert_eq!(name.parse::<InterfaceName>(), Err(InterfaceMistake::Name), "{name:?}");
        }
        assert_eq!("fifteen-letters".parse::<InterfaceName>().unwrap().to_string(), "fifteen-letters");
    }
}
