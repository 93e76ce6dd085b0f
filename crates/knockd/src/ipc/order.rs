//! What the monitor tells the watcher.

use std::{net::IpAddr, num::NonZeroU16, time::Duration};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, TcpFlags, WrongPort},
    interface::InterfaceIndex,
    sequence::{Knock, Protocol, Sequence},
};

use super::frame::{Frame, Malformed, Reader, Writer};
use crate::{sandbox::Identity, sys::packet::RingSize};

/// The monitor's name for a packet socket that it has handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketNumber(pub u32);

/// What an address is to the interface that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// One of its own.
    Own,
    /// One of its own, on the loopback interface.
    Loopback,
    /// The broadcast address of one of its networks.
    Broadcast,
}

/// One thing for the watcher to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first order: how many attempts to hold, the key of the hash, whether to report why hits did nothing, and whom
    /// to run as. The first report, [`super::Report::Confined`], is its answer.
    Begin {
        /// See [`knock_core::engine::Engine::new`].
        capacity: u32,
        /// See [`knock_core::engine::Engine::new`].
        seed: u64,
        /// See [`knock_core::engine::Engine::explain`].
        explain: bool,
        /// The user to become; none to stay who started us.
        identity: Option<Identity>,
    },
    /// Put up a door. Until the next [`Order::Confirm`] no packet is looked at.
    Add(Door),
    /// Take a door away. Until the next [`Order::Confirm`] no packet is looked at.
    Remove(DoorNumber),
    /// Note an address for the next [`Order::SetHost`].
    Address {
        /// Who has it.
        interface: InterfaceIndex,
        /// What it is there.
        kind: AddressKind,
        /// The address.
        address: IpAddr,
    },
    /// From now on the host has the addresses noted since the last such order, and no others.
    SetHost,
    /// Listen to the packet socket that comes with this order, which has a ring of this size or none.
    Listen(SocketNumber, Option<RingSize>),
    /// Take what is left in one packet socket and close it, and listen from the next [`Order::Confirm`] on to the one
    /// that comes with this order. The first hears nothing any more, the second hears everything since.
    Replace {
        /// The one that is left.
        old: SocketNumber,
        /// The one that comes along.
        new: SocketNumber,
        /// The size of its ring, if it has one.
        ring: Option<RingSize>,
    },
    /// From now on report with [`super::Report::Explained`], too, what becomes of each hit of this source.
    Explain(IpAddr),
    /// Do that no longer.
    ExplainNoMore(IpAddr),
    /// Close a packet socket.
    Leave(SocketNumber),
    /// Answer with [`super::Report::Ready`] when all orders before this one have been followed.
    Confirm,
}

impl Order {
    /// The order as a message.
    #[must_use]
    pub fn encode(&self) -> Frame {
        match self {
            Self::Begin { capacity, seed, explain, identity } => {
                let message = Writer::new(1).u32(*capacity).u64(*seed).bool(*explain);
                encode_identity(message, *identity)
            }
            Self::Add(door) => encode_door(Writer::new(2), door),
            Self::Remove(number) => Writer::new(3).u32(number.0),
            Self::Address { interface, kind, address } => {
                let kind = match kind {
                    AddressKind::Own => 0,
                    AddressKind::Loopback => 1,
                    AddressKind::Broadcast => 2,
                };
                Writer::new(4).u32(interface.0).u8(kind).address(*address)
            }
            Self::SetHost => Writer::new(5),
            Self::Listen(socket, ring) => encode_ring(Writer::new(6).u32(socket.0), *ring),
            Self::Leave(socket) => Writer::new(7).u32(socket.0),
            Self::Confirm => Writer::new(8),
            Self::Explain(source) => Writer::new(10).address(*source),
            Self::ExplainNoMore(source) => Writer::new(11).address(*source),
            Self::Replace { old, new, ring } => encode_ring(Writer::new(9).u32(old.0).u32(new.0), *ring),
        }
        .finish()
    }

