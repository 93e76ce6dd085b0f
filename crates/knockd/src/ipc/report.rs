//! What the watcher tells the monitor.

use std::num::NonZeroU32;

use knock_core::{
    door::{DoorNumber, TcpFlags},
    event::{Event, Kind, Reason, What},
    explanation::{Explanation, Packet},
    moment::Moment,
    sequence::Protocol,
};

use super::{
    SocketNumber,
    frame::{Frame, Malformed, Reader, Writer},
};
use crate::sandbox::{Protections, SystemCall};

/// One thing that the watcher has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The first report: what of its rights the watcher has given up.
    Confined(Protections),
    /// The answer to [`super::Order::Confirm`].
    Ready(Load),
    /// Something happened at a door.
    Happened(Event),
    /// So many events of one kind came too fast to be told one by one.
    LeftOut(Kind, NonZeroU32),
    /// The kernel had no room for so many packets.
    Dropped(NonZeroU32),
    /// So many openings were too many, or found the monitor busy for too long. Nothing is opened for them.
    Lost(NonZeroU32),
    /// What became of a hit of a source that is explained, or of its attempt without one.
    Explained(Explanation),
    /// So many such events came too fast to be told one by one.
    Unexplained(NonZeroU32),
    /// A packet socket hears nothing any more, for this reason (`errno(3)`).
    Deaf(SocketNumber, i32),
    /// The last report, in place of a system call that is not allowed.
    Forbidden(SystemCall),
}

/// How much the watcher has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How many attempts are alive.
    pub attempts: u32,
    /// How many packets it has looked at since it was started.
    pub packets: u64,
}

impl Report {
    /// The kind of the message that a [`Report::Forbidden`] is, which is followed by the number of the call.
    pub const FORBIDDEN: u8 = 8;

    /// The report as a message.
    #[must_use]
    pub fn encode(&self) -> Frame {
        match self {
            Self::Confined(protections) => Writer::new(6).u16(protections.bits()),
            Self::Ready(load) => Writer::new(1).u32(load.attempts).u64(load.packets),
            Self::Happened(event) => encode_event(Writer::new(2), event),
            Self::Explained(Explanation { event, packet }) => {
                encode_packet(encode_event(Writer::new(9), event), packet.as_ref())
            }
            Self::Unexplained(count) => Writer::new(10).u32(count.get()),
            Self::LeftOut(kind, count) => Writer::new(3).u8(number(*kind)).u32(count.get()),
            Self::Dropped(count) => Writer::new(5).u32(count.get()),
            Self::Lost(count) => Writer::new(7).u32(count.get()),
            Self::Deaf(socket, errno) => Writer::new(4).u32(socket.0).u32(errno.cast_unsigned()),
            Self::Forbidden(call) => Writer::new(Self::FORBIDDEN).u32(call.0),
        }
        .finish()
    }

    /// Whether it says that this door was opened.
    #[must_use]
    pub fn opens(&self, door: DoorNumber) -> bool {
        matches!(self, Self::Happened(Event { door: opened, what: What::Opened(_), .. }) if *opened == door)
    }

    /// The report that a message holds.
    pub fn decode(frame: &Frame) -> Result<Self, Malformed> {
        let mut fields = Reader::new(frame);
        let report = match fields.u8()? {
            1 => Self::Ready(Load { attempts: fields.u32()?, packets: fields.u64()? }),
            2 => Self::Happened(decode_event(&mut fields)?),
            3 => {
                let kind =
                    Kind::ALL.get(usize::from(fields.u8()?)).ok_or(Malformed("unknown kind of event"))?;
                Self::LeftOut(*kind, fields.count()?)
            }
            4 => Self::Deaf(SocketNumber(fields.u32()?), fields.u32()?.cast_signed()),
            5 => Self::Dropped(fields.count()?),
            6 => {
                Self::Confined(Protections::from_bits(fields.u16()?).ok_or(Malformed("unknown protection"))?)
            }
            7 => Self::Lost(fields.count()?),
            Self::FORBIDDEN => Self::Forbidden(SystemCall(fields.u32()?)),
            9 => Self::Explained(Explanation {
                event: decode_event(&mut fields)?,
                packet: decode_packet(&mut fields)?,
            }),
            10 => Self::Unexplained(fields.count()?),
            _ => return Err(Malformed("unknown report")),
        };
        fields.finish()?;
        Ok(report)
    }
}

