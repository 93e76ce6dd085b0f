//! The guard of doors that open by themselves: from the start of the daemon to its end, and beyond.

use std::{fs, os::unix::process::ExitStatusExt, process::Command};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    binaries,
    net::{Daemon, Lab, Setup},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::{
    native_site::{
        KNOCKER, KNOCKER6, OTHER, OTHER6, await_open, await_shut, daemon, door, enter, is_open, is_shut,
        knock, lab,
    },
    support::{DOOR, one_line},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("native_life::the_kernel_closes_what_a_dead_daemon_has_opened", the_kernel_closes),
        trial("native_life::the_next_start_keeps_what_is_open", the_next_start_keeps_what_is_open),
        trial("native_life::a_reload_keeps_the_doors_that_stay", a_reload_keeps_the_doors_that_stay),
        trial("native_life::a_reload_that_fails_changes_nothing", a_reload_that_fails_changes_nothing),
        trial("native_life::the_end_keeps_the_guard_or_removes_it", the_end_keeps_the_guard_or_removes_it),
        trial("native_life::flush_removes_what_is_ours_alone", flush_removes_what_is_ours_alone),
        trial("native_life::a_second_daemon_does_not_guard", a_second_daemon_does_not_guard),
        trial("native_life::the_next_daemon_waits_for_the_end", the_next_daemon_waits_for_the_end),
        trial("native_life::without_the_right_it_does_not_start", without_the_right_it_does_not_start),
        trial("native_life::a_start_that_fails_leaves_no_new_guard", a_start_that_fails_leaves_no_new_guard),
        trial("native_life::a_guard_that_nobody_needs_is_told", a_guard_that_nobody_needs_is_told),
        trial("native_life::other_doors_leave_the_firewall_alone", other_doors_leave_the_firewall_alone),
    ]
}

/// Ends it as nobody should, and puts its log aside.
fn kill(mut daemon: Daemon<'_>, lab: &Lab) -> Outcome {
    daemon.signal(Signal::SIGKILL)?;
    same("signal", daemon.wait()?.signal(), Some(9))?;
    fs::rename(lab.directory().join("log"), lab.directory().join("log.before"))?;
    Ok(())
}

fn ruleset(lab: &Lab) -> Outcome<String> {
    lab.server().shell("nft list ruleset")
}

fn the_kernel_closes() -> Outcome {
    let lab = lab()?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 2")?;
    enter(&lab, &daemon, KNOCKER)?;
    enter(&lab, &daemon, KNOCKER6)?;
    kill(daemon, &lab)?;
    for (source, other) in [(KNOCKER, OTHER), (KNOCKER6, OTHER6)] {
        is_shut(&lab, other, "tcp/22")?;
        await_shut(&lab, source, "tcp/22")?;
    }
    Ok(())
}

