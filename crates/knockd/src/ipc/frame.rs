//! The bytes of a message.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
};

use thiserror::Error;

/// How long every message is, in bytes: enough for the largest, a door with all its knocks.
pub const LENGTH: usize = 160;

/// A message as it goes through the socket.
pub type Frame = [u8; LENGTH];

/// A message that its reader can't take. Who sent it can't be trusted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed message: {0}")]
pub struct Malformed(pub &'static str);

/// Writes the fields of a message. What doesn't fit is a mistake of ours that the tests of the messages find.
pub(super) struct Writer {
    frame: Frame,
    end: usize,
}

impl Writer {
    pub(super) fn new(kind: u8) -> Self {
        Self { frame: [0; LENGTH], end: 0 }.u8(kind)
    }

    pub(super) fn u8(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    pub(super) fn bool(self, value: bool) -> Self {
        self.u8(value.into())
    }

    pub(super) fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn address(self, value: IpAddr) -> Self {
        match value {
            IpAddr::V4(address) => self.u8(4).bytes(&address.octets()),
            IpAddr::V6(address) => self.u8(6).bytes(&address.octets()),
        }
    }

    pub(super) fn finish(self) -> Frame {
        self.frame
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        let end = self.end + bytes.len();
        if let Some(place) = self.frame.get_mut(self.end..end) {
            place.copy_from_slice(bytes);
        }
        self.end = end;
        self
    }
}

/// Reads the fields of a message in the order in which they were written.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(frame: &'a Frame) -> Self {
        Self(frame)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.bytes().map(|[byte]| byte)
    }

    pub(super) fn bool(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("neither yes nor no")),
        }
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.bytes().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.bytes().map(u32::from_le_bytes)
    }

    /// How many there were of what wouldn't be told if there was none.
    pub(super) fn count(&mut self) -> Result<NonZeroU32, Malformed> {
        NonZeroU32::new(self.u32()?).ok_or(Malformed("a count of nothing"))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.bytes().map(u64::from_le_bytes)
    }

    pub(super) fn address(&mut self) -> Result<IpAddr, Malformed> {
        match self.u8()? {
            4 => self.bytes::<4>().map(|octets| Ipv4Addr::from(octets).into()),
            6 => self.bytes::<16>().map(|octets| Ipv6Addr::from(octets).into()),
            _ => Err(Malformed("unknown address family")),
        }
    }

    /// Makes sure that nothing but padding is left.
    pub(super) fn finish(self) -> Result<(), Malformed> {
        if self.0.iter().all(|byte| *byte == 0) {
            Ok(())
        } else {
            Err(Malformed("bytes behind the last field"))
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed("too short"))?;
        self.0 = rest;
        Ok(*bytes)
    }
}
