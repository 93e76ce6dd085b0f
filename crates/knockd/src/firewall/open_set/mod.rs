//! Sets of the administrator's own ruleset, for `Open_Set` and `Open_Set_6`.

mod mistake;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use knock_core::{
    ports::Ports,
    sequence::Protocol,
    set_address::{SetAddress, TableFamily},
};
use rustix::io::Errno;

pub use self::mistake::SetMistake;
use super::{
    error::FirewallError,
    guarded_door::ranges,
    ip_version::IpVersion,
    nf_tables::{
        attributes::Writer,
        constants::{NFTA_TABLE, family, key_type, message, set, set_flag},
        message::Reply,
        socket::Socket,
    },
    opening::{Place, key},
    own_table::Set,
};

/// A set that sources of one version can be put into, each for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSet {
    address: SetAddress,
    version: IpVersion,
    /// What stands behind the address in each key that is put there for a source: nothing, or a port.
    tails: Vec<Vec<u8>>,
    shape: Shape,
}

/// What the keys of a set are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Address,
    AddressAndPort,
    AddressProtocolAndPort,
}

impl OpenSet {
    /// The most ports for which one source is put into a set, each in an element of its own.
    pub const MOST_PORTS: usize = 1024;

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &SetAddress {
        &self.address
    }

    /// The version of the addresses that it holds.
    #[must_use]
    pub fn version(&self) -> IpVersion {
        self.version
    }

    /// Whether its elements name ports, too: then it lets sources in to the ports of the door that it was looked up
    /// for.
    #[must_use]
    pub fn has_ports(&self) -> bool {
        self.shape != Shape::Address
    }

    /// Looks a set up.
    pub(super) fn look_up(
        socket: &mut Socket,
        address: &SetAddress,
        version: IpVersion,
        ports: Option<&Ports>,
    ) -> Result<Self, SetMistake> {
        let set = read(socket, address)?;
        let mistake = |mistake: fn(SetAddress) -> SetMistake| Err(mistake(address.clone()));
        if matches!(
            (address.family(), version),
            (TableFamily::Ip, IpVersion::V6) | (TableFamily::Ip6, IpVersion::V4)
        ) {
            return Err(SetMistake::Family { set: address.clone(), version });
        }
        if set.flags & set_flag::MAP != 0 {
            return mistake(SetMistake::Map);
        }
        if set.flags & set_flag::CONSTANT != 0 {
            return mistake(SetMistake::Constant);
        }
        if set.flags & set_flag::INTERVAL != 0 {
            return mistake(SetMistake::Interval);
        }
        let Some(shape) = Shape::of(set.key_type, version) else {
            let found = mistake::key_type(set.key_type);
            return Err(SetMistake::Key { set: address.clone(), found, version });
        };
        if set.flags & set_flag::TIMEOUT == 0 {
            return mistake(SetMistake::NoTimeout);
        }
        let tails = match (shape, ports) {
            (Shape::Address, _) => vec![Vec::new()],
            (_, None) => return mistake(SetMistake::NoPorts),
            (shape, Some(ports)) => {
                shape.tails(ports).ok_or_else(|| SetMistake::TooManyPorts(address.clone()))?
            }
        };
        Ok(Self { address: address.clone(), version, tails, shape })
    }

    /// The set's place in the kernel.
    pub(super) fn place(&self) -> Place<'_> {
        Place { family: number(self.address.family()), table: self.address.table(), set: self.address.name() }
    }

    /// The elements that let this source in; none if it is of another version.
    pub(super) fn keys(&self, source: IpAddr) -> Vec<Vec<u8>> {
        let tails: &[_] = if IpVersion::of(source) == self.version { &self.tails } else { &[] };
        tails.iter().map(|tail| [key(source), tail.clone()].concat()).collect()
    }
}

impl Shape {
    /// That of a type of keys, if addresses of this version come first in it.
    fn of(key: u32, version: IpVersion) -> Option<Self> {
        const PORT: u32 = key_type::INET_SERVICE;
        const PROTOCOL: u32 = key_type::INET_PROTO;
        let address = match version {
            IpVersion::V4 => key_type::IPV4_ADDR,
            IpVersion::V6 => key_type::IPV6_ADDR,
        };
        match mistake::parts(key)[..] {
            [first] if first == address => Some(Self::Address),
            [first, PORT] if first == address => Some(Self::AddressAndPort),
            [first, PROTOCOL, PORT] if first == address => Some(Self::AddressProtocolAndPort),
            _ => None,
        }
    }

    /// What comes behind the address for each of these ports; none if they are too many. Every part of a key takes four
    /// bytes or a multiple.
    fn tails(self, ports: &Ports) -> Option<Vec<Vec<u8>>> {
        let mut tails = Vec::new();
        for (protocol, ranges) in ranges([ports]) {
            for port in ranges.into_iter().flat_map(|(lowest, highest)| lowest..=highest) {
                let [high, low] = port.to_be_bytes();
                let tail = match self {
                    Self::Address => Vec::new(),
                    Self::AddressAndPort => vec![high, low, 0, 0],
                    Self::AddressProtocolAndPort => vec![number_of(protocol), 0, 0, 0, high, low, 0, 0],
                };
                // Without protocols in the set a port may come twice.
                if !tails.contains(&tail) {
                    tails.push(tail);
                }
                if tails.len() > OpenSet::MOST_PORTS {
                    return None;
                }
            }
        }
        Some(tails)
    }
}

fn read(socket: &mut Socket, address: &SetAddress) -> Result<Set, SetMistake> {
    let write = |attributes: &mut Writer| {
        attributes.text(NFTA_TABLE, address.table()).text(set::NAME, address.name());
    };
    let read = |reply: Reply<'_>| Set::read(reply.attributes);
    let doing = "looking up a set";
    match socket.ask(message::GETSET, number(address.family()), write, read) {
        Ok(Some(set)) => Ok(set),
        Ok(None) => Err(SetMistake::NoSet(address.clone())),
        Err(refusal) if refusal.is(Errno::NOENT) => Err(lacking(socket, address)),
        Err(refusal) => Err(FirewallError::new(doing, &refusal).into()),
    }
}

/// Whether the table is there, if the set is not.
fn lacking(socket: &mut Socket, address: &SetAddress) -> SetMistake {
    let write = |attributes: &mut Writer| {
        attributes.text(NFTA_TABLE, address.table());
    };
    match socket.ask(message::GETTABLE, number(address.family()), write, |_| ()) {
        Err(refusal) if refusal.is(Errno::NOENT) => SetMistake::NoTable(address.clone()),
        _ => SetMistake::NoSet(address.clone()),
    }
}

fn number(family: TableFamily) -> u8 {
    match family {
        TableFamily::Ip => family::IP,
        TableFamily::Ip6 => family::IP6,
        TableFamily::Inet => family::INET,
    }
}

/// The protocol's number in IP headers.
fn number_of(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
    }
}
