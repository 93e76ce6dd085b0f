//! What is open is closed, whatever happens to the daemon.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Daemon, Lab, Log, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::{DOOR, knock, one_line};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("state::what_was_left_open_is_closed_on_time", what_was_left_open_is_closed_on_time),
        trial("state::overdue_openings_are_closed_at_once", overdue_openings_are_closed_at_once),
        trial("state::interrupted_commands_open_nothing_more", interrupted_commands_open_nothing_more),
        trial("state::a_stop_that_hangs_stays_noted", a_stop_that_hangs_stays_noted),
        trial("state::full_disk_shuts_the_doors_that_close", full_disk_shuts_the_doors_that_close),
        trial("state::full_disk_at_the_start", full_disk_at_the_start),
        trial("state::directories_that_cannot_be_used", directories_that_cannot_be_used),
        trial("state::is_needed_by_doors_that_close_only", is_needed_by_doors_that_close_only),
        trial("state::belongs_to_one_daemon", belongs_to_one_daemon),
        trial("state::damaged_lines_are_told", damaged_lines_are_told),
        trial("state::who_cannot_start_closes_first", who_cannot_start_closes_first),
        trial("state::a_reload_takes_up_what_was_left", a_reload_takes_up_what_was_left),
        trial("state::a_knock_opens_anew_what_was_left", a_knock_opens_anew_what_was_left),
    ]
}

/// A door that stays open for so many seconds; who passes is in `open.SOURCE`, what was run in `ran`.
fn door(stay: f64) -> String {
    format!(
        "[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n Cmd_Timeout = {stay}\n \
         Start_Command = echo start >> {{DIR}}/ran; touch {{DIR}}/open.%IP%\n \
         Stop_Command = echo stop >> {{DIR}}/ran; rm -f {{DIR}}/open.%IP%\n"
    )
}

/// Ends it as nobody should, and puts its log aside.
fn crash(mut daemon: Daemon<'_>, lab: &Lab) -> Outcome {
    daemon.signal(Signal::SIGKILL)?;
    same("signal", daemon.wait()?.signal(), Some(9))?;
    fs::rename(lab.directory().join("log"), lab.directory().join("log.before"))?;
    Ok(())
}

fn is_noted(lab: &Lab) -> bool {
    !lab.file("state/openings").is_empty()
}

fn await_closed(lab: &Lab) -> Outcome {
    let is_closed = || (!lab.directory().join("open.10.0.0.2").exists() && !is_noted(lab)).then_some(());
    await_some(PATIENCE, is_closed).ok_or_else(|| Trouble::new("it is not closed"))
}

fn what_was_left_open_is_closed_on_time() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &door(2.0))?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_part("command ended")?;
    let opened = Instant::now();
    ensure(is_noted(&lab), "it is not noted")?;
    crash(daemon, &lab)?;
    ensure(lab.directory().join("open.10.0.0.2").exists(), "it was closed by the crash")?;
    // The door has gone from the configuration since.
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    daemon.log().await_part("10.0.0.2: door: was left open, closing it in ")?;
    await_closed(&lab)?;
    let open_for = opened.elapsed();
    ensure(
        open_for > Duration::from_millis(1800) && open_for < Duration::from_secs(4),
        format!("it stayed open for {open_for:?}"),
    )?;
    same("commands", lab.file("ran").as_str(), "start\nstop\n")?;
    daemon.log().await_line("10.0.0.2: door: command timeout")?;
    daemon.terminate()
}

fn overdue_openings_are_closed_at_once() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &door(0.2))?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_part("command ended")?;
    daemon.signal(Signal::SIGSTOP)?;
    let opened = Instant::now();
    await_some(PATIENCE, || (opened.elapsed() > Duration::from_millis(400)).then_some(()));
    crash(daemon, &lab)?;
    let daemon = Setup::new(&lab, &door(0.2))?.start()?;
    daemon.log().await_line("10.0.0.2: door: was left open, closing it now")?;
    await_closed(&lab)?;
    same("commands", lab.file("ran").as_str(), "start\nstop\n")?;
    daemon.terminate()?;
    // It is closed for good.
    fs::remove_file(lab.directory().join("log"))?;
    Setup::new(&lab, &door(0.2))?.start()?.terminate()?;
    same("commands", lab.file("ran").as_str(), "start\nstop\n")
}

/// A start command outlives the daemon. It must not open the door again behind the stop command.
fn interrupted_commands_open_nothing_more() -> Outcome {
    let lab = Lab::new()?;
    let config = "[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n Cmd_Timeout = 0.1\n \
         Start_Command = touch {DIR}/begun; sleep 3; touch {DIR}/open.%IP%\n \
         Stop_Command = echo stop >> {DIR}/ran; rm -f {DIR}/open.%IP%\n";
    let daemon = Setup::new(&lab, config)?.start()?;
    knock(&lab, "CLIENT")?;
    await_some(PATIENCE, || lab.directory().join("begun").exists().then_some(()));
    crash(daemon, &lab)?;
    ensure(lab.server().processes()?.iter().any(|one| one.name == "sh"), "the command did not survive")?;
    let daemon = Setup::new(&lab, config)?.start()?;
    daemon.log().await_line("10.0.0.2: door: ended its command, which still ran")?;
    await_closed(&lab)?;
    same("commands", lab.file("ran").as_str(), "stop\n")?;
    // No process is left: nothing can open it any more.
    daemon.terminate()
}

