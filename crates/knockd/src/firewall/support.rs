//! For tests: the ruleset by nft(8), and doors.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use knock_core::{config::DoorName, ports::Ports};

use super::{Firewall, GuardedDoor, Obstacle, Surroundings};

/// Has nft(8) carry out these lines, and gives what it says.
pub(super) fn nft(lines: &str) -> String {
    let mut nft = Command::new("nft");
    nft.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut nft = nft.spawn().expect("nft(8) can be run");
    nft.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = nft.wait_with_output().unwrap();
    assert!(output.status.success(), "{lines}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A door's name and ports.
pub(super) fn door(name: &str, ports: &str) -> (DoorName, Ports) {
    (name.parse().unwrap(), ports.parse().unwrap())
}

/// The same for the guard.
pub(super) fn guarded(doors: &[(DoorName, Ports)]) -> Vec<GuardedDoor<'_>> {
    doors.iter().map(|(name, ports)| GuardedDoor { name, ports }).collect()
}

/// What of others is in the way of these doors, as a look finds it.
pub(super) fn obstacles(firewall: &mut Firewall, doors: &[(DoorName, Ports)]) -> Vec<Obstacle> {
    firewall.begin_look();
    let ports = doors.iter().flat_map(|(_, ports)| ports.ranges()).copied().collect();
    firewall.end_look(Surroundings::look(ports).unwrap())
}
