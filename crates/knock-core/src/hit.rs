//! A hit: one packet that reached us, reduced to what a knock can be made of.

use std::{net::IpAddr, num::NonZeroU16};

use crate::{
    door::TcpFlags,
    interface::InterfaceIndex,
    sequence::{Knock, Protocol},
    wire::{Link, NoHit, tcp, udp},
};

/// One TCP or UDP packet that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The interface it came in on.
    pub interface: InterfaceIndex,
    /// Who sent it, as far as the packet tells.
    pub source: IpAddr,
    /// Whom it was sent to.
    pub destination: IpAddr,
    /// The destination port; 0 is no knock but can be a wrong port.
    pub port: u16,
    /// What else its protocol says.
    pub transport: Transport,
}

/// What tells a hit from its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A TCP segment.
    Tcp(Segment),
    /// A UDP datagram.
    Udp,
}

/// The parts of a TCP header (RFC 9293, section 3.1) that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The port it was sent from.
    pub source_port: u16,
    /// Its sequence number.
    pub sequence: u32,
    /// Its control bits.
    pub flags: TcpFlags,
}

impl Hit {
    /// Reads a frame that came in on this interface, or says why it is no hit. The frame may be cut anywhere behind
    /// the headers.
    #[inline]
    pub fn read(link: Link, interface: InterfaceIndex, frame: &[u8]) -> Result<Self, NoHit> {
        let packet = link.packet(frame)?;
        let (port, transport) = match packet.protocol() {
            tcp::Packet::PROTOCOL => {
                let tcp = tcp::Packet::new(packet.payload())?;
                (tcp.destination_port(), Transport::Tcp(Segment::of(tcp)))
            }
            udp::Packet::PROTOCOL => (udp::Packet::new(packet.payload())?.destination_port(), Transport::Udp),
            other => return Err(NoHit::OtherProtocol(other)),
        };
        Ok(Self { interface, source: packet.source(), destination: packet.destination(), port, transport })
    }

    /// The knock that it would make; none if it went to port 0.
    #[must_use]
    pub fn knock(&self) -> Option<Knock> {
        Some(Knock { port: NonZeroU16::new(self.port)?, protocol: self.protocol() })
    }

    /// Which protocol carried it.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        match self.transport {
            Transport::Tcp(_) => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
        }
    }
}

impl Segment {
    fn of(packet: tcp::Packet<'_>) -> Self {
        Self {
            source_port: packet.source_port(),
            sequence: packet.sequence(),
            flags: TcpFlags(packet.flags()),
        }
    }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