/// The end of the daemon takes the 20 seconds that it has, and the next one goes on with it.
fn a_stop_that_hangs_stays_noted() -> Outcome {
    let lab = Lab::new()?;
    let config = "[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n Cmd_Timeout = 30\n \
         Start_Command = touch {DIR}/open.%IP%\n \
         Stop_Command = test -e {DIR}/free || exec sleep 60; rm -f {DIR}/open.%IP%\n";
    let mut daemon = Setup::new(&lab, config)?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_part("command ended")?;
    daemon.signal(Signal::SIGTERM)?;
    let status = await_some(3 * PATIENCE, || daemon.ended().transpose()).transpose()?;
    ensure(status.is_some_and(|status| status.success()), format!("it ended with {status:?}"))?;
    daemon.log().await_line("10.0.0.2: door: could not be closed in time; the next start closes it")?;
    ensure(is_noted(&lab), "it is not noted any more")?;
    lab.write("free", "")?;
    fs::remove_file(lab.directory().join("log"))?;
    let daemon = Setup::new(&lab, config)?.start()?;
    daemon.log().await_line("10.0.0.2: door: ended its command, which still ran")?;
    await_closed(&lab)?;
    daemon.terminate()
}

/// A state directory of 64 KiB, full but for the room that a start needs.
const SMALL: &str = "mkdir -p {DIR}/small && mount -t tmpfs -o size=64k,mode=0700 none {DIR}/small";

fn full_disk_shuts_the_doors_that_close() -> Outcome {
    let lab = Lab::new()?;
    let config = format!("{}[other]\n Sequence = 7400:udp,7300:udp,7500:udp\n Command = true\n", door(30.0));
    let daemon = Setup::new(&lab, &config)?.with(&["--state-dir", "{DIR}/small"]).behind(SMALL).start()?;
    let small = format!("/proc/{}/root{}/small", daemon.id()?, lab.directory().display());
    let filler = format!("{small}/filler");
    let full = fs::write(&filler, vec![0; 128 << 10]);
    ensure(full.is_err(), "the directory is not full")?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_line(
        "10.0.0.2: door: not opened, as it could not be noted that it has to be closed: \
         No space left on device (os error 28)",
    )?;
    lab.send("udp CLIENT > SERVER:7400,7300,7500")?;
    daemon.log().await_part("other: command ended after ")?;
    same("commands", lab.file("ran").as_str(), "")?;
    fs::remove_file(&filler)?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_part("door: command ended after ")?;
    ensure(!lab.file("ran").is_empty(), "it stays shut")?;
    daemon.terminate()?;
    same("commands", lab.file("ran").as_str(), "start\nstop\n")
}

fn full_disk_at_the_start() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &door(30.0))?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_part("command ended")?;
    crash(daemon, &lab)?;
    // What is open stands in the full directory too.
    let full = format!(
        "{SMALL}; cp -p {{DIR}}/state/openings {{DIR}}/small/; cat /dev/zero > {{DIR}}/small/filler 2> /dev/null || :"
    );
    let setup = Setup::new(&lab, &door(30.0))?.with(&["--state-dir", "{DIR}/small"]).behind(&full);
    let ended = setup.run()?;
    same("status", ended.status, Some(1))?;
    for part in
        ["closing what was left open\n", "knockd: cannot use the state directory ", "No space left on device"]
    {
        ensure(ended.err.contains(part), ended.err.clone())?;
    }
    same("commands", lab.file("ran").as_str(), "start\nstop\n")?;
    Log::new(lab.directory().join("log")).await_part("10.0.0.2: door: was left open, closing it now")
}

fn directories_that_cannot_be_used() -> Outcome {
    let lab = Lab::new()?;
    for (lines, parts) in [
        (
            "mkdir {DIR}/d && mount -t tmpfs -o ro,mode=0700 none {DIR}/d",
            ["cannot use the state directory ", "Read-only file system"],
        ),
        ("mkdir -m 777 {DIR}/d", ["writable by others (mode 0777)", "chmod"]),
        ("touch {DIR}/d", ["cannot use the state directory ", "Not a directory"]),
    ] {
        let setup = Setup::new(&lab, &door(1.0))?.with(&["--state-dir", "{DIR}/d"]).behind(lines);
        one_line(&setup.run()?, &parts)?;
        let path = lab.directory().join("d");
        fs::remove_dir(&path).or_else(|_| fs::remove_file(&path))?;
        // --check says the same, and starts nothing.
        let check = setup.with(&["--check"]).run()?;
        same("status", check.status, Some(0))?;
        ensure(check.err.contains("warning: ") && check.err.contains(parts[0]), check.err)?;
        fs::remove_dir(&path).or_else(|_| fs::remove_file(&path))?;
    }
    Ok(())
}

