//! Thousands who come in at once.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use trials::{
    net::{Daemon, Lab, Setup, Wire},
    packet::Packet,
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("crowd::opens_and_closes_for_everybody", opens_and_closes_for_everybody)]
}

const CROWD: u16 = 3000;

const AT_ONCE: usize = 8;

/// Far longer than it takes: some ten seconds on two busy cores.
const PATIENCE: Duration = Duration::from_secs(120);

fn address(source: u16) -> String {
    let [high, low] = source.to_be_bytes();
    format!("10.200.{high}.{low}")
}

fn knock_all(lab: &Lab) -> Outcome {
    let wire = Wire::open(lab.client(), "eth0")?;
    for source in 0..CROWD {
        let packet: Packet = format!("udp {} > SERVER:7300,7100,7200", address(source)).parse()?;
        for frame in packet.frames(&mut 0)? {
            wire.send(&frame.bytes())?;
        }
        // The socket of an ordinary user's daemon has room for some hundreds of packets.
        if source % 20 == 19 {
            thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}

/// The commands that were run for each source, in their order.
fn commands(daemon: &Daemon<'_>) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in daemon.log().lines() {
        let command = line.strip_prefix("door: running command: : ").and_then(|rest| rest.split_once(' '));
        if let Some((what, source)) = command {
            found.entry(source.to_owned()).or_default().push(what.to_owned());
        }
    }
    found
}

fn opens_and_closes_for_everybody() -> Outcome {
    let lab = Lab::new()?;
    let config = format!(
        "[options]\n MaxCommands = {AT_ONCE}\n[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n Cmd_Timeout = 0\n \
         Start_Command = : open %IP%\n Stop_Command = : close %IP%\n"
    );
    let daemon = Setup::new(&lab, &config)?.start()?;
    let start = Instant::now();
    knock_all(&lab)?;
    let mut most = 0;
    while daemon.log().count("command ended after") < 2 * usize::from(CROWD) {
        for _ in 0..10 {
            most = most.max(daemon.children()?.len());
            thread::sleep(Duration::from_millis(20));
        }
        let is_late = start.elapsed() > PATIENCE;
        ensure(!is_late, format!("{} of {CROWD} sources\n{}", commands(&daemon).len(), lab.file("stderr")))?;
    }
    println!("{CROWD} openings at once: all closed after {:?}", start.elapsed());
    let found = commands(&daemon);
    same("sources", found.len(), usize::from(CROWD))?;
    for source in 0..CROWD {
        let commands = found.get(&address(source)).ok_or_else(|| Trouble::new(address(source)))?;
        same(address(source), commands.join(" ").as_str(), "open close")?;
    }
    same("openings", daemon.log().count("OPEN SESAME"), usize::from(CROWD))?;
    // So many that open, so many that close, and the watcher.
    ensure((2..=2 * AT_ONCE + 1).contains(&most), format!("{most} children at once"))?;
    daemon.terminate()
}
