//! Draws `docs/grafana/knockd.svg`: the dashboard with a minute and a half of a real daemon, as a real Prometheus has it.

use std::{
    fs,
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use trials::{
    net::{Lab, Wire},
    observe::{Dashboard, Prometheus, Site, picture},
    packet::Packet,
    sandbox::{self, trial},
    trouble::{Outcome, While},
};

fn main() -> ExitCode {
    sandbox::run(|| Ok(vec![trial("picture::is_drawn", draw)]))
}

/// How long it goes on, in seconds.
const LONG: u64 = 90;

fn draw() -> Outcome {
    let lab = Lab::new()?;
    let site = Site::start(&lab)?;
    let prometheus = Prometheus::start(&lab, Site::EXPORTER)?;
    let begin = Instant::now();
    for second in 0..LONG {
        busy(&lab, second)?;
        thread::sleep(Duration::from_secs(second + 1).saturating_sub(begin.elapsed()));
    }
    // When a file was written just now tells the time that Prometheus goes by.
    lab.write("now", "")?;
    let now = fs::metadata(lab.directory().join("now"))?.modified()?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let from = now - Duration::from_secs(LONG - 8).as_secs_f64();
    let mut panels = Vec::new();
    for panel in Dashboard::read("8s")?.panels {
        let mut shown = Vec::new();
        for query in &panel.queries {
            let series = prometheus.ask_range(&query.text, from, now)?;
            shown.extend(series.into_iter().map(|series| (series.named(&query.legend), series)));
        }
        panels.push((panel, shown));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/grafana/knockd.svg");
    fs::write(&path, picture(&panels)).while_(path.display())?;
    drop(prometheus);
    site.end()
}

/// What comes in within this second: people who knock, some who err, and for ten seconds a flood.
fn busy(lab: &Lab, second: u64) -> Outcome {
    let wire = Wire::open(lab.client(), "eth0")?;
    let knocks = |who: u64, ports: &str| -> Outcome {
        let packets: Packet = format!("udp 11.0.{}.{} > SERVER:{ports}", who / 250, who % 250 + 1).parse()?;
        packets.frames(&mut 0)?.iter().try_for_each(|frame| wire.send(&frame.bytes()))
    };
    if second.is_multiple_of(2) {
        knocks(second, "7300,7100,7200")?;
    }
    if second.is_multiple_of(5) {
        knocks(200 + second, "7400,7600,7500")?;
    }
    if second.is_multiple_of(3) {
        knocks(400 + second, "7300,7100,9999")?;
    }
    if second == 20 {
        knocks(700, "7310,7110,7210")?;
    }
    if (50..60).contains(&second) {
        for one in 0..150 {
            knocks(1000 + second * 150 + one, "7300")?;
        }
    }
    Ok(())
}
