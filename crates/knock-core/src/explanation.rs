//! What became of one packet of a source that is explained, or of its attempt without one.

use std::net::IpAddr;

use crate::{
    door::TcpFlags,
    event::{Event, What},
    hit::{Hit, Transport},
    sequence::Protocol,
};

/// An event with the packet that it came of. One packet makes an event at every door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What happened.
    pub event: Event,
    /// What came in; none if time ended the attempt, or somebody else's.
    pub packet: Option<Packet>,
}

/// A packet, as far as people need it to recognize it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Tells it from the others: they are counted from 1.
    pub number: u64,
    /// Whom it was sent to.
    pub destination: IpAddr,
    /// The port that it was sent to.
    pub port: u16,
    /// Over which protocol.
    pub protocol: Protocol,
    /// The control bits of a TCP segment.
    pub flags: Option<TcpFlags>,
}

impl Explanation {
    /// An event that a hit has led to, which was packet number `number`.
    #[must_use]
    pub fn of_hit(event: Event, hit: &Hit, number: u64) -> Self {
        let is_its_own = event.source == hit.source && event.what.is_of_a_hit();
        Self { event, packet: is_its_own.then(|| Packet::of(hit, number)) }
    }

    /// An event that no hit has led to.
    #[must_use]
    pub fn of_time(event: Event) -> Self {
        Self { event, packet: None }
    }
}

impl Packet {
    /// The packet that a hit was.
    #[must_use]
    pub fn of(hit: &Hit, number: u64) -> Self {
        let flags = match hit.transport {
            Transport::Tcp(segment) => Some(segment.flags),
            Transport::Udp => None,
        };
        Self { number, destination: hit.destination, port: hit.port, protocol: hit.protocol(), flags }
    }
}

impl What {
    /// Whether a hit of the source itself has led to it.
    #[must_use]
    pub fn is_of_a_hit(self) -> bool {
        !matches!(self, Self::TimedOut(_) | Self::GaveWay(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{door::DoorNumber, interface::InterfaceIndex, moment::Moment};

    #[test]
    fn only_what_its_own_hit_has_done_has_a_packet() {
        let source = "192.0.2.7".parse().unwrap();
        let hit = Hit {
            interface: InterfaceIndex(2),
            source,
            destination: "192.0.2.1".parse().unwrap(),
            port: 7000,
            transport: Transport::Udp,
        };
        let event = |source, what| Event { at: Moment::default(), door: DoorNumber(0), source, what };
        let of_hit = |event| Explanation::of_hit(event, &hit, 5).packet.map(|packet| packet.number);
        assert_eq!(of_hit(event(source, What::Stage(1))), Some(5));
        assert_eq!(of_hit(event(source, What::TimedOut(1))), None);
        assert_eq!(of_hit(event("192.0.2.8".parse().unwrap(), What::GaveWay(1))), None);
        assert_eq!(Explanation::of_time(event(source, What::TimedOut(1))).packet, None);
    }
}
