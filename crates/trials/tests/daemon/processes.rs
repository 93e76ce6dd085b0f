//! What the daemon's processes have and leave behind.

use std::collections::BTreeMap;

use libtest_mimic::Trial;
use trials::{
    net::{Daemon, Lab, PATIENCE, Process, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::{DOOR, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("processes::no_zombies", no_zombies),
        trial("processes::commands_inherit_nothing", commands_inherit_nothing),
        trial("processes::descriptors_do_not_grow", descriptors_do_not_grow),
        trial("processes::watcher_has_little", watcher_has_little),
    ]
}

/// A descriptor that whoever starts the daemon has forgotten to close.
const LEFT_OPEN: &str = "exec 5< knockd.conf";

/// Waits until the daemon has no child but the watcher, dead ones included.
fn await_quiet(daemon: &Daemon<'_>) -> Outcome {
    let quiet = || (daemon.children().ok()?.len() == 1).then_some(());
    await_some(PATIENCE, quiet)
        .ok_or_else(|| Trouble::new(format!("children are left: {:?}", daemon.children())))
}

fn no_zombies() -> Outcome {
    let lab = Lab::new()?;
    let config = "[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n Command = kill -9 $$\n\
                  [second]\n Sequence = 7300:udp,7100:udp,7200:udp\n Command = exit 1\n\
                  [third]\n Sequence = 7300:udp,7100:udp,7200:udp\n Command = sleep 0.01 & true\n";
    let daemon = Setup::new(&lab, config)?.start()?;
    for number in 3..33 {
        knock(&lab, &format!("10.0.0.{number}"))?;
    }
    daemon.log().await_count(90, "OPEN SESAME")?;
    daemon.log().await_count(30, "door: command killed by signal 9 (SIGKILL)")?;
    daemon.log().await_count(30, "second: command returned non-zero status code (1)")?;
    await_quiet(&daemon)?;
    ensure(!daemon.watcher()?.is_zombie, "the watcher is dead")?;
    daemon.terminate()
}

fn commands_inherit_nothing() -> Outcome {
    let lab = Lab::new()?;
    // Until somebody opens the other end it waits, with nothing of its own open. A shell would block signals meanwhile.
    lab.server().shell(&lab.filled_in("mkfifo {DIR}/go"))?;
    let door = "[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n Command = exec cat {DIR}/go\n";
    let daemon = Setup::new(&lab, door)?.behind(LEFT_OPEN).start()?;
    knock(&lab, "CLIENT")?;
    let command = await_some(PATIENCE, || {
        let mut children = daemon.children().ok()?.into_iter();
        children.find(|child| child.name == "cat" && child.is_asleep)
    });
    let command = command.ok_or_else(|| Trouble::new("the command does not run"))?;
    let expected =
        [(0, "/dev/null".into()), (1, lab.directory().join("stdout")), (2, lab.directory().join("stderr"))];
    same("descriptors", command.descriptors()?, BTreeMap::from(expected))?;
    same("blocked signals", command.status("SigBlk")?.as_str(), "0000000000000000")?;
    let ignored = u64::from_str_radix(&command.status("SigIgn")?, 16)?;
    // SIGPIPE is number 13: a command that reads `yes | head` relies on it.
    ensure(ignored & (1 << 12) == 0, "SIGPIPE is ignored")?;
    same("the group", command.group, command.id)?;
    lab.server().shell(&lab.filled_in("echo > {DIR}/go"))?;
    await_quiet(&daemon)?;
    daemon.terminate()
}

fn descriptors_do_not_grow() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let count = || -> Outcome<Vec<usize>> {
        let all = [Process::find(daemon.id()?), Some(daemon.watcher()?)];
        all.into_iter().flatten().map(|process| Ok(process.descriptors()?.len())).collect()
    };
    let turn = |number: usize| -> Outcome {
        daemon.reload(DOOR)?;
        lab.plug("eth1")?;
        lab.unplug("eth1")?;
        knock(&lab, "CLIENT")?;
        daemon.log().await_count(number, "OPEN SESAME")?;
        await_quiet(&daemon)
    };
    turn(1)?;
    let before = count()?;
    (2..12).try_for_each(turn)?;
    same("the numbers of descriptors", count()?, before)?;
    daemon.terminate()
}

/// Neither a file nor a pipe of the daemon's is in reach of the process that reads packets.
fn watcher_has_little() -> Outcome {
    let lab = Lab::new()?;
    lab.plug("eth1")?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["-i", "eth0,eth1"]).behind(LEFT_OPEN).start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_count(1, "OPEN SESAME")?;
    let watcher = daemon.watcher()?;
    let sockets = watcher
        .descriptors()?
        .into_values()
        .filter(|path| path.starts_with("/") || path.to_string_lossy().starts_with("pipe:"));
    let outside: Vec<_> = sockets.collect();
    let stderr = lab.directory().join("stderr");
    same("files", outside, vec![stderr.clone(), stderr])?;
    let environment = std::fs::read(format!("/proc/{}/environ", watcher.id))?;
    same("its environment", environment, Vec::new())?;
    daemon.terminate()
}