    /// The order that a message holds.
    pub fn decode(frame: &Frame) -> Result<Self, Malformed> {
        let mut fields = Reader::new(frame);
        let order = match fields.u8()? {
            1 => Self::Begin {
                capacity: fields.u32()?,
                seed: fields.u64()?,
                explain: fields.bool()?,
                identity: decode_identity(&mut fields)?,
            },
            2 => Self::Add(decode_door(&mut fields)?),
            3 => Self::Remove(DoorNumber(fields.u32()?)),
            4 => {
                let interface = InterfaceIndex(fields.u32()?);
                let kind = match fields.u8()? {
                    0 => AddressKind::Own,
                    1 => AddressKind::Loopback,
                    2 => AddressKind::Broadcast,
                    _ => return Err(Malformed("unknown kind of address")),
                };
                Self::Address { interface, kind, address: fields.address()? }
            }
            5 => Self::SetHost,
            6 => Self::Listen(SocketNumber(fields.u32()?), decode_ring(&mut fields)?),
            7 => Self::Leave(SocketNumber(fields.u32()?)),
            8 => Self::Confirm,
            9 => Self::Replace {
                old: SocketNumber(fields.u32()?),
                new: SocketNumber(fields.u32()?),
                ring: decode_ring(&mut fields)?,
            },
            10 => Self::Explain(fields.address()?),
            11 => Self::ExplainNoMore(fields.address()?),
            _ => return Err(Malformed("unknown order")),
        };
        fields.finish()?;
        Ok(order)
    }
}

/// In blocks; 0 for none.
fn encode_ring(message: Writer, ring: Option<RingSize>) -> Writer {
    message.u8(ring.map_or(0, RingSize::blocks))
}

fn decode_ring(fields: &mut Reader<'_>) -> Result<Option<RingSize>, Malformed> {
    match fields.u8()? {
        0 => Ok(None),
        blocks => RingSize::new(blocks).map(Some).ok_or(Malformed("size of a ring")),
    }
}

fn encode_identity(message: Writer, identity: Option<Identity>) -> Writer {
    match identity {
        Some(identity) => message.bool(true).u32(identity.user()).u32(identity.group()),
        None => message.bool(false),
    }
}

fn decode_identity(fields: &mut Reader<'_>) -> Result<Option<Identity>, Malformed> {
    if !fields.bool()? {
        return Ok(None);
    }
    let identity = Identity::new(fields.u32()?, fields.u32()?);
    identity.map(Some).ok_or(Malformed("a user that has rights"))
}

fn encode_door(message: Writer, door: &Door) -> Writer {
    let timeout = u64::try_from(door.timeout.as_nanos()).unwrap_or(u64::MAX);
    let message = message
        .u32(door.number.0)
        .u64(timeout)
        .u8(door.flags.set.0)
        .u8(door.flags.clear.0)
        .bool(door.wrong_port == WrongPort::Ignore)
        .bool(door.one_time)
        .bool(door.target.is_some());
    let message = match door.target {
        Some(target) => message.address(target),
        None => message,
    };
    let message = match door.after {
        Some(before) => message.bool(true).u32(before.0),
        None => message.bool(false),
    };
    let knocks = door.sequence.knocks();
    let message = message.u8(u8::try_from(knocks.len()).unwrap_or(u8::MAX));
    knocks
        .iter()
        .fold(message, |message, knock| message.bool(knock.protocol == Protocol::Udp).u16(knock.port.get()))
}

fn decode_door(fields: &mut Reader<'_>) -> Result<Door, Malformed> {
    let number = DoorNumber(fields.u32()?);
    let timeout = Duration::from_nanos(fields.u64()?);
    let flags = FlagRule { set: TcpFlags(fields.u8()?), clear: TcpFlags(fields.u8()?) };
    let wrong_port = if fields.bool()? { WrongPort::Ignore } else { WrongPort::Discard };
    let one_time = fields.bool()?;
    let target = if fields.bool()? { Some(fields.address()?) } else { None };
    let after = if fields.bool()? { Some(DoorNumber(fields.u32()?)) } else { None };
    let count = fields.u8()?;
    let knocks = (0..count).map(|_| decode_knock(fields)).collect::<Result<Vec<_>, _>>()?;
    let sequence = Sequence::new(&knocks).map_err(|_| Malformed("number of knocks"))?;
    Ok(Door { number, sequence, timeout, flags, wrong_port, target, one_time, after })
}

