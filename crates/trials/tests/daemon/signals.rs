//! Signals that end the daemon.

use libtest_mimic::Trial;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use trials::{
    net::{Lab, PATIENCE, Process, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::{insist, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("signals::sigterm_closes_what_is_open", || closes_what_is_open(Signal::SIGTERM)),
        trial("signals::sigint_closes_what_is_open", || closes_what_is_open(Signal::SIGINT)),
        trial("signals::end_waits_for_what_is_opening", end_waits_for_what_is_opening),
        trial("signals::ctrl_c_is_not_for_commands", ctrl_c_is_not_for_commands),
        trial("signals::dead_watcher_is_followed_by_another", dead_watcher_is_followed_by_another),
        trial("signals::watcher_ignores_what_is_for_its_monitor", watcher_ignores_what_is_for_its_monitor),
        trial("signals::dead_monitor_takes_its_watcher_along", dead_monitor_takes_its_watcher_along),
    ]
}

const LASTING: &str = "[door]
    Sequence = 7300:udp,7100:udp,7200:udp
    Start_Command = echo %IP% >> {DIR}/opened
    Cmd_Timeout = 3600
    Stop_Command = echo %IP% >> {DIR}/closed-%IP%
";

/// What is sent to all that is called knockd, or to its whole control group.
const FOR_THE_MONITOR: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2];

/// A door whose start command takes as long as the test wants.
const SLOW: &str = "[door]
    Sequence = 7300:udp,7100:udp,7200:udp
    Start_Command = touch {DIR}/began; while ! test -e {DIR}/go; do sleep 0.02; done; echo %IP% > {DIR}/opened
    Cmd_Timeout = 3600
    Stop_Command = echo %IP% > {DIR}/closed
";

fn closes_what_is_open(signal: Signal) -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Setup::new(&lab, LASTING)?.start()?;
    knock(&lab, "CLIENT")?;
    knock(&lab, "OTHER")?;
    daemon.log().await_count(2, "OPEN SESAME")?;
    daemon.signal(signal)?;
    let status = daemon.wait()?;
    same("status", status.code(), Some(0))?;
    same("one stop command", lab.file("closed-10.0.0.2").as_str(), "10.0.0.2\n")?;
    same("the other stop command", lab.file("closed-10.0.0.3").as_str(), "10.0.0.3\n")?;
    daemon.log().await_line("shutting down")?;
    same("processes left", lab.server().processes()?, Vec::new())
}

fn end_waits_for_what_is_opening() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Setup::new(&lab, SLOW)?.start()?;
    knock(&lab, "CLIENT")?;
    lab.await_file("began", "").and(daemon.log().await_part("running command"))?;
    daemon.signal(Signal::SIGTERM)?;
    daemon.log().await_line("shutting down")?;
    ensure(daemon.ended()?.is_none(), "it has not waited for the start command")?;
    lab.write("go", "")?;
    same("status", daemon.wait()?.code(), Some(0))?;
    same("opened", lab.file("opened").as_str(), "10.0.0.2\n")?;
    same("closed", lab.file("closed").as_str(), "10.0.0.2\n")
}

fn ctrl_c_is_not_for_commands() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Setup::new(&lab, SLOW)?.start()?;
    knock(&lab, "CLIENT")?;
    lab.await_file("began", "").and(daemon.log().await_part("running command"))?;
    let watcher = daemon.watcher()?;
    // What a terminal does: the whole group in the foreground gets it.
    killpg(Pid::from_raw(daemon.id()?), Signal::SIGINT)?;
    daemon.log().await_line("shutting down")?;
    ensure(watcher.group != daemon.id()?, "the watcher is in the daemon's group")?;
    lab.write("go", "")?;
    same("status", daemon.wait()?.code(), Some(0))?;
    same("opened", lab.file("opened").as_str(), "10.0.0.2\n")?;
    same("closed", lab.file("closed").as_str(), "10.0.0.2\n")?;
    ensure(!lab.file("log").contains("killed"), lab.file("log"))
}

fn dead_watcher_is_followed_by_another() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, LASTING)?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_count(1, "OPEN SESAME")?;
    for time in 1..=2 {
        let watcher = daemon.watcher()?;
        watcher.signal(Signal::SIGKILL)?;
        daemon.log().await_count(time, "watcher ended (signal: 9 (SIGKILL)), started anew in 0.")?;
        insist(&daemon, "door", "udp OTHER > SERVER:7300,7100,7200", &lab)?;
        ensure(daemon.watcher()?.id != watcher.id, "it is the same watcher")?;
    }
    ensure(lab.file("stderr").contains("watcher ended"), "standard error says nothing of it")?;
    // What was open when the watcher died is still known.
    ensure(lab.file("closed-10.0.0.2").is_empty(), "a door was closed")?;
    daemon.terminate()?;
    same("closed", lab.file("closed-10.0.0.2").as_str(), "10.0.0.2\n")
}

fn watcher_ignores_what_is_for_its_monitor() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Setup::new(&lab, LASTING)?.start()?;
    let watcher = daemon.watcher()?;
    for signal in FOR_THE_MONITOR {
        watcher.signal(signal)?;
    }
    knock(&lab, "CLIENT")?;
    daemon.log().await_count(1, "OPEN SESAME")?;
    same("watcher", daemon.watcher()?.id, watcher.id)?;
    ensure(!lab.file("log").contains("watcher ended"), lab.file("log"))?;
    daemon.signal(Signal::SIGKILL)?;
    daemon.wait()?;
    await_end(&watcher)
}

fn dead_monitor_takes_its_watcher_along() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Setup::new(&lab, LASTING)?.start()?;
    let watcher = daemon.watcher()?;
    daemon.signal(Signal::SIGKILL)?;
    daemon.wait()?;
    await_end(&watcher)
}

fn await_end(watcher: &Process) -> Outcome {
    let gone = || Process::find(watcher.id).is_none_or(|process| process.is_zombie).then_some(());
    await_some(PATIENCE, gone).ok_or_else(|| Trouble::new("the watcher lives on"))
}