/// A door without a stop command needs no directory; one that a reload brings does.
fn is_needed_by_doors_that_close_only() -> Outcome {
    let lab = Lab::new()?;
    lab.write("file", "")?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["--state-dir", "{DIR}/file/state"]).start()?;
    knock(&lab, "CLIENT")?;
    lab.await_file("opened", "10.0.0.2\n")?;
    daemon.reload(&door(0.1))?;
    daemon
        .log()
        .await_part("stays unused, the running configuration in force: 1 mistake, first: cannot use")?;
    fs::remove_file(lab.directory().join("file"))?;
    daemon.reload(&door(0.1))?;
    await_some(PATIENCE, || lab.directory().join("file/state/openings").exists().then_some(()))
        .ok_or_else(|| Trouble::new("the reload has made no journal"))?;
    knock(&lab, "CLIENT")?;
    lab.await_file("ran", "start\nstop\n")?;
    daemon.terminate()
}

fn belongs_to_one_daemon() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &door(1.0))?.start()?;
    let second = Setup::new(&lab, &door(1.0))?.with(&["-g", "log.second"]);
    one_line(&second.run()?, &["another knockd uses the state directory ", "--state-dir"])?;
    daemon.terminate()
}

fn damaged_lines_are_told() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &door(30.0))?.start()?;
    knock(&lab, "CLIENT")?;
    knock(&lab, "OTHER")?;
    daemon.log().await_count(2, "command ended")?;
    crash(daemon, &lab)?;
    let journal = lab.file("state/openings");
    fs::write(lab.directory().join("state/openings"), journal.replacen("10.0.0.2", "10.0.0.9", 1))?;
    let daemon = Setup::new(&lab, &door(30.0))?.start()?;
    daemon.log().await_part(" cannot be read, 1 in all, line 1 first: ")?;
    daemon.log().await_part("10.0.0.3: door: was left open, closing it in ")?;
    same("what was kept", lab.file("state/openings.damaged").len(), journal.len())?;
    daemon.terminate()?;
    same("commands", lab.file("ran").as_str(), "start\nstart\nstop\n")
}

/// Whatever the reason is: nobody knows when it will start.
fn who_cannot_start_closes_first() -> Outcome {
    let lab = Lab::new()?;
    for (arguments, config) in [
        (&["-i", "none0"][..], door(30.0)),
        (&[][..], format!("{}Seq_Timeout = never\n", door(30.0))),
        (&["-g", "{DIR}/none/log"][..], door(30.0)),
    ] {
        let daemon = Setup::new(&lab, &door(30.0))?.start()?;
        knock(&lab, "CLIENT")?;
        daemon.log().await_part("command ended")?;
        crash(daemon, &lab)?;
        let ended = Setup::new(&lab, &config)?.with(arguments).run()?;
        same("status", ended.status, Some(1))?;
        ensure(ended.err.contains("knockd cannot start: closing what was left open"), ended.err)?;
        same("commands", lab.file("ran").as_str(), "start\nstop\n")?;
        ensure(!is_noted(&lab), "it is noted still")?;
        fs::remove_file(lab.directory().join("ran"))?;
        let _ = fs::remove_file(lab.directory().join("log"));
    }
    Ok(())
}

/// Another daemon had the directory, and has died.
fn a_reload_takes_up_what_was_left() -> Outcome {
    let lab = Lab::new()?;
    let other = Setup::new(&lab, DOOR)?.start()?;
    fs::rename(lab.directory().join("log"), lab.directory().join("log.other"))?;
    let daemon = Setup::new(&lab, &door(0.5))?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_part("command ended")?;
    crash(daemon, &lab)?;
    other.signal(Signal::SIGHUP)?;
    await_closed(&lab)?;
    same("commands", lab.file("ran").as_str(), "start\nstop\n")?;
    other.terminate()
}

/// Nobody knows whether it is open still: a reboot may have closed it without the daemon.
fn a_knock_opens_anew_what_was_left() -> Outcome {
    let lab = Lab::new()?;
    let config = format!("{} Reknock = extend\n", door(30.0));
    let daemon = Setup::new(&lab, &config)?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_part("command ended")?;
    crash(daemon, &lab)?;
    fs::remove_file(lab.directory().join("open.10.0.0.2"))?;
    let daemon = Setup::new(&lab, &config)?.start()?;
    knock(&lab, "CLIENT")?;
    lab.await_file("ran", "start\nstop\nstart\n")?;
    let is_open = || lab.directory().join("open.10.0.0.2").exists().then_some(());
    await_some(PATIENCE, is_open).ok_or_else(|| Trouble::new("it is not open"))?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_part("10.0.0.2: door: stays open longer, for ")?;
    daemon.terminate()?;
    same("commands", lab.file("ran").as_str(), "start\nstop\nstart\nstop\n")
}
