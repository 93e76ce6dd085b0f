//! Doors that open by themselves, opened longer or closed by an administrator.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use knock_core::moment::Moment;

use super::{Guard, guarded};
use crate::monitor::native::Refused;

impl Guard {
    /// Shuts a door before its time, for this source or for all whom it has let in. Tells whom.
    pub fn close(&mut self, now: Moment, door: &str, source: Option<IpAddr>) -> Result<Vec<IpAddr>, Refused> {
        let (Some(native), Some(firewall)) = (self.natives.get(door), self.firewall.as_mut()) else {
            return Ok(Vec::new());
        };
        let name = Arc::clone(&native.door);
        let is_let_in = |source: &IpAddr| self.lasting.left(now, &name).iter().any(|(one, _)| one == source);
        let shut = match (native.guarded(), source) {
            // What the administrator has put there himself is not ours to take away.
            (None, Some(source)) if !is_let_in(&source) => Vec::new(),
            (_, Some(source)) => native.shut_out(firewall, source)?.then_some(source).into_iter().collect(),
            (Some(door), None) => {
                let all = native.let_in_already(firewall)?.into_iter().map(|(source, _)| source).collect();
                // At one stroke, however many they are.
                firewall.install_with(&guarded(&self.natives), &BTreeSet::from([door.name]))?;
                all
            }
            (None, None) => {
                let mut shut = Vec::new();
                for (source, _) in self.lasting.left(now, &name) {
                    shut.extend(native.shut_out(firewall, source)?.then_some(source));
                }
                shut
            }
        };
        for source in &shut {
            self.lasting.correct(now, &name, *source, None);
        }
        Ok(shut)
    }

    /// Has a door stay open for a source for so much longer. Tells for how long from now on; none if it isn't open, or has
    /// no end.
    pub fn extend(
        &mut self,
        now: Moment,
        door: &str,
        source: IpAddr,
        by: Duration,
    ) -> Result<Option<Duration>, Refused> {
        let (Some(native), Some(firewall)) = (self.natives.get(door), self.firewall.as_mut()) else {
            return Ok(None);
        };
        let name = Arc::clone(&native.door);
        let left = self.lasting.left(now, &name).into_iter().find(|(one, _)| *one == source);
        let Some(left) = left.map(|(_, left)| left).filter(|left| *left < Duration::MAX) else {
            return Ok(None);
        };
        let left = left.saturating_add(by);
        native.let_in(firewall, source, left)?;
        self.lasting.note(now, &name, source, left);
        Ok(Some(left))
    }
}