/// The place of a kind among [`Kind::ALL`].
fn number(kind: Kind) -> u8 {
    let place = Kind::ALL.iter().position(|other| *other == kind);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

fn encode_event(message: Writer, event: &Event) -> Writer {
    let message = message.u64(event.at.as_nanos()).u32(event.door.0).address(event.source);
    encode_what(message, event.what)
}

fn decode_event(fields: &mut Reader<'_>) -> Result<Event, Malformed> {
    Ok(Event {
        at: Moment::from_nanos(fields.u64()?),
        door: DoorNumber(fields.u32()?),
        source: fields.address()?,
        what: decode_what(fields)?,
    })
}

fn encode_packet(message: Writer, packet: Option<&Packet>) -> Writer {
    let Some(packet) = packet else { return message.bool(false) };
    let message = message.bool(true).u64(packet.number).address(packet.destination).u16(packet.port);
    let message = message.bool(packet.protocol == Protocol::Udp).bool(packet.flags.is_some());
    match packet.flags {
        Some(flags) => message.u8(flags.0),
        None => message,
    }
}

fn decode_packet(fields: &mut Reader<'_>) -> Result<Option<Packet>, Malformed> {
    if !fields.bool()? {
        return Ok(None);
    }
    Ok(Some(Packet {
        number: fields.u64()?,
        destination: fields.address()?,
        port: fields.u16()?,
        protocol: protocol(fields)?,
        flags: if fields.bool()? { Some(TcpFlags(fields.u8()?)) } else { None },
    }))
}

fn encode_what(message: Writer, what: What) -> Writer {
    match what {
        What::Stage(stage) => message.u8(1).u8(stage),
        What::Opened(stage) => message.u8(2).u8(stage),
        What::Discarded { stage, port, protocol } => {
            message.u8(3).u8(stage).u16(port).bool(protocol == Protocol::Udp)
        }
        What::TimedOut(stage) => message.u8(4).u8(stage),
        What::GaveWay(stage) => message.u8(5).u8(stage),
        What::Ignored { port, protocol, reason } => {
            encode_reason(message.u8(6).u16(port).bool(protocol == Protocol::Udp), reason)
        }
    }
}

fn decode_what(fields: &mut Reader<'_>) -> Result<What, Malformed> {
    Ok(match fields.u8()? {
        1 => What::Stage(fields.u8()?),
        2 => What::Opened(fields.u8()?),
        3 => What::Discarded { stage: fields.u8()?, port: fields.u16()?, protocol: protocol(fields)? },
        4 => What::TimedOut(fields.u8()?),
        5 => What::GaveWay(fields.u8()?),
        6 => {
            let (port, protocol) = (fields.u16()?, protocol(fields)?);
            What::Ignored { port, protocol, reason: decode_reason(fields)? }
        }
        _ => return Err(Malformed("unknown event")),
    })
}

fn encode_reason(message: Writer, reason: Reason) -> Writer {
    match reason {
        Reason::NotAddressed => message.u8(1),
        Reason::NoPeer => message.u8(2),
        Reason::Flags(flags) => message.u8(3).u8(flags.0),
        Reason::Protocol(protocol) => message.u8(4).bool(protocol == Protocol::Udp),
        Reason::Copy => message.u8(5),
        Reason::NotFirst => message.u8(6),
        Reason::Overlooked => message.u8(7),
    }
}

fn decode_reason(fields: &mut Reader<'_>) -> Result<Reason, Malformed> {
    Ok(match fields.u8()? {
        1 => Reason::NotAddressed,
        2 => Reason::NoPeer,
        3 => Reason::Flags(TcpFlags(fields.u8()?)),
        4 => Reason::Protocol(protocol(fields)?),
        5 => Reason::Copy,
        6 => Reason::NotFirst,
        7 => Reason::Overlooked,
        _ => return Err(Malformed("unknown reason")),
    })
}

fn protocol(fields: &mut Reader<'_>) -> Result<Protocol, Malformed> {
    Ok(if fields.bool()? { Protocol::Udp } else { Protocol::Tcp })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_comes_back_as_it_was() {
        let event = |what| {
            let source = "192.0.2.7".parse().unwrap();
            Report::Happened(Event { at: Moment::MAX, door: DoorNumber(3), source, what })
        };
        let reasons = [
            Reason::NotAddressed,
            Reason::NoPeer,
            Reason::Flags(TcpFlags(0xff)),
            Reason::Protocol(Protocol::Udp),
            Reason::Copy,
            Reason::NotFirst,
            Reason::Overlooked,
        ];
        let whats = [
            What::Stage(1),
            What::Opened(32),
            What::Discarded { stage: 2, port: 65535, protocol: Protocol::Udp },
            What::TimedOut(3),
            What::GaveWay(4),
        ];
        let events = whats
            .into_iter()
            .chain(reasons.map(|reason| What::Ignored { port: 9, protocol: Protocol::Udp, reason }))
            .map(event);
        let packet = |flags| Packet {
            number: u64::MAX,
            destination: "2001:db8::1".parse().unwrap(),
            port: 65535,
            protocol: Protocol::Udp,
            flags,
        };
        let explained = [None, Some(packet(None)), Some(packet(Some(TcpFlags(0xff))))].map(|packet| {
            let Report::Happened(event) = event(What::Opened(3)) else { panic!("an event") };
            Report::Explained(Explanation { event, packet })
        });
        let others = Kind::ALL.map(|kind| Report::LeftOut(kind, NonZeroU32::MAX));
        let reports = events.chain(others).chain(explained).chain([
            Report::Unexplained(NonZeroU32::MAX),
            Report::Confined(Protections::default()),
            Report::Confined(Protections::from_bits(0x81).unwrap()),
            Report::Ready(Load { attempts: u32::MAX, packets: u64::MAX }),
            Report::Dropped(NonZeroU32::MIN),
            Report::Lost(NonZeroU32::MIN),
            Report::Deaf(SocketNumber(5), -100),
            Report::Forbidden(SystemCall(u32::MAX)),
        ]);
        for report in reports {
            assert_eq!(Report::decode(&report.encode()), Ok(report));
        }
    }

    #[test]
    fn the_strange_is_refused() {
        let strange = |bytes: &[u8]| {
            let mut frame = [0; super::super::frame::LENGTH];
            frame[..bytes.len()].copy_from_slice(bytes);
            Report::decode(&frame).unwrap_err()
        };
        assert_eq!(strange(&[0]), Malformed("unknown report"));
        assert_eq!(strange(&[6, 0, 0x80]), Malformed("unknown protection"));
        assert_eq!(
            strange(&[[1].as_slice(), &[0; 12], &[1]].concat()),
            Malformed("bytes behind the last field")
        );
        assert_eq!(strange(&[3, 5]), Malformed("unknown kind of event"));
        for kind in [&[3, 4][..], &[5], &[7], &[10]] {
            assert_eq!(strange(kind), Malformed("a count of nothing"));
        }
        assert_eq!(strange(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]), Malformed("unknown address family"));
    }
}
