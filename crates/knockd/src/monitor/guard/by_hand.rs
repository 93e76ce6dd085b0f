//! Doors that open by themselves, opened longer or closed by an administrator.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use knock_core::moment::Moment;

use super::{Guard, guarded};
use crate::monitor::native::Refused;

impl Guard {
    /// Shuts a door before its time, for this source or for all whom it has let in. Tells for whom it has done so, and why
    /// not for the others.
    pub fn close(
        &mut self,
        now: Moment,
        door: &str,
        source: Option<IpAddr>,
    ) -> (Vec<IpAddr>, Result<(), Refused>) {
        let mut shut = Vec::new();
        let done = self.shut(now, door, source, &mut shut);
        if let Some(native) = self.natives.get(door) {
            // Whoever is shut out is so, whatever has become of the others.
            for source in &shut {
                self.lasting.correct(now, &native.door, *source, None);
            }
        }
        (shut, done)
    }

    fn shut(
        &mut self,
        now: Moment,
        door: &str,
        source: Option<IpAddr>,
        shut: &mut Vec<IpAddr>,
    ) -> Result<(), Refused> {
        let (Some(native), Some(firewall)) = (self.natives.get(door), self.firewall.as_mut()) else {
            return Ok(());
        };
        match (native.guarded(), source) {
            // What the administrator has put there himself is not ours to take away.
            (None, Some(source)) if self.lasting.left_for(now, &native.door, source).is_none() => {}
            (_, Some(source)) => shut.extend(native.shut_out(firewall, source)?.then_some(source)),
            (Some(door), None) => {
                let all = native.let_in_already(firewall)?;
                // At one stroke, however many they are.
                firewall.install_with(&guarded(&self.natives), &BTreeSet::from([door.name]))?;
                shut.extend(all.into_iter().map(|(source, _)| source));
            }
            (None, None) => {
                for (source, _) in self.lasting.left(now, &native.door) {
                    shut.extend(native.shut_out(firewall, source)?.then_some(source));
                }
            }
        }
        Ok(())
    }

    /// How long a door stays open for a source; none if it isn't open.
    #[must_use]
    pub fn left(&self, now: Moment, door: &str, source: IpAddr) -> Option<Duration> {
        self.lasting.left_for(now, &self.natives.get(door)?.door, source)
    }

    /// Has a door stay open for a source for so much longer. Tells for how long from now on; none if it isn't open.
    pub fn extend(
        &mut self,
        now: Moment,
        door: &str,
        source: IpAddr,
        by: Duration,
    ) -> Result<Option<Duration>, Refused> {
        let left = self.left(now, door, source);
        let (Some(left), Some(native), Some(firewall)) =
            (left, self.natives.get(door), self.firewall.as_mut())
        else {
            return Ok(None);
        };
        let left = left.saturating_add(by);
        native.let_in(firewall, source, left)?;
        self.lasting.note(now, &native.door, source, left);
        Ok(Some(left))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use knock_core::config::{self, DoorConfig};

    use super::*;
    use crate::{
        clock,
        log::{Log, LogOptions},
        own_network::in_own_network,
    };

    fn nft(lines: &str) {
        assert!(Command::new("nft").arg(lines).status().unwrap().success(), "{lines}");
    }

    fn door() -> DoorConfig {
        let text = "[web]\nSequence = 7300,7100,7200\nOpen_Set = inet own four\nOpen_Set_6 = inet own six\n";
        config::read("", text.as_bytes()).unwrap().config.doors.remove(0)
    }

    #[test]
    fn who_is_shut_out_before_another_can_not_be_is_forgotten() {
        in_own_network(
            "monitor::guard::by_hand::tests::who_is_shut_out_before_another_can_not_be_is_forgotten",
            || {
                nft("add table inet own; add set inet own four { type ipv4_addr; flags timeout; }; \
                 add set inet own six { type ipv6_addr; flags timeout; }");
                let log = Log::start(&LogOptions::default()).unwrap();
                let (mut guard, door, now) = (Guard::default(), door(), clock::now());
                let natives = guard.prepare(std::slice::from_ref(&door)).unwrap();
                guard.change(now, natives, Duration::ZERO, &log).unwrap();
                let sources: [IpAddr; 2] = [[192, 0, 2, 7].into(), "2001:db8::7".parse().unwrap()];
                for source in sources {
                    guard.open(now, &door, source);
                }
                nft("delete set inet own six; add set inet own six { type ether_addr; flags timeout; }");
                let (shut, done) = guard.close(now, "web", None);
                assert_eq!((shut, done.is_err()), (vec![sources[0]], true));
                let left = sources.map(|source| guard.left(now, "web", source).is_some());
                assert_eq!(left, [false, true]);
            },
        );
    }
}
