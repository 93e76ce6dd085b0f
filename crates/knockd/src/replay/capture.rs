//! The packets of capture files, pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng).

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use knock_core::{moment::Moment, wire::Link};
use pcap_parser::{
    Block, InterfaceDescriptionBlock, PcapBlockOwned, PcapError, create_reader, traits::PcapNGPacketBlock,
};
use thiserror::Error;

use super::ReplayError;

/// How many bytes are read at once; grows when a single block is larger.
const BUFFER: usize = 1 << 20;

/// The largest block that is read, in bytes.
const LARGEST_BLOCK: usize = 64 << 20;

/// A packet of a capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// When it was seen, since 1970 UTC.
    pub(super) at: Moment,
    /// What it begins with.
    pub(super) link: Link,
    /// Its bytes, as far as they were kept.
    pub(super) frame: &'a [u8],
}

/// Why a capture can't be read.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The file can't be opened.
    #[error("cannot read {0}: {1}")]
    Open(PathBuf, io::Error),
    /// It is no capture.
    #[error("{0} is neither a pcap nor a pcapng file")]
    NoCapture(PathBuf),
    /// It ends, or stops making sense, in the middle.
    #[error("{0} is damaged behind packet {1}: {2}")]
    Damaged(PathBuf, u64, String),
    /// Its packets begin with a header that we don't know.
    #[error("{0} has packets of the link type {1}, which is not supported; capture on another interface")]
    LinkType(PathBuf, i32),
}

/// The interfaces of a capture and how they count time.
#[derive(Clone, Copy)]
struct Source {
    link: Link,
    /// Ticks in a second.
    resolution: u64,
    /// Seconds to add.
    offset: i64,
}

/// Takes the packets of a file one by one; `-` is standard input.
pub(super) fn packets(
    path: &Path,
    mut take: impl FnMut(Packet<'_>) -> io::Result<()>,
) -> Result<(), ReplayError> {
    let mut reader =
        create_reader(BUFFER, open(path)?).map_err(|_| CaptureError::NoCapture(path.to_owned()))?;
    let mut sources: Vec<Source> = Vec::new();
    let mut number = 0;
    let damaged = |number, what: &str| CaptureError::Damaged(path.to_owned(), number, what.to_owned());
    loop {
        let (length, block) = match reader.next() {
            Ok(next) => next,
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_)) => {
                reader.refill().map_err(|_| damaged(number, "it cannot be read on"))?;
                continue;
            }
            Err(PcapError::BufferTooSmall) => {
                if reader.data().len() >= LARGEST_BLOCK || !reader.grow(2 * reader.data().len().max(BUFFER)) {
                    return Err(damaged(number, "a block is too large").into());
                }
                reader.refill().map_err(|_| damaged(number, "it cannot be read on"))?;
                continue;
            }
            Err(PcapError::UnexpectedEof) => return Err(damaged(number, "it breaks off").into()),
            Err(_) => return Err(damaged(number, "a block is malformed").into()),
        };
        let link = |linktype: i32| link(path, linktype);
        let found = match &block {
            PcapBlockOwned::LegacyHeader(header) => {
                let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
                sources = vec![Source { link: link(header.network.0)?, resolution, offset: 0 }];
                None
            }
            PcapBlockOwned::Legacy(packet) => {
                let source =
                    sources.first().copied().ok_or_else(|| damaged(number, "its header is missing"))?;
                let ticks = u64::from(packet.ts_sec) * source.resolution + u64::from(packet.ts_usec);
                Some(Packet { at: source.moment(ticks), link: source.link, frame: packet.data })
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                sources.clear();
                None
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                let resolution = resolution(interface)
                    .ok_or_else(|| damaged(number, "an interface counts time in impossible units"))?;
                sources.push(Source {
                    link: link(interface.linktype.0)?,
                    resolution,
                    offset: interface.if_tsoffset,
                });
                None
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let source = usize::try_from(packet.if_id).ok().and_then(|id| sources.get(id)).copied();
                let source = source.ok_or_else(|| damaged(number, "a packet's interface is missing"))?;
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                Some(Packet { at: source.moment(ticks), link: source.link, frame: packet.packet_data() })
            }
            // A simple packet has no time, and without its time it says nothing about a knock.
            PcapBlockOwned::NG(_) => None,
        };
        if let Some(packet) = found {
            number += 1;
            take(packet)?;
        }
        reader.consume(length);
    }
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, CaptureError> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| CaptureError::Open(path.to_owned(), error))?;
    Ok(Box::new(file))
}

fn link(path: &Path, linktype: i32) -> Result<Link, CaptureError> {
    let link = u32::try_from(linktype).ok().and_then(Link::from_linktype);
    link.ok_or_else(|| CaptureError::LinkType(path.to_owned(), linktype))
}

/// Ticks in a second, from the option `if_tsresol`: a power of ten, or of two where the highest bit is set.
fn resolution(interface: &InterfaceDescriptionBlock<'_>) -> Option<u64> {
    let exponent = u32::from(interface.if_tsresol & 0x7f);
    if interface.if_tsresol & 0x80 == 0 { 10_u64.checked_pow(exponent) } else { 2_u64.checked_pow(exponent) }
}

impl Source {
    fn moment(self, ticks: u64) -> Moment {
        let seconds = (ticks / self.resolution).saturating_add_signed(self.offset);
        // Below a second, so below 10^9 nanoseconds.
        let nanos = u128::from(ticks % self.resolution) * 1_000_000_000 / u128::from(self.resolution);
        let span = Duration::new(seconds, u32::try_from(nanos).unwrap_or_default());
        Moment::default().after(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_in_the_units_of_the_interface() {
        let moment = |resolution, offset, ticks| {
            Source { link: Link::Ip, resolution, offset }.moment(ticks).as_nanos()
        };
        assert_eq!(moment(1_000_000, 0, 1_500_000), 1_500_000_000);
        assert_eq!(moment(1_000_000_000, 10, 7), 10_000_000_007);
        assert_eq!(moment(1 << 20, -1, 3 << 19), 500_000_000);
        assert_eq!(moment(1, -5, 3), 0);
    }
}
