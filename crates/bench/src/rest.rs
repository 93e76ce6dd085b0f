//! What a daemon does when there is nothing to do.

use std::{thread, time::Duration};

use trials::trouble::Outcome;

use crate::{
    figures::{nanos_each, number},
    keeper::{Keeper, door},
    section::Section,
    site,
    usage::Usage,
};

/// What is still under way after a start has its end.
const SETTLING: Duration = Duration::from_secs(3);

/// How long it is watched, in seconds.
const SECONDS: u32 = 10;

const METHOD: &str = "One door, no packet, three seconds after the start: how often threads of the daemon left a CPU \
    (context switches, proc(5)) within 10 seconds, and the CPU time of that. Both at once, in networks of their own.";

/// Measures.
pub(crate) fn measure() -> Outcome<Section> {
    let mut section = Section::new("At rest", METHOD, &["daemon", "wake-ups a second", "CPU, µs a second"]);
    let labs = [site::walled()?, site::walled()?];
    let mut daemons = Vec::new();
    for (keeper, lab) in Keeper::ALL.into_iter().zip(&labs) {
        daemons.push((keeper, keeper.start(lab, &door("udp", " Start_Command = :"))?));
    }
    thread::sleep(SETTLING);
    let usage = || daemons.iter().map(|(_, daemon)| Usage::of(daemon.id()?)).collect::<Outcome<Vec<_>>>();
    let before = usage()?;
    thread::sleep(Duration::from_secs(u64::from(SECONDS)));
    for (((keeper, _), before), after) in daemons.iter().zip(before).zip(usage()?) {
        let wake_ups = f64::from(after.switches.saturating_sub(before.switches)) / f64::from(SECONDS);
        let micros = nanos_each(after.cpu.saturating_sub(before.cpu), SECONDS) / 1e3;
        section.row([keeper.name().to_owned(), number(wake_ups), number(micros)]);
    }
    Ok(section)
}
