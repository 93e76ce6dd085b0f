//! Memory, at rest and after floods of millions of sources.

use std::{fs, sync::atomic::AtomicBool, thread, time::Duration};

use trials::{
    net::Lab,
    trouble::{Outcome, Trouble},
};

use crate::{
    figures::{megabytes, nanos_each, number},
    forge::{Forge, Kind},
    honest,
    keeper::{Keeper, door},
    section::Section,
    site,
    usage::Usage,
};

/// How long a daemon is left alone before it is looked at.
const REST: Duration = Duration::from_secs(1);

/// Sources that have knocked once.
const SOURCES: [u32; 2] = [1_000_000, 4_000_000];

const METHOD: &str = "One door, all processes of the daemon added up: memory in use now (`VmRSS`; what they share counts \
    twice), and their parts of it (`Pss`). Floods are first knocks over UDP, each from another source, as fast as one \
    CPU sends; 20 honest sources knock within its first second, three times 20 ms apart. The log is what the daemon wrote, as \
    if the flood went on for a minute. \
    MaxAttempts is the default, a million.";

/// Measures.
pub(crate) fn measure() -> Outcome<Section> {
    let head = ["daemon", "RSS, MB", "PSS, MB", "packets/s", "log, MB/min", "opened", "ns/packet"];
    let mut section = Section::new("Memory", METHOD, &head);
    let lab = site::walled()?;
    for keeper in Keeper::ALL {
        let daemon = keeper.start(&lab, &door("udp", " Start_Command = :"))?;
        thread::sleep(REST);
        let usage = Usage::of(daemon.id()?)?;
        let name = format!("{}, at rest", keeper.name());
        let figures = [usage.resident, usage.memory].map(|memory| number(megabytes(memory)));
        section.row([name].into_iter().chain(figures).chain(["-"; 4].map(str::to_owned)));
    }
    for sources in SOURCES {
        section.row(flooded(&lab, sources)?);
    }
    Ok(section)
}

fn flooded(lab: &Lab, sources: u32) -> Outcome<Vec<String>> {
    lab.server().shell(&lab.filled_in("rm -f {DIR}/log"))?;
    let daemon = Keeper::Ours.start(lab, &door("udp", " Start_Command = :"))?;
    let before = Usage::of(daemon.id()?)?;
    let mut forge = Forge::new(Kind::First, "udp")?;
    let (wire, cable) = (site::cable(lab)?, site::cable(lab)?);
    let sent = thread::scope(|scope| {
        let flood = scope.spawn(|| forge.flood(&wire, None, sources, &AtomicBool::new(false)));
        thread::sleep(Duration::from_millis(100));
        honest::knock(&cable, "udp")?;
        flood.join().map_err(|_| Trouble::new("the flood has ended badly"))?
    })?;
    let opened = honest::opened(&daemon);
    thread::sleep(REST);
    let usage = Usage::of(daemon.id()?)?;
    let log = fs::metadata(lab.directory().join("log"))?.len();
    let log = f64::from(u32::try_from(log).unwrap_or(u32::MAX)) / 1e6;
    let seconds = sent.took.as_secs_f64();
    Ok(vec![
        format!("ours, after {} million sources", sources / 1_000_000),
        number(megabytes(usage.resident)),
        number(megabytes(usage.memory)),
        number(f64::from(sent.packets) / seconds),
        number(log * 60.0 / seconds),
        format!("{opened} of {}", honest::COUNT),
        number(nanos_each(usage.cpu.saturating_sub(before.cpu), sent.packets)),
    ])
}
