//! The doors and the engine of a replay.

use std::{collections::BTreeMap, fs, io, net::IpAddr, path::Path, sync::Arc};

use knock_core::{
    config::{Config, DoorConfig},
    door::{Door, DoorNumber},
    engine::Engine,
    event::{Event, What},
    hit::Hit,
    host::Host,
    moment::Moment,
    one_time::OneTime,
};

use super::ReplayError;

/// Plays hits one after the other.
pub(super) struct Player<'a> {
    doors: BTreeMap<DoorNumber, Standing<'a>>,
    next: u32,
    engine: Engine,
}

/// A door, with the one-time sequences that it has left. Those on disk are not touched.
pub(super) struct Standing<'a> {
    /// Its name.
    pub(super) name: Arc<str>,
    /// As the engine knows it; none if it has no sequence left.
    pub(super) door: Option<Door>,
    config: &'a DoorConfig,
    one_time: Option<Vec<u8>>,
}

impl<'a> Player<'a> {
    /// The doors of a configuration, on a host that had these addresses; without any every destination was its own.
    pub(super) fn new(config: &'a Config, addresses: &[IpAddr]) -> Result<Self, ReplayError> {
        let host = if addresses.is_empty() { Host::Unknown } else { Host::Had(addresses.to_vec()) };
        // A capture is no attacker who could aim at the hash, and the same one is to play the same every time.
        let engine = Engine::new(host, config.options.max_attempts, 0);
        let mut player = Self { doors: BTreeMap::new(), next: 0, engine };
        for door in &config.doors {
            let one_time = door.one_time_file().map(|path| read_one_time(door, path)).transpose()?;
            let name = door.name.as_str().into();
            player.put_up(Standing { name, door: None, config: door, one_time });
        }
        Ok(player)
    }

    /// The engine, to be asked for explanations.
    pub(super) fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Takes in a hit, tells what the engine says, and brings the next sequence of a one-time door into force.
    pub(super) fn hit(
        &mut self,
        at: Moment,
        hit: &Hit,
        tell: &mut impl FnMut(&Event, &Standing<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut events = Vec::new();
        self.engine.hit(at, hit, &mut |event| events.push(event));
        for event in events {
            let Some(standing) = self.doors.get(&event.door) else { continue };
            tell(&event, standing)?;
            if matches!(event.what, What::Opened(_)) {
                self.use_up(event.door);
            }
        }
        Ok(())
    }

    fn put_up(&mut self, mut standing: Standing<'a>) {
        let number = DoorNumber(self.next);
        self.next += 1;
        let in_force = standing.one_time.as_ref().and_then(|text| OneTime::read(text).next);
        standing.door = standing.config.door(number, in_force.as_ref().map(|next| &next.sequence));
        if let Some(door) = &standing.door {
            self.engine.add(door.clone());
        }
        self.doors.insert(number, standing);
    }

    fn use_up(&mut self, number: DoorNumber) {
        if self.doors.get(&number).is_none_or(|standing| standing.one_time.is_none()) {
            return;
        }
        let Some(mut standing) = self.doors.remove(&number) else { return };
        if let Some(text) = &mut standing.one_time
            && let Some(next) = OneTime::read(text).next
        {
            next.strike_out(text);
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
