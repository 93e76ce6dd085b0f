//! Commands that don't end.

use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Lab, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, same},
};

use crate::support::knock;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("hanging_commands::delays_no_other_and_is_told", delays_no_other_and_is_told)]
}

/// How long a command may run before it is told.
const TOLD_AFTER: Duration = Duration::from_secs(30);

/// The start command hangs for 10.0.0.2, the stop command for 10.0.0.3, and each leaves one place for all others.
const CONFIG: &str = "[options]
    MaxCommands = 2
[door]
    Sequence = 7300:udp,7100:udp,7200:udp
    Start_Command = test %IP% != 10.0.0.2 || exec sleep 1001; echo %IP% >> {DIR}/opened
    Cmd_Timeout = 0.05
    Stop_Command = test %IP% != 10.0.0.3 || exec sleep 1002; echo %IP% >> {DIR}/closed
[second]
    Sequence = 6300:udp,6100:udp,6200:udp
    Start_Command = echo %IP% >> {DIR}/opened
    Cmd_Timeout = 0.05
    Stop_Command = echo %IP% >> {DIR}/closed
";

fn delays_no_other_and_is_told() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, CONFIG)?.start()?;
    let hanging = || -> Outcome<Vec<_>> {
        Ok(daemon.children()?.into_iter().filter(|child| child.name == "sleep").collect())
    };
    knock(&lab, "CLIENT")?;
    knock(&lab, "OTHER")?;
    let both = await_some(PATIENCE, || (hanging().ok()?.len() == 2).then_some(()));
    both.ok_or_else(|| Trouble::new(format!("the commands do not hang:\n{}", daemon.said())))?;
    let closed = |address: &str| lab.file("closed").lines().any(|line| line == address);
    for number in 4..20 {
        let address = format!("10.0.0.{number}");
        let first_port = if number % 2 == 0 { 7 } else { 6 };
        lab.send(&format!("udp {address} > SERVER:{first_port}300,{first_port}100,{first_port}200"))?;
        // Each opens and closes long before the others are given up.
        let quickly = await_some(PATIENCE / 2, || closed(&address).then_some(()));
        quickly.ok_or_else(|| Trouble::new(format!("{address} waits:\n{}", daemon.said())))?;
    }
    same("told too early", daemon.log().count("command still running"), 0)?;
    let told = || (daemon.log().count("door: command still running after 30") == 2).then_some(());
    await_some(TOLD_AFTER + PATIENCE, told)
        .ok_or_else(|| Trouble::new(format!("nobody is told:\n{}", daemon.said())))?;
    daemon.log().await_part(": test 10.0.0.2 != 10.0.0.2 || exec sleep 1001")?;
    daemon.log().await_part(": test 10.0.0.3 != 10.0.0.3 || exec sleep 1002")?;
    // What the one may have opened is closed, and nothing can open it behind that.
    daemon.log().await_line("10.0.0.2: door: ended its command, which still ran")?;
    await_some(PATIENCE, || closed("10.0.0.2").then_some(()))
        .ok_or_else(|| Trouble::new("what a hanging command opened stays open"))?;
    let hanging = hanging()?;
    same("the one that closes is let go on", hanging.len(), 1)?;
    hanging.iter().try_for_each(|command| command.signal(Signal::SIGKILL))?;
    daemon.log().await_count(2, "door: command killed by signal 9 (SIGKILL)")?;
    daemon.terminate()
}
