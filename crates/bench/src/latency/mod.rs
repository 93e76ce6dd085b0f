//! From the last knock to the open door.

mod news;
mod rival;
mod service;
mod spa;

use std::{ops::RangeInclusive, thread};

use trials::{
    net::Lab,
    trouble::{Outcome, Trouble},
};

use self::rival::{NATIVE, Rival};
use crate::{
    cpu,
    figures::{Samples, number, ratio},
    keeper::Keeper,
    section::Section,
    site,
};

/// Every source knocks once at each rival, and is a new one for all of them. So many while the machine has nothing else
/// to do, and as many others while every CPU is busy.
const SOURCES: u16 = 100;

const METHOD: &str = "Three UDP knocks 60 ms apart, the last one up to 66 ms later, from a source of its own each time, over a veth cable, the rivals in \
    turn, each in namespaces of its own; fwknopd has one authorisation packet instead. The clock runs from the system \
    call that sends the last one. For doors with commands it stops when this program has read the line that the last \
    part of the command writes to a FIFO (`echo %IP% > FIFO`), after nft where nft is in it; for our door that opens by \
    itself when it has read the kernel's word that the source is in the set. No probe disturbs them, but one is sent \
    afterwards and has to reach the service. `no daemon` is the same command run by this program itself: less than that \
    no daemon can take. For nftables alone it stops when a datagram to the service, sent right behind the last knock, has \
    come through the firewall and woken the service up. So every figure includes waking up somebody who sleeps until then \
    and comes before all others (`chrt --fifo`). Then the same once more while a thread keeps each CPU busy, as ordinary as the \
    rivals are.";

/// A ruleset that needs no daemon: who has knocked comes from one set into the next.
const RULES: &str = "table inet knock {
    set first { type ipv4_addr; flags dynamic,timeout; timeout 10s; size 65536; }
    set second { type ipv4_addr; flags dynamic,timeout; timeout 10s; size 65536; }
    set guests { type ipv4_addr; flags dynamic,timeout; timeout 10s; size 65536; }
    chain input {
        type filter hook input priority filter; policy drop;
        ip saddr @guests udp dport 2222 accept
        udp dport 7117 add @first { ip saddr } drop
        udp dport 2741 ip saddr @first add @second { ip saddr } drop
        udp dport 9303 ip saddr @second add @guests { ip saddr } drop
    }
}
";

/// Beside the door that opens by itself the knocks are dropped by rules, as they are with [`RULES`]: to answer them is the
/// kernel's work, and nothing of the daemon's.
const WITHOUT_ANSWERS: &str = "table inet quiet {
    chain input {
        type filter hook input priority filter; policy accept;
        udp dport { 7117, 2741, 9303 } drop
    }
}
";

/// What a door's command does, beside telling that it has.
const NFT: &str = "nft add element inet firewall guests { %IP% }; ";

/// Measures.
pub(crate) fn measure() -> Outcome<Section> {
    let head = ["rival", "command", "CPUs", "p50 µs", "p99 µs", "speed against classic", "opened"];
    let mut section = Section::new("Last knock to open door", METHOD, &head);
    let labs: Vec<Lab> = (0..9).map(|_| site::guarded()).collect::<Outcome<_>>()?;
    let in_kernel = site::with(RULES)?;
    let native = site::with(WITHOUT_ANSWERS)?;
    let [shell_classic, shell_ours, shell, nft_classic, nft_ours, nft, of_fwknop, shell_before, nft_before] =
        labs.as_slice()
    else {
        return Err(Trouble::new("there are nine laboratories"));
    };
    let mut rivals = vec![
        Rival::with_command(Keeper::Classic, shell_classic, "")?,
        Rival::with_command(Keeper::Ours, shell_ours, "")?,
        Rival::without_daemon(shell, "")?,
        Rival::with_command(Keeper::Classic, nft_classic, NFT)?,
        Rival::with_command(Keeper::Ours, nft_ours, NFT)?,
        Rival::without_daemon(nft, NFT)?,
    ];
    if Keeper::Before.is_there() {
        rivals.push(Rival::with_command(Keeper::Before, shell_before, "")?);
        rivals.push(Rival::with_command(Keeper::Before, nft_before, NFT)?);
    }
    match Rival::fwknop(of_fwknop) {
        Ok(rival) => rivals.push(rival),
        Err(trouble) => section.note(format!("fwknopd is left out: {trouble}")),
    }
    rivals.push(Rival::in_kernel(&in_kernel)?);
    rivals.push(Rival::native(&native)?);
    let first = knock(&mut rivals, 1..=SOURCES)?;
    if let Err(trouble) = first {
        section.note(format!("This program had to wait for its turn as well: {trouble}"));
    }
    tell(&mut section, &mut rivals, "idle");
    // Whether it comes first is told above.
    let _ = cpu::while_busy(|| knock(&mut rivals, SOURCES + 1..=2 * SOURCES))?;
    tell(&mut section, &mut rivals, "busy");
    Ok(section)
}

/// Has these sources knock at everybody's, in a thread of its own, which alone comes first. The inner outcome is whether it
/// does.
fn knock(rivals: &mut [Rival<'_>], mut sources: RangeInclusive<u16>) -> Outcome<Outcome> {
    thread::scope(|scope| {
        let rounds = scope.spawn(|| {
            let first = cpu::come_first();
            sources
                .try_for_each(|source| rivals.iter_mut().try_for_each(|rival| rival.knock(source)))
                .map(|()| first)
        });
        rounds.join().map_err(|_| Trouble::new("a round has ended badly"))?
    })
}

/// Adds a row for each of the rivals, who begin anew.
fn tell(section: &mut Section, rivals: &mut [Rival<'_>], cpus: &str) {
    let of_classic = |command| {
        let is_it = |rival: &&Rival<'_>| rival.name == Keeper::Classic.name() && rival.command == command;
        rivals.iter().find(is_it)?.times.median()
    };
    let of = |name, command| {
        let is_it = |rival: &&Rival<'_>| rival.name == name && rival.command == command;
        rivals.iter().find(is_it)?.times.median()
    };
    let native = of(Keeper::Ours.name(), NATIVE);
    section.note(format!(
        "The door that opens by itself, CPUs {cpus}: p50 {} that of nftables alone, {} as fast as the classic knockd with \
         nft.",
        ratio(native, of("nftables alone", "none")),
        ratio(of(Keeper::Classic.name(), "nft"), native),
    ));
    for rival in rivals.iter() {
        let median = rival.times.median();
        section.row([
            rival.name.to_owned(),
            rival.command.to_owned(),
            cpus.to_owned(),
            number(median),
            number(rival.times.percentile(99)),
            ratio(of_classic(rival.command), median),
            format!("{} of {SOURCES}", rival.times.count()),
        ]);
    }
    for rival in rivals {
        rival.times = Samples::default();
    }
}
