//! IPv6 and its extension headers (RFC 8200).

use std::net::Ipv6Addr;

use super::{
    Header, NoHit,
    payload::{Payload, Sense},
};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

/// A packet that begins a transport header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    source: &'a [u8; 16],
    destination: &'a [u8; 16],
    content: Content<'a>,
}

/// What is behind the headers passed so far.
#[derive(Clone, Copy, Debug)]
struct Content<'a> {
    protocol: u8,
    bytes: &'a [u8],
    whole: bool,
}

impl<'a> Packet<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, NoHit> {
        let Fixed { head, source, destination, rest } =
            Fixed::of(bytes).ok_or(NoHit::Truncated(Header::Ipv6))?;
        if head[0] >> 4 != 6 {
            return Err(NoHit::Malformed(Header::Ipv6));
        }
        let length = payload_length(*head);
        let (bytes, whole) = match rest.get(..length) {
            // A jumbogram (RFC 2675). Linux takes it for one even where the option with the length is missing.
            _ if length == 0 && head[6] == HOP_BY_HOP => (rest, false),
            Some(bytes) => (bytes, true),
            None => (rest, false),
        };
        let content = Content { protocol: head[6], bytes, whole };
        Ok(Self { source, destination, content: content.behind_extensions(length)? })
    }

    #[inline]
    pub(crate) fn source(&self) -> Ipv6Addr {
        Ipv6Addr::from(*self.source)
    }

    #[inline]
    pub(crate) fn destination(&self) -> Ipv6Addr {
        Ipv6Addr::from(*self.destination)
    }

    #[inline]
    pub(crate) fn protocol(&self) -> u8 {
        self.content.protocol
    }

    #[inline]
    pub(crate) fn payload(&self) -> Payload<'a> {
        Payload { bytes: self.content.bytes, whole: self.content.whole, jumbo: true }
    }
}

impl Content<'_> {
    #[inline]
    fn behind_extensions(self, payload_length: usize) -> Result<Self, NoHit> {
        match self.protocol {
            HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION => self.walk(payload_length),
            _ => Ok(self),
        }
    }

    /// Walks the extension headers. Each takes 8 bytes at least, so that the bytes bound their number.
    fn walk(mut self, payload_length: usize) -> Result<Self, NoHit> {
        let mut at_start = true;
        let mut fragmented = false;
        loop {
            let header = match self.protocol {
                // A kernel knows it at the beginning only.
                HOP_BY_HOP if !at_start => return Err(NoHit::Malformed(Header::HopByHop)),
                HOP_BY_HOP => Header::HopByHop,
                ROUTING => Header::Routing,
                FRAGMENT => Header::Fragment,
                DESTINATION => Header::Destination,
                _ => return Ok(self),
            };
            let &[next, units, b2, b3, ..] = self.bytes.first_chunk::<8>().ok_or(NoHit::Truncated(header))?;
            let mut length = (usize::from(units) + 1) * 8;
            match header {
                // Segments are left: what isn't dropped for it goes on to another station.
                Header::Routing if b3 != 0 => return Err(NoHit::Passing),
                Header::Fragment => {
                    let more = is_first_of_more(u16::from_be_bytes([b2, b3]))?;
                    // Linux lets a packet be put together once, never a jumbogram, and only the last fragment may end
                    // within a unit of 8 bytes (RFC 8200, section 4.5).
                    if fragmented || payload_length == 0 || more && !payload_length.is_multiple_of(8) {
                        return Err(NoHit::Malformed(header));
                    }
                    fragmented = true;
                    self.whole &= !more;
                    length = 8;
                }
                _ => {}
            }
            self.protocol = next;
            self.bytes = self.bytes.get(length..).ok_or(NoHit::Truncated(header))?;
            at_start = false;
        }
    }
}

/// Reads the offset of a fragment: whether others follow this one, which must be the first.
fn is_first_of_more(offset: u16) -> Result<bool, NoHit> {
    if offset & 0xfff8 == 0 { Ok(offset & 1 != 0) } else { Err(NoHit::LaterFragment) }
}

/// The fixed header, and what is behind it.
struct Fixed<'a> {
    head: &'a [u8; 8],
    source: &'a [u8; 16],
    destination: &'a [u8; 16],
    rest: &'a [u8],
}

impl<'a> Fixed<'a> {
    #[inline]
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk()?;
        let (source, rest) = rest.split_first_chunk()?;
        let (destination, rest) = rest.split_first_chunk()?;
        Some(Self { head, source, destination, rest })
    }
}

/// What bytes whose version is 6 are worth as a packet.
pub(crate) fn sense(bytes: &[u8]) -> Sense {
    match Fixed::of(bytes) {
        Some(Fixed { head, rest, .. }) if payload_length(*head) <= rest.len() => Sense::Full,
        _ => Sense::Doubtful,
    }
}

#[inline]
fn payload_length(head: [u8; 8]) -> usize {
    usize::from(u16::from_be_bytes([head[4], head[5]]))
}

#[cfg(test)]
mod tests;
