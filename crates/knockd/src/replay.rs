//! Plays a capture file through the engine: what would have happened, and why. Nothing is run.

mod capture;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufWriter, Write},
    path::Path,
    sync::Arc,
};

use knock_core::{
    config::{Config, DoorConfig},
    door::DoorNumber,
    engine::Engine,
    event::Event,
    hit::Hit,
    host::Host,
    interface::InterfaceIndex,
    moment::Moment,
    one_time::{MARK, OneTime},
};
use thiserror::Error;

pub use self::capture::CaptureError;
use crate::{
    cli::Arguments,
    log::{Line, captured},
};

/// Why a capture could not be played to its end.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The capture can't be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A file of one-time sequences can't be read.
    #[error("{door}: cannot read the one-time sequences in {path}: {error}")]
    OneTime {
        /// Whose file it is.
        door: String,
        /// Its path.
        path: String,
        /// What is wrong.
        error: io::Error,
    },
    /// Nobody takes what is printed.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// A door, with the one-time sequences that it has left. Those on disk are not touched.
struct Standing<'a> {
    name: Arc<str>,
    config: &'a DoorConfig,
    one_time: Option<Vec<u8>>,
}

struct Player<'a> {
    doors: BTreeMap<DoorNumber, Standing<'a>>,
    next: u32,
    engine: Engine,
    debug: bool,
}

/// Prints what the packets of the capture do to the doors, each line with the time of the capture (UTC).
pub fn replay(capture: &Path, config: &Config, arguments: &Arguments) -> Result<(), ReplayError> {
    let host =
        if arguments.address.is_empty() { Host::Unknown } else { Host::Had(arguments.address.clone()) };
    // A capture is no attacker who could aim at the hash, and the same one is to play the same every time.
    let mut engine = Engine::new(host, config.options.max_attempts, 0);
    engine.explain(arguments.debug);
    let mut player = Player { doors: BTreeMap::new(), next: 0, engine, debug: arguments.debug };
    for door in &config.doors {
        let one_time = door.one_time_file().map(|path| read_one_time(door, path)).transpose()?;
        player.put_up(Standing { name: door.name.as_str().into(), config: door, one_time });
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut number = 0_u64;
    let result = capture::packets(capture, |packet| {
        number += 1;
        match Hit::read(packet.link, InterfaceIndex::default(), packet.frame) {
            Ok(hit) if arguments.only_ip_v4 && hit.destination.is_ipv6() => Ok(()),
            Ok(hit) => player.hit(packet.at, &hit, &mut out),
            Err(no_hit) if player.debug => {
                let line = Line::debug(format!("packet {number} is no hit: {no_hit}"));
                writeln!(out, "{}", captured(packet.at, &line))
            }
            Err(_) => Ok(()),
        }
    });
    out.flush()?;
    result
}

impl<'a> Player<'a> {
    fn put_up(&mut self, standing: Standing<'a>) {
        let number = DoorNumber(self.next);
        self.next += 1;
        let in_force = standing.one_time.as_ref().and_then(|text| OneTime::read(text).next);
        if let Some(door) = standing.config.door(number, in_force.as_ref().map(|next| &next.sequence)) {
            self.engine.add(door);
        }
        self.doors.insert(number, standing);
    }

    fn hit(&mut self, at: Moment, hit: &Hit, out: &mut impl Write) -> io::Result<()> {
        self.tell(out, |engine, mut tell| engine.hit(at, hit, &mut tell))
    }

    /// Prints what the engine says, and brings the next sequence of a one-time door into force.
    fn tell(
        &mut self,
        out: &mut impl Write,
        ask: impl FnOnce(&mut Engine, &mut dyn FnMut(Event)),
    ) -> io::Result<()> {
        let mut events = Vec::new();
        ask(&mut self.engine, &mut |event| events.push(event));
        for event in events {
            let Some(standing) = self.doors.get(&event.door) else { continue };
            for line in Line::of(&event, &standing.name) {
                writeln!(out, "{}", captured(event.at, &line))?;
            }
            if matches!(event.what, knock_core::event::What::Opened(_)) {
                self.use_up(event.door);
            }
        }
        Ok(())
    }

    fn use_up(&mut self, number: DoorNumber) {
        if self.doors.get(&number).is_none_or(|standing| standing.one_time.is_none()) {
            return;
        }
        let Some(mut standing) = self.doors.remove(&number) else { return };
        if let Some(text) = &mut standing.one_time
            && let Some(next) = OneTime::read(text).next
            && let Some(byte) = usize::try_from(next.offset).ok().and_then(|offset| text.get_mut(offset))
        {
            *byte = MARK;
        }
        self.put_up(standing);
    }
}

fn read_one_time(door: &DoorConfig, path: &Path) -> Result<Vec<u8>, ReplayError> {
    fs::read(path).map_err(|error| ReplayError::OneTime {
        door: door.name.to_string(),
        path: path.display().to_string(),
        error,
    })
}
