//! Packets from sources that nobody is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::{
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use trials::{net::Wire, trouble::Outcome};

use crate::{
    cpu,
    site::{self, KNOCKS},
};

/// Where things are in a frame with an Ethernet header of 14 bytes and an IPv4 header of 20 (RFC 791).
const IP_CHECKSUM: usize = 24;
const SOURCE: usize = 26;
const PORT: usize = 36;

/// What is sent in one system call.
const BATCH: usize = 64;

/// What a flood is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// First knocks, each from another source.
    First,
    /// Packets to random ports, each from another source.
    Random,
    /// The first two knocks of three, by every source in turn.
    Half,
}

impl Kind {
    /// As it stands in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::First => "first knocks",
            Self::Random => "random ports",
            Self::Half => "half a sequence each",
        }
    }
}

/// Makes frames, one after the other. After 16 million sources, those of 11.0.0.0/8, they come again.
pub(crate) struct Forge {
    kind: Kind,
    template: Vec<u8>,
    checksum: usize,
    serial: u32,
    random: u32,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) packets: u32,
    pub(crate) took: Duration,
}

impl Forge {
    /// For `udp` or `tcp`, the latter with the flag SYN.
    pub(crate) fn new(kind: Kind, protocol: &str) -> Outcome<Self> {
        let [first, _, _] = KNOCKS;
        let template = site::frame(&format!("{protocol} 11.0.0.0:40000 > SERVER:{first}"))?;
        // RFC 768 and RFC 9293: the checksum is 6 bytes from the beginning, or 16.
        let checksum = if protocol == "udp" { 40 } else { 50 };
        Ok(Self { kind, template, checksum, serial: 0, random: 1 })
    }

    /// Sends at most `limit` packets, so many a second, or as fast as one CPU can, until it is told to stop.
    pub(crate) fn flood(
        &mut self,
        wire: &Wire,
        rate: Option<u32>,
        limit: u32,
        stop: &AtomicBool,
    ) -> Outcome<Sent> {
        cpu::stay_on_first()?;
        let begun = Instant::now();
        let mut frames = Vec::with_capacity(BATCH);
        let mut packets = 0;
        while packets < limit && !stop.load(Ordering::Relaxed) {
            let due = rate.map_or(limit, |rate| due(rate, begun.elapsed())).min(limit);
            if due <= packets {
                thread::sleep(Duration::from_micros(500));
                continue;
            }
            let count = (due - packets).min(64);
            frames.clear();
            frames.extend((0..count).map(|_| self.next()));
            wire.send_all(&frames)?;
            packets += count;
        }
        Ok(Sent { packets, took: begun.elapsed() })
    }

    fn next(&mut self) -> Vec<u8> {
        let serial = self.serial;
        self.serial = self.serial.wrapping_add(1);
        let [first, second, _] = KNOCKS;
        let (source, port) = match self.kind {
            Kind::First => (serial, first),
            Kind::Half => (serial / 2, if serial.is_multiple_of(2) { first } else { second }),
            Kind::Random => {
                // A generator modulo 2^32 (Numerical Recipes); its upper half is the better one.
                self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let [high, low, ..] = self.random.to_be_bytes();
                (serial, u16::from_be_bytes([high, low]))
            }
        };
        let mut frame = self.template.clone();
        let [_, a, b, c] = source.to_be_bytes();
        put(&mut frame, SOURCE, u16::from_be_bytes([11, a]), &[IP_CHECKSUM, self.checksum]);
        put(&mut frame, SOURCE + 2, u16::from_be_bytes([b, c]), &[IP_CHECKSUM, self.checksum]);
        put(&mut frame, PORT, port, &[self.checksum]);
        frame
    }
}

/// How many packets should have gone out after this time.
fn due(rate: u32, elapsed: Duration) -> u32 {
    u32::try_from(u128::from(rate) * elapsed.as_micros() / 1_000_000).unwrap_or(u32::MAX)
}

/// Replaces a word and brings checksums up to date (RFC 1624, equation 3).
fn put(frame: &mut [u8], at: usize, value: u16, checksums: &[usize]) {
    let before = word(frame, at);
    for &checksum in checksums {
        let sum = u32::from(!word(frame, checksum)) + u32::from(!before) + u32::from(value);
        let sum = (sum & 0xffff) + (sum >> 16);
        let [_, _, high, low] = ((sum & 0xffff) + (sum >> 16)).to_be_bytes();
        write(frame, checksum, !u16::from_be_bytes([high, low]));
    }
    write(frame, at, value);
}

fn word(frame: &[u8], at: usize) -> u16 {
    frame.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u16::from_be_bytes)
}

fn write(frame: &mut [u8], at: usize, value: u16) {
    if let Some(place) = frame.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nth(kind: Kind, protocol: &str, number: usize) -> Vec<u8> {
        let mut forge = Forge::new(kind, protocol).unwrap();
        std::iter::repeat_with(|| forge.next()).nth(number).unwrap()
    }

    #[test]
    fn frames_are_as_if_written_with_care() {
        let frame = |text| site::frame(text).unwrap();
        assert_eq!(nth(Kind::First, "udp", 70000), frame("udp 11.1.17.112:40000 > SERVER:7117"));
        assert_eq!(nth(Kind::First, "tcp", 300), frame("tcp 11.0.1.44:40000 > SERVER:7117 seq=100003"));
        assert_eq!(nth(Kind::Half, "udp", 600), frame("udp 11.0.1.44:40000 > SERVER:7117"));
        assert_eq!(nth(Kind::Half, "udp", 601), frame("udp 11.0.1.44:40000 > SERVER:2741"));
        let random = nth(Kind::Random, "tcp", 9);
        let port = word(&random, PORT);
        assert_eq!(random, frame(&format!("tcp 11.0.0.9:40000 > SERVER:{port} seq=100003")));
    }

    #[test]
    fn a_rate_is_kept() {
        assert_eq!(due(1000, Duration::from_millis(1500)), 1500);
        assert_eq!(due(100_000, Duration::from_micros(5)), 0);
    }
}
