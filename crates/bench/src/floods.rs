//! Honest knocks under floods of forged packets.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use clap::{Args, ValueEnum};
use trials::{
    net::Lab,
    trouble::{Outcome, Trouble},
};

use crate::{
    figures::{nanos_each, number},
    forge::{Forge, Kind, Sent},
    honest,
    keeper::{Keeper, door},
    section::Section,
    site,
    usage::Usage,
};

/// The flood runs so long before anybody knocks.
const BEFORE: Duration = Duration::from_millis(200);

/// It asks once a second what was lost.
const UNTIL_TOLD: Duration = Duration::from_millis(1100);

/// Packets a second; none: as fast as one CPU sends them.
const RATES: [Option<u32>; 4] = [Some(1_000), Some(10_000), Some(100_000), None];

const METHOD: &str = "20 honest sources knock three times, 20 ms apart, one source after the other within a second, \
    while another thread, kept on the first CPU, sends packets of which nearly each has another source; a firewall \
    drops them all. One door without TCPFlags, its command `:`. An honest knock counts if the log says `OPEN SESAME` \
    for it a second later at the latest. CPU time is that of all processes of the daemon (proc(5), schedstat), for \
    each packet sent; what the kernel does before it queues a packet is the sender's. A daemon that loses packets \
    doesn't work for them, and so looks cheap; what ours has lost is from its log.";

/// Which of the floods are measured; all of them if nothing is chosen.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    /// Of the floods, those of these packets only.
    #[arg(long, value_enum)]
    kind: Vec<Kind>,
    /// Of the floods, those over this protocol only.
    #[arg(long, value_parser = PROTOCOLS)]
    protocol: Vec<String>,
    /// Of the floods, those with so many packets a second only; 0 is as many as one CPU sends.
    #[arg(long)]
    rate: Vec<u32>,
    /// How often each flood is measured.
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// Measures floods with our daemon only.
    #[arg(long)]
    alone: bool,
}

const PROTOCOLS: [&str; 2] = ["udp", "tcp"];

impl Choice {
    fn floods(&self) -> impl Iterator<Item = (Kind, &'static str, Option<u32>)> {
        let is_chosen = |(kind, protocol, rate): &(Kind, &'static str, Option<u32>)| {
            (self.kind.is_empty() || self.kind.contains(kind))
                && (self.protocol.is_empty() || self.protocol.iter().any(|chosen| chosen == protocol))
                && (self.rate.is_empty() || self.rate.contains(&rate.unwrap_or(0)))
        };
        let kinds = Kind::value_variants().iter();
        let floods = kinds.flat_map(|&kind| {
            PROTOCOLS.into_iter().flat_map(move |protocol| RATES.map(|rate| (kind, protocol, rate)))
        });
        floods.filter(is_chosen).flat_map(|flood| (0..self.times).map(move |_| flood))
    }
}

/// Measures.
pub(crate) fn measure(choice: &Choice) -> Outcome<Section> {
    let head = [
        "flood",
        "packets/s",
        "opened: ours",
        "opened: classic",
        "lost: ours",
        "ns/packet: ours",
        "ns/packet: classic",
        "switches/packet: ours",
        "switches/packet: classic",
    ];
    let mut section = Section::new("Honest knocks under floods", METHOD, &head);
    let lab = site::walled()?;
    for (kind, protocol, rate) in choice.floods() {
        let run = |keeper| Run::of(&lab, keeper, kind, protocol, rate);
        let ours = run(Keeper::Ours)?;
        let classic = if choice.alone { None } else { Some(run(Keeper::Classic)?) };
        let of_classic = |figure: &dyn Fn(&Run) -> String| classic.as_ref().map_or("-".to_owned(), figure);
        let speed = match (rate, &classic) {
            (Some(rate), _) => rate.to_string(),
            (None, Some(classic)) => format!("{:.0} and {:.0}", ours.rate(), classic.rate()),
            (None, None) => format!("{:.0}", ours.rate()),
        };
        let flood = format!("{}, {}", kind.name(), if protocol == "udp" { "UDP" } else { "SYN" });
        let opened = |run: &Run| format!("{} of {}", run.opened, honest::COUNT);
        let cost = |run: &Run| number(nanos_each(run.cpu, run.sent.packets));
        let switches = |run: &Run| number(Some(run.switches));
        if Keeper::Before.is_there() {
            let before = run(Keeper::Before)?;
            section.note(format!(
                "{flood}, {speed}: ours, before: {} ns, {} switches/packet",
                cost(&before),
                switches(&before)
            ));
        }
        section.row([
            flood,
            speed,
            opened(&ours),
            of_classic(&opened),
            format!("{} %", number(f64::from(ours.lost) * 100.0 / f64::from(ours.sent.packets))),
            cost(&ours),
            of_classic(&cost),
            switches(&ours),
            of_classic(&switches),
        ]);
    }
    Ok(section)
}

struct Run {
    opened: usize,
    sent: Sent,
    /// Packets for which the kernel had no room, as far as the daemon says so.
    lost: u32,
    cpu: Duration,
    /// How often a process of the daemon left a CPU, for each packet.
    switches: f64,
}

impl Run {
    fn of(lab: &Lab, keeper: Keeper, kind: Kind, protocol: &str, rate: Option<u32>) -> Outcome<Self> {
        lab.server().shell(&lab.filled_in("rm -f {DIR}/log"))?;
        let daemon = keeper.start(lab, &door(protocol, " Start_Command = :"))?;
        let before = Usage::of(daemon.id()?)?;
        let mut forge = Forge::new(kind, protocol)?;
        let (wire, cable) = (site::cable(lab)?, site::cable(lab)?);
        let stop = AtomicBool::new(false);
        let sent = thread::scope(|scope| {
            let flood = scope.spawn(|| forge.flood(&wire, rate, u32::MAX, &stop));
            thread::sleep(BEFORE);
            let knocked = honest::knock(&cable, protocol);
            stop.store(true, Ordering::Relaxed);
            let sent = flood.join().map_err(|_| Trouble::new("the flood has ended badly"))?;
            knocked.and(sent)
        })?;
        let opened = honest::opened(&daemon);
        if keeper != Keeper::Classic {
            thread::sleep(UNTIL_TOLD);
        }
        let after = Usage::of(daemon.id()?)?;
        let cpu = after.cpu.saturating_sub(before.cpu);
        let switches = f64::from(after.switches.saturating_sub(before.switches)) / f64::from(sent.packets);
        let lines = daemon.log().lines();
        let lost = lines
            .iter()
            .filter_map(|line| line.strip_prefix("packets dropped by the kernel: ")?.parse::<u32>().ok());
        Ok(Self { opened, sent, lost: lost.sum(), cpu, switches })
    }

    /// Packets a second.
    fn rate(&self) -> f64 {
        f64::from(self.sent.packets) / self.sent.took.as_secs_f64()
    }
}
