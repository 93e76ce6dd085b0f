//! Ports of this host that a door opens.

use std::{fmt, num::NonZeroU16, ops::Range, str::FromStr};

use thiserror::Error;

use crate::{
    errors::Errors,
    sequence::{Knock, Protocol},
};

/// Neighbouring ports of one protocol: at least one, from the lowest to the highest, both included.
///
/// Its text is `PROTOCOL/PORT` or `PROTOCOL/PORT-PORT`, blanks allowed around every part, the protocol in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    protocol: Protocol,
    lowest: NonZeroU16,
    highest: NonZeroU16,
}

impl PortRange {
    /// The ports between these two and they themselves; none if the second is below the first.
    #[must_use]
    pub fn new(protocol: Protocol, lowest: NonZeroU16, highest: NonZeroU16) -> Option<Self> {
        (lowest <= highest).then_some(Self { protocol, lowest, highest })
    }

    /// The transport protocol.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        self.protocol
    }

    /// The lowest port, 1-65535.
    #[must_use]
    pub fn lowest(self) -> u16 {
        self.lowest.get()
    }

    /// The highest port, not below the lowest.
    #[must_use]
    pub fn highest(self) -> u16 {
        self.highest.get()
    }
}

impl PortRange {
    /// Whether a knock is made at one of these ports.
    #[must_use]
    pub fn contains(self, knock: Knock) -> bool {
        knock.protocol == self.protocol && (self.lowest..=self.highest).contains(&knock.port)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.protocol, self.lowest)?;
        if self.lowest == self.highest {
            return Ok(());
        }
        write!(f, "-{}", self.highest)
    }
}

/// What a door opens: 1 to [`Ports::MAX_RANGES`] ranges of ports, which may overlap.
///
/// Its text is ranges with commas between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ports(Box<[PortRange]>);

impl Ports {
    /// The most ranges that a door can name. A choice of ours: beyond it, the list is a mistake or a firewall.
    pub const MAX_RANGES: usize = 256;

    /// These ranges.
    pub fn new(ranges: &[PortRange]) -> Result<Self, PortsMistake> {
        match ranges.len() {
            0 => Err(PortsMistake::Empty),
            1..=Self::MAX_RANGES => Ok(Self(ranges.into())),
            _ => Err(PortsMistake::TooMany),
        }
    }

    /// The ranges in the order in which they were written; never empty.
    #[must_use]
    pub fn ranges(&self) -> &[PortRange] {
        &self.0
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, range) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{range}")?;
        }
        Ok(())
    }
}

/// What is wrong with the text of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PortsMistake {
    /// There is no range at all.
    #[error("no port is named; write for example tcp/22")]
    Empty,
    /// More than [`Ports::MAX_RANGES`].
    #[error("at most {} ports and ranges can be named", Ports::MAX_RANGES)]
    TooMany,
    /// Nothing stands where a range should, as between two commas.
    #[error("a port is missing here")]
    Missing,
    /// There is a port without a protocol in front of it.
    #[error("a protocol and a slash belong in front of a port, as in tcp/22")]
    NoProtocol,
    /// Neither `tcp` nor `udp`.
    #[error("a protocol is tcp or udp")]
    Protocol,
    /// Not a whole number from 1 to 65535.
    #[error("a port is a whole number from 1 to 65535")]
    Port,
    /// The second port is below the first.
    #[error("a range goes from the lower port to the higher")]
    Reversed,
}

/// A [`PortsMistake`] and where in the text it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{mistake}")]
pub struct PortsError {
    /// What is wrong.
    pub mistake: PortsMistake,
    /// The bytes of the parsed text that are wrong; empty where something is missing.
    pub place: Range<usize>,
}

impl FromStr for PortRange {
    type Err = PortsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Piece { text, start: 0 }.range().map_err(Errors::into_first)
    }
}

impl FromStr for Ports {
    type Err = Errors<PortsError>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = Piece { text, start: 0 }.trimmed();
        if whole.text.is_empty() {
            return Err(whole.error(PortsMistake::Empty).into());
        }
        let mut start = 0;
        let ranges = Errors::gather(text.split(',').map(|text| {
            let range = Piece { text, start }.range();
            start += text.len() + 1;
            range
        }))?;
        Self::new(&ranges).map_err(|mistake| whole.error(mistake).into())
    }
}

/// A part of a text and where it begins.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    start: usize,
}

