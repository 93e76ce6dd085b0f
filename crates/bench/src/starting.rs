//! How long a start takes.

use std::time::{Duration, Instant};

use trials::{net::Lab, trouble::Outcome};

use crate::{
    figures::{Samples, number},
    keeper::{Keeper, door},
    section::Section,
    site,
};

const ROUNDS: u32 = 15;

const METHOD: &str = "From starting the program to its line `starting up, listening on` in the log, looked for every \
    2 ms (both daemons write it when their sockets are open); in turns.";

/// Measures.
pub(crate) fn measure() -> Outcome<Section> {
    let mut section = Section::new("Start", METHOD, &["daemon", "median, ms", "longest, ms"]);
    let lab = site::walled()?;
    let mut rows = Keeper::ALL.map(|keeper| (keeper, Samples::default()));
    for _ in 0..ROUNDS {
        for (keeper, times) in &mut rows {
            times.add(start(&lab, *keeper)?.as_secs_f64() * 1e3);
        }
    }
    for (keeper, times) in rows {
        section.row([keeper.name().to_owned(), number(times.median()), number(times.percentile(100))]);
    }
    Ok(section)
}

fn start(lab: &Lab, keeper: Keeper) -> Outcome<Duration> {
    lab.server().shell(&lab.filled_in("rm -f {DIR}/log"))?;
    let setup = keeper.setup(lab, &door("udp", " Start_Command = :"))?;
    let begun = Instant::now();
    let daemon = setup.start()?;
    let took = begun.elapsed();
    drop(daemon);
    Ok(took)
}
