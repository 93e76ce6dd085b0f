//! Other doors need other packets: the daemon listens to other sockets, or with other filters, and nobody who knocks
//! meanwhile notices.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    frame::Frame,
    net::{Daemon, Lab, PATIENCE, Process, Setup, Wire, await_some},
    packet::Packet,
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("handover::a_reload_loses_and_doubles_no_knock", || {
            a_reload_loses_and_doubles_no_knock(CLASSIC)
        }),
        trial("handover::not_without_a_ring_either", || {
            a_reload_loses_and_doubles_no_knock(&without_rings()?.replace("\"$@\"", WITHOUT_BPF))
        }),
        trial("handover::nor_does_a_change_of_exact_filters", nor_does_a_change_of_exact_filters),
        trial("handover::a_one_time_sequence_does_not_either", || {
            a_one_time_sequence_does_not_either(CLASSIC)
        }),
        trial("handover::nor_with_any_filters", || a_one_time_sequence_does_not_either("")),
        trial("handover::waits_for_a_watcher_that_does_not_answer", waits_for_a_watcher_that_does_not_answer),
        trial("handover::what_needs_the_same_packets_keeps_its_socket", what_stays_keeps_its_socket),
    ]
}

use crate::ring::without_rings;

/// What a daemon is started behind so that it has to do with classic filters, which can't be changed under a socket.
const CLASSIC: &str = "exec setpriv --bounding-set=-bpf \"$@\"";

/// The same behind something else.
const WITHOUT_BPF: &str = "setpriv --bounding-set=-bpf \"$@\"";

/// A knock that is lost and one that comes twice are both wrong ports here.
const STEADY: &str = "[steady]\n Sequence = 7300:udp,7300:udp,7300:udp,7100:udp,7100:udp\n Command = true\n";

const KNOCKS: &str = "udp OTHER > SERVER:7300,7300,7300,7100,7100";

/// Knocks at the steady door without a pause, as long as `meanwhile` takes; how many times.
fn knock_during(lab: &Lab, meanwhile: impl FnOnce() -> Outcome) -> Outcome<usize> {
    let wire = Wire::open(lab.client(), "eth0")?;
    let frames: Vec<_> = KNOCKS.parse::<Packet>()?.frames(&mut 0)?.iter().map(Frame::bytes).collect();
    let has_ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let knocking = scope.spawn(|| -> Outcome<usize> {
            let mut times = 0;
            while !has_ended.load(Ordering::Relaxed) {
                for frame in &frames {
                    wire.send(frame)?;
                    thread::sleep(Duration::from_micros(500));
                }
                times += 1;
            }
            Ok(times)
        });
        let done = meanwhile();
        has_ended.store(true, Ordering::Relaxed);
        let times = knocking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        done.and(times)
    })
}

/// The steady door has opened so many times, and nothing went wrong at it.
fn expect_steady(daemon: &Daemon<'_>, times: usize) -> Outcome {
    let opened = || daemon.log().count(": steady: OPEN SESAME");
    await_some(PATIENCE, || (opened() >= times).then_some(()));
    same("discarded", daemon.log().count(": steady: discarded"), 0)?;
    let lines = daemon.log().lines();
    let dropped: Vec<_> = lines.iter().filter(|line| line.contains("packets dropped")).collect();
    ensure(dropped.is_empty(), format!("{dropped:?}"))?;
    same("openings", opened(), times)
}

/// The sockets that the watcher has open, its end of the conversation among them.
fn sockets(daemon: &Daemon<'_>) -> Outcome<BTreeSet<String>> {
    let targets = daemon.watcher()?.descriptors()?.into_values().map(|target| target.display().to_string());
    Ok(targets.filter(|target| target.starts_with("socket:")).collect())
}

/// Waits until a socket is open that is none of these; takes it in.
fn await_another(daemon: &Daemon<'_>, known: &mut BTreeSet<String>) -> Outcome {
    let another = || sockets(daemon).ok()?.into_iter().find(|socket| !known.contains(socket));
    let another = await_some(PATIENCE, another);
    ensure(another.is_some(), format!("the packet socket is not replaced\n{}", daemon.said()))?;
    known.extend(another);
    Ok(())
}

fn a_reload_loses_and_doubles_no_knock(before: &str) -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, STEADY)?.behind(before).start()?;
    let watcher = daemon.watcher()?;
    let mut known = sockets(&daemon)?;
    let times = knock_during(&lab, || {
        for turn in 0..20 {
            let other = "[other]\n Sequence = 6000,5000\n Command = true\n";
            daemon.reload(&if turn % 2 == 0 { format!("{STEADY}{other}") } else { STEADY.to_owned() })?;
            await_another(&daemon, &mut known)?;
        }
        Ok(())
    })?;
    ensure(times > 20, format!("knocked {times} times only"))?;
    expect_steady(&daemon, times)?;
    same("the watcher", daemon.watcher()?.id, watcher.id)?;
    daemon.terminate()
}

