//! A hit: one packet that reached us, reduced to what a knock can be made of.

use std::{net::IpAddr, num::NonZeroU16};

use crate::{
    door::TcpFlags,
    host::InterfaceIndex,
    sequence::{Knock, Protocol},
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
