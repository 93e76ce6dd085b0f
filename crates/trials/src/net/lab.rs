//! Two hosts and the cables between them.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{Namespace, PATIENCE, Wire, await_some};
use crate::{
    frame::hardware_address,
    packet::Packet,
    trouble::{Outcome, Trouble, While},
};

/// A server and a client with a cable between their interfaces `eth0`, and a directory for files.
///
/// [`names`](crate::names) tells the addresses. Neighbours are known from the beginning, so that nothing but what a
/// test sends (and IPv6's own ICMP) is on the cable.
#[derive(Debug)]
pub struct Lab {
    server: Namespace,
    client: Namespace,
    directory: TempDir,
}

impl Lab {
    /// A new laboratory.
    pub fn new() -> Outcome<Self> {
        let directory = TempDir::new()?;
        let lab = Self { server: Namespace::new()?, client: Namespace::new()?, directory };
        lab.server.ip("link set lo up\n")?;
        lab.plug("eth0").map(|()| lab)
    }

    /// The host that the daemon runs on.
    #[must_use]
    pub fn server(&self) -> &Namespace {
        &self.server
    }

    /// The host that knocks.
    #[must_use]
    pub fn client(&self) -> &Namespace {
        &self.client
    }

    /// A directory that goes with the laboratory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// `text` with the directory's path for every `{DIR}`.
    #[must_use]
    pub fn filled_in(&self, text: &str) -> String {
        text.replace("{DIR}", &self.directory().display().to_string())
    }

    /// Writes a file in the directory; `{DIR}` in the text stands for its path.
    pub fn write(&self, name: &str, text: &str) -> Outcome {
        fs::write(self.directory().join(name), self.filled_in(text)).while_(name)
    }

    /// What a file in the directory holds; nothing if it isn't there.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        let bytes = fs::read(self.directory().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until a file in the directory holds this.
    pub fn await_file(&self, name: &str, text: &str) -> Outcome {
        let wanted = self.filled_in(text);
        let found = await_some(PATIENCE, || (self.file(name) == wanted).then_some(()));
        found.ok_or_else(|| Trouble::new(format!("{name} holds {:?} instead of {wanted:?}", self.file(name))))
    }

    /// Lays a cable with interfaces called `interface` at both ends: `eth0` in the networks 10.0.0.0/24 and `fd00::/64`,
    /// `ethN` in 10.0.N.0/24 and `fd00:0:0:N::/64`.
    pub fn plug(&self, interface: &str) -> Outcome {
        let [_, _, _, _, number, _] = hardware_address(interface, true);
        let link = format!(
            "link add {interface} address {} type veth peer name {interface} address {} netns {}\n",
            colons(hardware_address(interface, true)),
            colons(hardware_address(interface, false)),
            self.client.path(),
        );
        self.server.ip(&(link + &end(interface, number, 1, &[2, 3, 250])))?;
        self.client.ip(&end(interface, number, 2, &[1]))?;
        [&self.server, &self.client].into_iter().try_for_each(|host| await_own_routes(host, interface))
    }

    /// Takes a cable away.
    pub fn unplug(&self, interface: &str) -> Outcome {
        self.server.ip(&format!("link delete {interface}\n"))
    }

    /// Sends a packet, written as in a case, from the client's end of its cable (from the server's if it says `out`).
    pub fn send(&self, packet: &str) -> Outcome {
        for frame in packet.parse::<Packet>()?.frames(&mut 0).while_(packet)? {
            let host = if frame.outgoing { &self.server } else { &self.client };
            Wire::open(host, &frame.interface)?.send(&frame.bytes())?;
        }
        Ok(())
    }
}

/// What ip(8) does at one end of a cable: an address as host number `own`, and neighbours.
fn end(interface: &str, network: u8, own: u8, neighbours: &[u8]) -> String {
    let server = own == 1;
    let v6 =
        |host| if network == 0 { format!("fd00::{host}") } else { format!("fd00:0:0:{network}::{host}") };
    let mut lines = format!(
        "address add 10.0.{network}.{own}/24 broadcast + dev {interface}\n\
         address add {}/64 dev {interface} nodad\n\
         link set {interface} addrgenmode none\n\
         address add fe80::{own}/64 dev {interface} nodad\n\
         link set {interface} up\n",
        v6(own)
    );
    let hardware = colons(hardware_address(interface, !server));
    let addresses =
        neighbours.iter().flat_map(|neighbour| [format!("10.0.{network}.{neighbour}"), v6(*neighbour)]);
    lines.extend(addresses.map(|address| {
        format!("neighbour replace {address} lladdr {hardware} dev {interface} nud permanent\n")
    }));
    lines
}

/// Waits until `host` takes what comes for the two IPv6 addresses that [`end`] gave it: the kernel adds their routes
/// some time after the addresses, and until then it silently drops the packets.
fn await_own_routes(host: &Namespace, interface: &str) -> Outcome {
    host.inside(|| {
        let are_there = || {
            let routes = fs::read_to_string("/proc/thread-self/net/ipv6_route").unwrap_or_default();
            (routes.lines().filter(|route| leads_to_own_address(route, interface)).count() == 2).then_some(())
        };
        await_some(PATIENCE, are_there)
            .ok_or_else(|| Trouble::new(format!("{interface} has no routes to its own addresses")))
    })
}

/// A line of `/proc/net/ipv6_route`: destination and its prefix length first, flags (`RTF_LOCAL` is the highest,
/// `linux/ipv6_route.h`) and interface last, numbers in hexadecimal.
fn leads_to_own_address(route: &str, interface: &str) -> bool {
    match route.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        [_, "80", .., flags, of] => flags.starts_with('8') && of == interface,
        _ => false,
    }
}

fn colons(address: [u8; 6]) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}
