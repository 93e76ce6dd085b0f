//! Traffic that does not pause for anything.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    frame::Frame,
    net::{Daemon, Lab, PATIENCE, Process, Setup, Wire, await_some},
    packet::Packet,
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::insist;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("traffic::loses_no_knock_by_reloads", loses_no_knock_by_reloads),
        trial("traffic::finds_the_old_door_or_the_new", finds_the_old_door_or_the_new),
        trial("traffic::goes_on_after_a_watcher", goes_on_after_a_watcher),
    ]
}

const CONFIG: &str = "[door]
    Sequence = 7300:udp,7100:udp,7200:udp
    Start_Command = :
    Cmd_Timeout = 0.05
    Stop_Command = :
";

/// What changes from one configuration to the next: with each the kernel gets another filter.
const OTHERS: [&str; 3] = [
    "[other]\n Sequence = 6300,6100,6200\n Command = true\n",
    "[other]\n Sequence = 6300:udp,6100,6200\n Command = true\n Wrong_Port = ignore\n",
    "",
];

fn address(source: usize) -> String {
    format!("10.7.{}.{}", source / 200, source % 200 + 1)
}

/// Has each of as many sources knock, at any moment a hundred at once, and does something in between.
fn traffic(
    lab: &Lab,
    sources: std::ops::Range<usize>,
    mut meanwhile: impl FnMut(usize) -> Outcome,
) -> Outcome {
    let wire = Wire::open(lab.client(), "eth0")?;
    let knocks = |source| -> Outcome<Vec<Frame>> {
        let packet: Packet = format!("udp {} > SERVER:7300,7100,7200", address(source)).parse()?;
        packet.frames(&mut 0)
    };
    for turn in sources.start..sources.end + 100 {
        for (knock, behind) in [0, 50, 100].into_iter().enumerate() {
            let Some(source) = turn.checked_sub(behind).filter(|source| sources.contains(source)) else {
                continue;
            };
            let frames = knocks(source)?;
            let frame = frames.get(knock).ok_or_else(|| Trouble::new("a knock is missing"))?;
            wire.send(&frame.bytes())?;
        }
        meanwhile(turn)?;
        thread::sleep(Duration::from_millis(3));
    }
    Ok(())
}

/// How often the door has opened, and closed, for each of the sources that it did.
fn openings(daemon: &Daemon<'_>) -> BTreeMap<String, (usize, usize)> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in daemon.log().lines() {
        if let Some(source) = line.strip_suffix(": door: OPEN SESAME") {
            counts.entry(source.to_owned()).or_default().0 += 1;
        } else if let Some(source) = line.strip_suffix(": door: command timeout") {
            counts.entry(source.to_owned()).or_default().1 += 1;
        }
    }
    counts
}

/// Waits until the door has opened and closed once for each of these, and tells for whom it has not.
fn await_once_each(daemon: &Daemon<'_>, sources: std::ops::Range<usize>) -> Outcome {
    let wrong = || {
        let counts = openings(daemon);
        sources.clone().find_map(|source| {
            let address = address(source);
            let count = counts.get(&address).copied().unwrap_or_default();
            (count != (1, 1)).then(|| format!("{address} opened and closed {count:?} times"))
        })
    };
    if await_some(3 * PATIENCE, || wrong().is_none().then_some(())).is_some() {
        return Ok(());
    }
    Err(Trouble::new(wrong().unwrap_or_default()).at(daemon.said()))
}

/// Every attempt is under way for as many as twenty reloads.
fn loses_no_knock_by_reloads() -> Outcome {
    const SOURCES: usize = 500;
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, CONFIG)?.start()?;
    let watcher = daemon.watcher()?;
    traffic(&lab, 0..SOURCES, |turn| {
        if turn % 5 != 0 {
            return Ok(());
        }
        let other = OTHERS.get(turn / 5 % OTHERS.len()).copied().unwrap_or_default();
        reload(&lab, &daemon, &format!("{CONFIG}{other}"))
    })?;
    await_once_each(&daemon, 0..SOURCES)?;
    was_only_reloaded(&daemon, &watcher)?;
    daemon.terminate()
}

fn reload(lab: &Lab, daemon: &Daemon<'_>, config: &str) -> Outcome {
    lab.write("next.conf", config)?;
    // No reload may find half a file.
    fs::rename(lab.directory().join("next.conf"), lab.directory().join("knockd.conf"))?;
    daemon.signal(Signal::SIGHUP)
}

/// Many times, and nothing else has happened to it.
fn was_only_reloaded(daemon: &Daemon<'_>, watcher: &Process) -> Outcome {
    let reloads = daemon.log().count("re-reading config file");
    // On a busy machine many signals may come to one.
    ensure(reloads > 5, format!("{reloads} reloads only"))?;
    same("configurations refused", daemon.log().count("stays unused"), 0)?;
    same("packets lost", daemon.log().count("packets dropped"), 0)?;
    same("the watcher", daemon.watcher()?.id, watcher.id)
}

/// The door itself changes with every reload, which ends the attempts at it: here each knock is a whole sequence. One
/// that was completed at the old door opens, and there is no moment without a door.
fn finds_the_old_door_or_the_new() -> Outcome {
    const SOURCES: usize = 600;
    let lab = Lab::new()?;
    let config = |timeout: usize| {
        let door = CONFIG.replace("7300:udp,7100:udp,7200:udp", "7300:udp");
        format!("{door} Seq_Timeout = {timeout}\n")
    };
    let daemon = Setup::new(&lab, &config(1))?.start()?;
    let watcher = daemon.watcher()?;
    let wire = Wire::open(lab.client(), "eth0")?;
    for source in 0..SOURCES {
        if source % 5 == 0 {
            reload(&lab, &daemon, &config(2 + source % 10))?;
        }
        let packet: Packet = format!("udp {} > SERVER:7300", address(source)).parse()?;
        packet.frames(&mut 0)?.iter().try_for_each(|frame| wire.send(&frame.bytes()))?;
        thread::sleep(Duration::from_millis(2));
    }
    await_once_each(&daemon, 0..SOURCES)?;
    was_only_reloaded(&daemon, &watcher)?;
    daemon.terminate()
}

/// What was under way is lost with it, and nothing else: not the openings, and nobody who comes later.
fn goes_on_after_a_watcher() -> Outcome {
    const SOURCES: usize = 200;
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, CONFIG)?.start()?;
    for time in 1..=3 {
        let sources = (time - 1) * SOURCES..time * SOURCES;
        traffic(&lab, sources, |turn| {
            if turn % SOURCES == 150 { daemon.watcher()?.signal(Signal::SIGKILL) } else { Ok(()) }
        })?;
        daemon.log().await_count(time, "watcher ended (signal: 9 (SIGKILL)), started anew in 0.")?;
        insist(&daemon, "door", "udp CLIENT > SERVER:7300,7100,7200", &lab)?;
        let opened = openings(&daemon).len();
        ensure(opened > 0, "nobody has come in before")?;
    }
    traffic(&lab, 3 * SOURCES..4 * SOURCES, |_| Ok(()))?;
    await_once_each(&daemon, 3 * SOURCES..4 * SOURCES)?;
    let all_closed = || openings(&daemon).values().all(|(opened, closed)| opened == closed).then_some(());
    await_some(PATIENCE, all_closed).ok_or_else(|| Trouble::new(format!("{:?}", openings(&daemon))))?;
    daemon.terminate()
}
