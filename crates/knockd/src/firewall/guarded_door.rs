//! A door as the guard sees it.

use std::collections::BTreeMap;

use knock_core::{config::DoorName, ports::Ports, sequence::Protocol};

/// A door, and the ports that nobody reaches but through it or another door that names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardedDoor<'a> {
    /// What it is called, which its openings go by.
    pub name: &'a DoorName,
    /// What it opens.
    pub ports: &'a Ports,
}

/// Ports in their order, without gaps between neighbours: each the lowest and the highest of a range.
pub(super) type Ranges = Vec<(u16, u16)>;

/// All that these name, by protocol.
pub(super) fn ranges<'a>(ports: impl IntoIterator<Item = &'a Ports>) -> BTreeMap<Protocol, Ranges> {
    let mut all: Vec<_> = ports.into_iter().flat_map(Ports::ranges).copied().collect();
    all.sort_unstable();
    let mut merged: BTreeMap<Protocol, Ranges> = BTreeMap::new();
    for range in all {
        let ranges = merged.entry(range.protocol()).or_default();
        match ranges.last_mut() {
            Some((_, highest)) if range.lowest() <= highest.saturating_add(1) => {
                *highest = range.highest().max(*highest);
            }
            _ => ranges.push((range.lowest(), range.highest())),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let ports: [Ports; 2] =
            ["tcp/80, tcp/22, tcp/81-90".parse().unwrap(), "udp/1-65535, tcp/20-30".parse().unwrap()];
        let merged = ranges(&ports);
        assert_eq!(merged[&Protocol::Tcp], [(20, 30), (80, 90)]);
        assert_eq!(merged[&Protocol::Udp], [(1, 65535)]);
        assert_eq!(ranges(&ports[..1])[&Protocol::Tcp], [(22, 22), (80, 90)]);
    }
}
