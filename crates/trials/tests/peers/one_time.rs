//! The same file of one-time sequences at both ends.

use std::{fs, os::unix::fs::PermissionsExt};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Lab, Setup},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::Maker;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("one_time::line_by_line", line_by_line),
        trial("one_time::one_after_the_other_without_a_rest", one_after_the_other_without_a_rest),
    ]
}

const SEQUENCES: &str = "# for the laptop
 7300:udp, 7100:tcp

7301:tcp,7101:udp,7201:tcp
no sequence
7302:udp
";

fn line_by_line() -> Outcome {
    let lab = Lab::new()?;
    lab.write("sequences", SEQUENCES)?;
    lab.write("copy", SEQUENCES)?;
    fs::set_permissions(lab.directory().join("copy"), PermissionsExt::from_mode(0o600))?;
    let config = "[door]\n One_Time_Sequences = {DIR}/sequences\n Command = echo %IP% >> {DIR}/opened\n";
    let daemon = Setup::new(&lab, config)?.start()?;
    for (time, (line, address)) in [(2, "10.0.0.1"), (4, "fd00::1"), (6, "10.0.0.1")].into_iter().enumerate()
    {
        let ended = Maker::Ours.run(&lab, &["--one-time", "copy", address])?;
        same(format!("line {line}"), ended.status, Some(0))?;
        daemon.log().await_count(time + 1, "door: OPEN SESAME")?;
        daemon
            .log()
            .await_part(&format!("door: one-time sequence in line {line} is used, {} left", 2 - time))?;
        same(
            "the files",
            fs::read(lab.directory().join("copy"))?,
            fs::read(lab.directory().join("sequences"))?,
        )?;
    }
    lab.await_file("opened", "10.0.0.2\nfd00::2\n10.0.0.2\n")?;
    let ended = Maker::Ours.run(&lab, &["--one-time", "copy", "10.0.0.1"])?;
    same("status without a line", ended.status, Some(1))?;
    ensure(ended.err.starts_with("knock: copy: no sequence in it is left"), ended.err)?;
    daemon.terminate()
}

/// Between one sequence and the next no knock is lost, even if nothing is written to the disk before the eighth.
fn one_after_the_other_without_a_rest() -> Outcome {
    const COUNT: usize = 12;
    const AT_ONCE: usize = 8;
    let lab = Lab::new()?;
    let line = |number| format!("{}:udp,{}:udp,{}:udp\n", 7000 + number, 8000 + 7 * number, 6000 - number);
    let sequences = (0..COUNT).map(line).collect::<Vec<_>>().concat();
    lab.write("sequences", &sequences)?;
    lab.write("copy", &sequences)?;
    fs::set_permissions(lab.directory().join("copy"), PermissionsExt::from_mode(0o600))?;
    let config = "[door]\n One_Time_Sequences = {DIR}/sequences\n Command = echo %IP% >> {DIR}/opened\n";
    let daemon = Setup::new(&lab, config)?.start()?;
    let knock = |count| {
        (0..count).try_for_each(|_| {
            let ended = Maker::Ours.run(&lab, &["--one-time", "copy", "10.0.0.1"])?;
            same("status", (ended.status, ended.err.as_str()), (Some(0), ""))
        })
    };
    daemon.signal(Signal::SIGSTOP)?;
    knock(AT_ONCE)?;
    same("the file", lab.file("sequences"), sequences)?;
    daemon.signal(Signal::SIGCONT)?;
    daemon.log().await_count(AT_ONCE, "door: OPEN SESAME")?;
    knock(COUNT - AT_ONCE)?;
    daemon.log().await_count(COUNT, "door: OPEN SESAME")?;
    daemon.log().await_part("door: no one-time sequence left")?;
    lab.await_file("opened", &"10.0.0.2\n".repeat(COUNT))?;
    daemon.terminate()
}