fn the_next_start_keeps_what_is_open() -> Outcome {
    let lab = lab()?;
    let lines = "Open = tcp/22\n Cmd_Timeout = 30";
    let first = daemon(&lab, lines)?;
    enter(&lab, &first, KNOCKER)?;
    kill(first, &lab)?;
    let second = daemon(&lab, lines)?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    // It knows of them as if they were its own.
    enter(&lab, &second, KNOCKER)?;
    second.log().await_line("10.0.0.2: door: open for another 30 s: tcp/22")?;
    second.terminate()?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    // The port is another now, the door is the same.
    fs::remove_file(lab.directory().join("log"))?;
    let third = daemon(&lab, "Open = tcp/23\n Cmd_Timeout = 30")?;
    is_open(&lab, KNOCKER, "tcp/23")?;
    is_open(&lab, OTHER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/23")?;
    lab.server().shell("nft flush ruleset")?;
    third.log().await_part("in order again, openings: 1")?;
    is_open(&lab, KNOCKER, "tcp/23")?;
    third.terminate()
}

fn a_reload_keeps_the_doors_that_stay() -> Outcome {
    let lab = lab()?;
    let web = "[web]\n Sequence = 7400:udp,7100:udp,7500:udp\n Open = tcp/80\n Cmd_Timeout = 30\n";
    let ssh = door("Open = tcp/22\n Cmd_Timeout = 30");
    let daemon = Setup::new(&lab, &format!("{ssh}{web}"))?.start()?;
    enter(&lab, &daemon, KNOCKER)?;
    lab.send(&format!("udp {KNOCKER} > SERVER:7400,7100,7500"))?;
    daemon.log().await_line("10.0.0.2: web: open for 30 s: tcp/80")?;
    is_open(&lab, KNOCKER, "tcp/80")?;
    is_shut(&lab, OTHER, "tcp/80")?;
    daemon.reload(&ssh)?;
    await_open(&lab, OTHER, "tcp/80")?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    // What was open at the door that went is forgotten.
    daemon.reload(&format!("{ssh}{web}"))?;
    await_shut(&lab, KNOCKER, "tcp/80")?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    // Who was let in to other ports has not knocked for these.
    daemon.reload(&door("Open = tcp/22, tcp/80\n Cmd_Timeout = 30"))?;
    await_shut(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, KNOCKER, "tcp/80")?;
    // Without any such door there is no guard.
    daemon.reload(DOOR)?;
    await_open(&lab, OTHER, "tcp/22")?;
    ensure(!ruleset(&lab)?.contains("knockd"), ruleset(&lab)?)?;
    daemon.terminate()
}

fn a_reload_that_fails_changes_nothing() -> Outcome {
    let lab = lab()?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 30")?;
    enter(&lab, &daemon, KNOCKER)?;
    for (round, other) in [
        door("Open_Set = inet nowhere guests\n Cmd_Timeout = 30"),
        format!("{}[web]\n One_Time_Sequences = /nowhere\n Open = tcp/80\n", door("Open = tcp/23")),
        door("Open = tcp/0"),
    ]
    .iter()
    .enumerate()
    {
        daemon.reload(other)?;
        daemon.log().await_count(round + 1, "stays unused, the running configuration in force: 1 mistake")?;
        is_open(&lab, KNOCKER, "tcp/22")?;
        is_shut(&lab, OTHER, "tcp/22")?;
        is_open(&lab, OTHER, "tcp/23")?;
        is_open(&lab, OTHER, "tcp/80")?;
    }
    enter(&lab, &daemon, KNOCKER)?;
    daemon.terminate()
}

fn the_end_keeps_the_guard_or_removes_it() -> Outcome {
    let lab = lab()?;
    let lines = door("Open = tcp/22\n Cmd_Timeout = 30");
    let keeps = Setup::new(&lab, &lines)?.start()?;
    enter(&lab, &keeps, KNOCKER)?;
    keeps.terminate()?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    fs::remove_file(lab.directory().join("log"))?;
    let removes = Setup::new(&lab, &format!("[options]\n GuardOnExit = remove\n{lines}"))?.start()?;
    is_shut(&lab, OTHER, "tcp/22")?;
    removes.terminate()?;
    is_open(&lab, OTHER, "tcp/22")?;
    ensure(!ruleset(&lab)?.contains("knockd"), ruleset(&lab)?)
}

fn flush_removes_what_is_ours_alone() -> Outcome {
    let lab = lab()?;
    lab.server().shell(
        "nft 'add table inet knockd2; add table ip knockd; add set ip knockd s { type ipv4_addr; }; \
         add element ip knockd s { 192.0.2.1 }'",
    )?;
    let before = ruleset(&lab)?;
    let flush = Setup::bare(&lab)?.with(&["--flush"]);
    let nothing = flush.run()?;
    same("status", nothing.status, Some(0))?;
    same("said", nothing.out.as_str(), "there is no table inet knockd: nothing to remove\n")?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 30")?;
    enter(&lab, &daemon, KNOCKER)?;
    // While one runs nothing is touched.
    let refused = lab.server().output(Command::new(binaries::knockd()?).arg("--flush"))?;
    same("status", refused.status.code(), Some(1))?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let refusal = format!("knockd: another knockd guards ports here (process {} of user 0)", daemon.id()?);
    same("said", said, format!("{refusal}; stop it first\n"))?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    same("signs of meddling", daemon.log().count("table inet knockd"), 0)?;
    daemon.terminate()?;
    is_shut(&lab, OTHER, "tcp/22")?;
    let done = flush.run()?;
    same("status", done.status, Some(0))?;
    same("said", done.out.as_str(), "the table inet knockd is removed: no port is guarded any more\n")?;
    same("ruleset", ruleset(&lab)?, before)?;
    is_open(&lab, OTHER, "tcp/22")
}

fn a_second_daemon_does_not_guard() -> Outcome {
    let lab = lab()?;
    let first = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 30")?;
    enter(&lab, &first, KNOCKER)?;
    let before = lab.server().shell("nft -s list ruleset")?;
    lab.write("second.conf", &door("Open = tcp/23"))?;
    let arguments = lab
        .filled_in("-i eth0 -c {DIR}/second.conf -g {DIR}/second.log --state-dir {DIR}/second --socket none")
        .split(' ')
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let refused = lab.server().output(Command::new(binaries::knockd()?).args(&arguments))?;
    same("status", refused.status.code(), Some(1))?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure(said.contains("another knockd guards ports here (process "), said)?;
    same("ruleset", lab.server().shell("nft -s list ruleset")?, before.clone())?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    is_open(&lab, OTHER, "tcp/23")?;
    // Nor does one that has no guard at first.
    lab.write("second.conf", DOOR)?;
    fs::remove_file(lab.directory().join("second.log"))?;
    let log = lab.filled_in("{DIR}/second.log");
    let until =
        |what: &str| format!("timeout 10 sh -c \"until grep -q '{what}' {log}; do sleep 0.05; done\"");
    lab.server().shell(&format!(
        "{} {} >/dev/null 2>&1 & {}; sed -i 's/Command.*/Open = tcp\\/23/' {}; kill -HUP $!; {}; kill $!; wait $!",
        binaries::knockd()?.display(),
        arguments.join(" "),
        until("starting up"),
        lab.filled_in("{DIR}/second.conf"),
        until("first: another knockd guards ports here"),
    ))?;
    same("ruleset", lab.server().shell("nft -s list ruleset")?, before)?;
    is_shut(&lab, OTHER, "tcp/22")?;
    // Once the first guards nothing any more, the second may.
    first.reload(DOOR)?;
    await_open(&lab, OTHER, "tcp/22")?;
    let flushed = lab.server().output(Command::new(binaries::knockd()?).arg("--flush"))?;
    same("status", flushed.status.code(), Some(0))?;
    first.terminate()
}

/// As when one is started anew: the one of before has not quite gone.
fn the_next_daemon_waits_for_the_end() -> Outcome {
    let lab = lab()?;
    let lines = "Open = tcp/22\n Cmd_Timeout = 30";
    let mut first = daemon(&lab, lines)?;
    enter(&lab, &first, KNOCKER)?;
    let id = first.id()?;
    fs::rename(lab.directory().join("log"), lab.directory().join("log.before"))?;
    let second = Setup::new(&lab, &door(lines))?
        .behind(&format!("(sleep 1; kill {id}) >/dev/null 2>&1 & exec \"$@\""))
        .start()?;
    same("status", first.wait()?.code(), Some(0))?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    second.terminate()
}

/// Root in a user namespace of its own may do everything but administer this network.
const POWERLESS: &str = "exec setpriv --bounding-set=-net_admin --inh-caps=-net_admin \"$@\"";

fn without_the_right_it_does_not_start() -> Outcome {
    let lab = lab()?;
    let config = door("Open = tcp/22");
    for (arguments, advice) in
        [(&[][..], "start knockd as root"), (&["--flush"], "run knockd --flush as root")]
    {
        let ended = Setup::new(&lab, &config)?.with(arguments).behind(POWERLESS).run()?;
        one_line(&ended, &["CAP_NET_ADMIN", advice])?;
    }
    is_open(&lab, OTHER, "tcp/22")?;
    // A reload asks for it, too, and changes nothing.
    let daemon = Setup::new(&lab, DOOR)?.behind(POWERLESS).start()?;
    daemon.reload(&config)?;
    daemon
        .log()
        .await_part("stays unused, the running configuration in force: 1 mistake, first: doors with Open")?;
    knock(&lab, KNOCKER)?;
    lab.await_file("opened", "10.0.0.2\n")?;
    daemon.terminate()
}

/// It fails when the guard is up already: the watcher can't be confined as it has to be.
fn a_start_that_fails_leaves_no_new_guard() -> Outcome {
    let lab = lab()?;
    let config = door("Open = tcp/22\n Cmd_Timeout = 30");
    let unconfined = "exec setpriv --bounding-set=-setuid,-setgid --inh-caps=-setuid,-setgid \"$@\"";
    let fails = || -> Outcome {
        let ended = Setup::new(&lab, &config)?.with(&["--require-sandbox"]).behind(unconfined).run()?;
        ensure(ended.status == Some(1), format!("{ended:?}"))?;
        let _ = fs::remove_file(lab.directory().join("log"));
        Ok(())
    };
    fails()?;
    is_open(&lab, OTHER, "tcp/22")?;
    ensure(!ruleset(&lab)?.contains("knockd"), ruleset(&lab)?)?;
    // That of another stays.
    let daemon = Setup::new(&lab, &config)?.start()?;
    enter(&lab, &daemon, KNOCKER)?;
    kill(daemon, &lab)?;
    fails()?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")
}

fn a_guard_that_nobody_needs_is_told() -> Outcome {
    const TOLD: &str = "an earlier knockd has left its guard (table inet knockd)";
    let lab = lab()?;
    let check = |told: usize| {
        let ended = Setup::new(&lab, DOOR)?.with(&["--check"]).run()?;
        same("status", ended.status, Some(0))?;
        same("told", ended.err.matches(TOLD).count(), told)
    };
    check(0)?;
    let guards = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 30")?;
    // It is somebody's.
    check(0)?;
    guards.terminate()?;
    fs::remove_file(lab.directory().join("log"))?;
    check(1)?;
    let other = Setup::new(&lab, DOOR)?.start()?;
    same("told", other.log().count(TOLD), 1)?;
    same("what to do", other.log().count("if they are to be open, run knockd --flush"), 1)?;
    is_shut(&lab, OTHER, "tcp/22")?;
    let flushed = lab.server().output(Command::new(binaries::knockd()?).arg("--flush"))?;
    same("status", flushed.status.code(), Some(0))?;
    is_open(&lab, OTHER, "tcp/22")?;
    other.terminate()?;
    check(0)?;
    // Who may not look says nothing of it.
    lab.server().shell("nft add table inet knockd")?;
    fs::remove_file(lab.directory().join("log"))?;
    let powerless = Setup::new(&lab, DOOR)?.behind(POWERLESS).start()?;
    same("told", powerless.log().count("earlier knockd"), 0)?;
    powerless.terminate()
}

fn other_doors_leave_the_firewall_alone() -> Outcome {
    let lab = lab()?;
    lab.server().shell("nft add table inet knockd")?;
    let before = ruleset(&lab)?;
    let daemon = Setup::new(&lab, &format!("[options]\n GuardOnExit = remove\n{DOOR}"))?.start()?;
    knock(&lab, KNOCKER)?;
    lab.await_file("opened", "10.0.0.2\n")?;
    same("ruleset", ruleset(&lab)?, before.clone())?;
    daemon.terminate()?;
    same("ruleset", ruleset(&lab)?, before)?;
    // Nor does looking at a configuration or a capture.
    let config = door("Open = tcp/22");
    let check = Setup::new(&lab, &config)?.with(&["--check"]).run()?;
    same("status", check.status, Some(0))?;
    is_open(&lab, OTHER, "tcp/22")
}