fn nor_does_a_change_of_exact_filters() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, STEADY)?.start()?;
    let (watcher, before) = (daemon.watcher()?, sockets(&daemon)?);
    let times = knock_during(&lab, || {
        for turn in 0..20 {
            let port = 6000 + turn;
            let other = format!("[other]\n Sequence = {port},5000\n Command = true\n");
            daemon.reload(&format!("{STEADY}{other}"))?;
            crate::support::insist(&daemon, "other", &format!("tcp CLIENT > SERVER:{port},5000"), &lab)?;
        }
        Ok(())
    })?;
    ensure(times > 20, format!("knocked {times} times only"))?;
    expect_steady(&daemon, times)?;
    same("the watcher", daemon.watcher()?.id, watcher.id)?;
    let is_exact = daemon.log().count("packets are filtered by classic BPF") == 0;
    same("whether the sockets are the same", sockets(&daemon)? == before, is_exact)?;
    daemon.terminate()
}

fn a_one_time_sequence_does_not_either(filters: &str) -> Outcome {
    let lab = Lab::new()?;
    let ports: Vec<_> = (0..20).map(|turn| (6000 + turn, 5000 + turn)).collect();
    let sequences: Vec<_> = ports.iter().map(|(first, last)| format!("{first}:udp,{last}:udp")).collect();
    lab.write("sequences", &sequences.join("\n"))?;
    // What overlooks wrong ports needs its own only, so that each sequence needs other packets.
    let once = "[once]\n One_Time_Sequences = {DIR}/sequences\n Command = true\n Wrong_Port = ignore\n";
    let daemon =
        Setup::new(&lab, &format!("{STEADY} Wrong_Port = ignore\n{once}"))?.behind(filters).start()?;
    let mut known = sockets(&daemon)?;
    let times = knock_during(&lab, || {
        for (turn, (first, last)) in ports.iter().enumerate() {
            let knock = format!("udp CLIENT > SERVER:{first},{last}");
            if filters.is_empty() {
                // It can't be seen from when on the next sequence is heard.
                crate::support::insist(&daemon, "once", &knock, &lab)?;
                continue;
            }
            lab.send(&knock)?;
            daemon.log().await_count(turn + 1, ": once: OPEN SESAME")?;
            // From then on it is.
            await_another(&daemon, &mut known)?;
        }
        Ok(())
    })?;
    ensure(times > 20, format!("knocked {times} times only"))?;
    expect_steady(&daemon, times)?;
    daemon.log().await_part("once: no one-time sequence left")?;
    daemon.terminate()
}

fn waits_for_a_watcher_that_does_not_answer() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, STEADY)?.behind(CLASSIC).start()?;
    let watcher = daemon.watcher()?;
    let monitor = Process::find(daemon.id()?).ok_or_else(|| Trouble::new("it has ended"))?;
    let count = || Ok::<_, Trouble>(monitor.descriptors()?.len());
    let before = count()?;
    watcher.signal(Signal::SIGSTOP)?;
    // Each needs other packets than the one before. All have to be done before it has been stopped for too long.
    for port in 6000..6008 {
        daemon.reload(&format!(
            "[steady]\n Sequence = 7300:udp\n Wrong_Port = ignore\n Command = true\n\
             [other]\n Sequence = {port}\n Wrong_Port = ignore\n Command = true\n"
        ))?;
    }
    // The one that it is to take over, and what steers the packets there; none of the others.
    let are_two_more = || (count().ok()? == before + 2).then_some(());
    ensure(
        await_some(PATIENCE / 10, are_two_more).is_some(),
        format!("{} descriptors, {before} before", count()?),
    )?;
    watcher.signal(Signal::SIGCONT)?;
    crate::support::insist(&daemon, "other", "tcp CLIENT > SERVER:6007", &lab)?;
    lab.send("tcp CLIENT > SERVER:6000,6006")?;
    lab.send("udp CLIENT > SERVER:7300")?;
    daemon.log().await_part("steady: OPEN SESAME")?;
    same("openings", daemon.log().count("other: OPEN SESAME"), 1)?;
    let is_done = || (count().ok()? == before).then_some(());
    ensure(await_some(PATIENCE, is_done).is_some(), "sockets are left open")?;
    same("the watcher", daemon.watcher()?.id, watcher.id)?;
    daemon.terminate()
}

fn what_stays_keeps_its_socket() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, STEADY)?.start()?;
    let before = sockets(&daemon)?;
    // Every UDP port is a wrong one, with this door as without it, and the first knock is the same.
    daemon.reload(&format!("{STEADY}[other]\n Sequence = 7300:udp,5000:udp\n Command = true\n"))?;
    crate::support::insist(&daemon, "other", "udp CLIENT > SERVER:7300,5000", &lab)?;
    same("the sockets", &sockets(&daemon)?, &before)?;
    daemon.terminate()
}