fn decode_knock(fields: &mut Reader<'_>) -> Result<Knock, Malformed> {
    let protocol = if fields.bool()? { Protocol::Udp } else { Protocol::Tcp };
    let port = NonZeroU16::new(fields.u16()?).ok_or(Malformed("port 0"))?;
    Ok(Knock { port, protocol })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(knocks: usize, target: Option<IpAddr>) -> Door {
        let knock = Knock { port: NonZeroU16::MAX, protocol: Protocol::Udp };
        Door {
            number: DoorNumber(u32::MAX),
            sequence: Sequence::new(&vec![knock; knocks]).unwrap(),
            timeout: Duration::from_secs(25),
            flags: FlagRule { set: TcpFlags(2), clear: TcpFlags(16) },
            wrong_port: WrongPort::Ignore,
            target,
            one_time: true,
            after: target.map(|_| DoorNumber(u32::MAX)),
        }
    }

    #[test]
    fn every_order_comes_back_as_it_was() {
        let address = "2001:db8::1".parse().unwrap();
        let interface = InterfaceIndex(7);
        let orders = [
            Order::Begin { capacity: 5, seed: u64::MAX, explain: true, identity: Identity::new(1, 2) },
            Order::Begin { capacity: u32::MAX, seed: 0, explain: false, identity: None },
            Order::Add(door(Sequence::MAX_KNOCKS, Some(address))),
            Order::Add(door(1, None)),
            Order::Remove(DoorNumber(3)),
            Order::Address { interface, kind: AddressKind::Own, address },
            Order::Address { interface, kind: AddressKind::Loopback, address },
            Order::Address {
                interface,
                kind: AddressKind::Broadcast,
                address: "10.0.0.255".parse().unwrap(),
            },
            Order::SetHost,
            Order::Listen(SocketNumber(1), None),
            Order::Listen(SocketNumber(1), RingSize::new(32)),
            Order::Replace { old: SocketNumber(u32::MAX), new: SocketNumber(0), ring: RingSize::new(1) },
            Order::Replace { old: SocketNumber(1), new: SocketNumber(2), ring: None },
            Order::Explain(address),
            Order::ExplainNoMore("10.0.0.2".parse().unwrap()),
            Order::Leave(SocketNumber(2)),
            Order::Confirm,
        ];
        for order in orders {
            assert_eq!(Order::decode(&order.encode()), Ok(order));
        }
    }

    #[test]
    fn the_strange_is_refused() {
        let with = |order: &Order, place: usize, byte: u8| {
            let mut frame = order.encode();
            frame[place] = byte;
            Order::decode(&frame)
        };
        let add = Order::Add(door(1, None));
        let begin = Order::Begin { capacity: 1, seed: 1, explain: true, identity: Identity::new(1, 2) };
        let listen = Order::Listen(SocketNumber(1), None);
        assert_eq!(with(&listen, 5, 49), Err(Malformed("size of a ring")));
        assert_eq!(with(&begin, 14, 2), Err(Malformed("neither yes nor no")));
        assert_eq!(with(&begin, 15, 0), Err(Malformed("a user that has rights")));
        assert_eq!(with(&begin, 19, 0), Err(Malformed("a user that has rights")));
        assert_eq!(with(&Order::SetHost, 0, 99), Err(Malformed("unknown order")));
        assert_eq!(with(&Order::SetHost, 100, 1), Err(Malformed("bytes behind the last field")));
        assert_eq!(with(&add, 15, 2), Err(Malformed("neither yes nor no")));
        assert_eq!(with(&add, 19, 0), Err(Malformed("number of knocks")));
        assert_eq!(with(&add, 19, 255), Err(Malformed("port 0")));
    }
}