impl Piece<'_> {
    fn range(self) -> Result<PortRange, Errors<PortsError>> {
        let piece = self.trimmed();
        if piece.text.is_empty() {
            return Err(piece.error(PortsMistake::Missing).into());
        }
        let Some((protocol, ports)) = piece.split('/') else {
            return Err(piece.error(PortsMistake::NoProtocol).into());
        };
        let both = match ports.split('-') {
            Some((lowest, highest)) => Errors::both(lowest.port(), highest.port()),
            None => ports.port().map(|port| (port, port)).map_err(Errors::from),
        };
        let (protocol, (lowest, highest)) = Errors::both(protocol.protocol(), both)?;
        PortRange::new(protocol, lowest, highest).ok_or_else(|| ports.error(PortsMistake::Reversed).into())
    }

    fn protocol(self) -> Result<Protocol, PortsError> {
        match self.text {
            name if name.eq_ignore_ascii_case("tcp") => Ok(Protocol::Tcp),
            name if name.eq_ignore_ascii_case("udp") => Ok(Protocol::Udp),
            _ => Err(self.error(PortsMistake::Protocol)),
        }
    }

    fn port(self) -> Result<NonZeroU16, PortsError> {
        // `parse` would take a leading plus sign.
        let is_number = self.text.bytes().all(|byte| byte.is_ascii_digit());
        let port = self.text.parse().ok().filter(|_| is_number);
        port.ok_or_else(|| self.error(PortsMistake::Port))
    }

    /// What stands before and after the first such character, without the blanks around either.
    fn split(self, at: char) -> Option<(Self, Self)> {
        let (before, after) = self.text.split_once(at)?;
        let start = self.start + before.len() + at.len_utf8();
        Some((Self { text: before, ..self }.trimmed(), Self { text: after, start }.trimmed()))
    }

    fn trimmed(self) -> Self {
        let start = self.start + self.text.len() - self.text.trim_start().len();
        Self { text: self.text.trim(), start }
    }

    fn error(self, mistake: PortsMistake) -> PortsError {
        PortsError { mistake, place: self.start..self.start + self.text.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<(PortsMistake, Range<usize>)> {
        let errors = text.parse::<Ports>().unwrap_err();
        errors.iter().map(|error| (error.mistake, error.place.clone())).collect()
    }

    fn mistake(text: &str) -> (PortsMistake, Range<usize>) {
        mistakes(text).remove(0)
    }

    #[test]
    fn reads_ports_and_ranges() {
        let ports: Ports = " tcp/22 ,UDP / 60000 - 61000,tcp/1-65535".parse().unwrap();
        assert_eq!(ports.to_string(), "tcp/22, udp/60000-61000, tcp/1-65535");
        assert_eq!(ports.to_string().parse(), Ok(ports));
        let range: PortRange = "tcp/7-7".parse().unwrap();
        assert_eq!((range.protocol(), range.lowest(), range.highest()), (Protocol::Tcp, 7, 7));
        assert_eq!(range.to_string(), "tcp/7");
    }

    #[test]
    fn points_at_the_mistake() {
        assert_eq!(mistake("  "), (PortsMistake::Empty, 2..2));
        assert_eq!(mistake("tcp/22,,"), (PortsMistake::Missing, 7..7));
        assert_eq!(mistake("tcp/22, 80"), (PortsMistake::NoProtocol, 8..10));
        assert_eq!(mistake("22/tcp"), (PortsMistake::Protocol, 0..2));
        assert_eq!(mistake("udp/1, icmp/8"), (PortsMistake::Protocol, 7..11));
        assert_eq!(mistake("tcp/"), (PortsMistake::Port, 4..4));
        assert_eq!(mistake("tcp/0"), (PortsMistake::Port, 4..5));
        assert_eq!(mistake("tcp/+5"), (PortsMistake::Port, 4..6));
        assert_eq!(mistake("tcp/65536"), (PortsMistake::Port, 4..9));
        assert_eq!(mistake("tcp/ssh"), (PortsMistake::Port, 4..7));
        assert_eq!(mistake("tcp/1-2-3"), (PortsMistake::Port, 6..9));
        assert_eq!(mistake("tcp/1, tcp/30 - 20"), (PortsMistake::Reversed, 11..18));
    }

    #[test]
    fn points_at_every_mistake() {
        use PortsMistake::{Missing, NoProtocol, Port, Protocol, Reversed};
        assert_eq!(
            mistakes("22,tcp/0-x,icmp/70000,, udp/9-8"),
            [
                (NoProtocol, 0..2),
                (Port, 7..8),
                (Port, 9..10),
                (Protocol, 11..15),
                (Port, 16..21),
                (Missing, 22..22),
                (Reversed, 28..31)
            ]
        );
    }

    #[test]
    fn there_is_a_range_and_not_too_many() {
        let text = |count: usize| vec!["tcp/22"; count].join(",");
        assert_eq!(text(256).parse::<Ports>().unwrap().ranges().len(), 256);
        assert_eq!(mistake(&text(257)).0, PortsMistake::TooMany);
        assert_eq!(Ports::new(&[]), Err(PortsMistake::Empty));
    }
}
