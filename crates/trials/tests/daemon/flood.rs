//! Floods of knocks from sources that nobody is.

use libtest_mimic::Trial;
use serde_json::Value;
use trials::{
    net::{Lab, Log, PATIENCE, Setup, Wire, await_some},
    packet::Packet,
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::{DOOR, insist};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("flood::is_summed_up", is_summed_up),
        trial("flood::is_summed_up_in_objects", is_summed_up_in_objects),
        trial("flood::thousands_at_once_may_knock", thousands_at_once_may_knock),
        trial("flood::does_not_push_out_an_attempt", does_not_push_out_an_attempt),
    ]
}

/// Sends first knocks from as many sources, none of which has sent one before.
fn flood(lab: &Lab, from: u32, count: u32) -> Outcome {
    let wire = Wire::open(lab.client(), "eth0")?;
    for number in from..from + count {
        let [_, a, b, c] = number.to_be_bytes();
        let packet: Packet = format!("udp 11.{a}.{b}.{c} > SERVER:7300").parse()?;
        for frame in packet.frames(&mut 0)? {
            wire.send(&frame.bytes())?;
        }
    }
    Ok(())
}

/// How many lines the log says that it leaves out.
fn left_out(log: &Log) -> usize {
    let lines = log.lines().into_iter().filter(|line| line.contains(" left out: "));
    lines.filter_map(|line| line.split(' ').next()?.parse::<usize>().ok()).sum()
}

fn is_summed_up() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &format!("{DOOR} Seq_Timeout = 600\n"))?.start()?;
    for round in 0..8 {
        flood(&lab, round * 1000, 1000)?;
        if round == 4 {
            // In the midst of it; this fails unless it says that the door has opened.
            insist(&daemon, "door", "udp CLIENT > SERVER:7300,7100,7200", &lab)?;
        }
    }
    let stages = daemon.log().count(": door: Stage 1");
    ensure((500..6000).contains(&stages), format!("{stages} lines about first knocks"))?;
    // A flood that goes on is told of every five seconds, one that has ended a second later.
    let told = await_some(PATIENCE, || (left_out(daemon.log()) > 1000).then_some(()));
    ensure(told.is_some(), format!("{} of {} lines summed up", left_out(daemon.log()), 8000 - stages))?;
    daemon.terminate()
}

/// What objects are longer than lines they are fewer.
fn is_summed_up_in_objects() -> Outcome {
    let lab = Lab::new()?;
    let config = format!("[options]\n LogFormat = json\n{DOOR} Seq_Timeout = 600\n");
    let daemon = Setup::new(&lab, &config)?.launch()?;
    let objects = || -> Option<Vec<Value>> {
        lab.file("log").lines().map(|line| serde_json::from_str(line).ok()).collect()
    };
    let has = |event: &str| objects()?.iter().any(|object| object["event"] == event).then_some(());
    let is_up = await_some(PATIENCE, || has("starting"));
    ensure(is_up.is_some(), format!("not every line is an object: {}", lab.file("log")))?;
    flood(&lab, 0, 8000)?;
    let told = await_some(PATIENCE, || has("left-out"));
    ensure(told.is_some(), format!("{} bytes without a sum", lab.file("log").len()))?;
    let stages = objects().unwrap_or_default().iter().filter(|object| object["event"] == "stage").count();
    ensure((250..500).contains(&stages), format!("{stages} objects about first knocks"))?;
    ensure(lab.file("log").len() < 100_000, format!("{} bytes", lab.file("log").len()))?;
    daemon.terminate()
}

fn thousands_at_once_may_knock() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, "[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n")?.start()?;
    let watcher = daemon.watcher()?;
    let wire = Wire::open(lab.client(), "eth0")?;
    for number in 0..5000_u32 {
        let [_, _, a, b] = number.to_be_bytes();
        let packets: Packet = format!("udp 11.0.{a}.{b} > SERVER:7300,7100,7200").parse()?;
        for frame in packets.frames(&mut 0)? {
            wire.send(&frame.bytes())?;
        }
        if number % 500 == 499 {
            // The kernel has room for no more packets than a watcher takes that gets its time.
            daemon.log().await_count(number as usize + 1, "OPEN SESAME")?;
        }
    }
    same("watcher", daemon.watcher()?.id, watcher.id)?;
    ensure(!lab.file("log").contains("too many openings"), "openings were lost")?;
    daemon.terminate()
}

fn does_not_push_out_an_attempt() -> Outcome {
    let lab = Lab::new()?;
    let config = format!("[options]\n MaxAttempts = 1024\n{DOOR} Seq_Timeout = 600\n");
    let daemon = Setup::new(&lab, &config)?.start()?;
    lab.send("udp CLIENT > SERVER:7300,7100")?;
    daemon.log().await_line("10.0.0.2: door: Stage 2")?;
    flood(&lab, 0, 3000)?;
    daemon.log().await_part("gave way at stage 1")?;
    // The last knock may be lost in the flood, and is then made again: nothing else was.
    let opened = await_some(PATIENCE, || {
        lab.send("udp CLIENT > SERVER:7200").ok()?;
        (daemon.log().count("10.0.0.2: door: OPEN SESAME") > 0).then_some(())
    });
    ensure(opened.is_some(), "the attempt has been pushed out")?;
    daemon.terminate()
}
