//! The same file of one-time sequences at both ends.

use std::{fs, os::unix::fs::PermissionsExt};

use libtest_mimic::Trial;
use trials::{
    net::{Lab, Setup},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::Maker;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("one_time::line_by_line", line_by_line)]
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
    let config = "[door]\n One_Time_Sequences = {DIR}/sequences\n Command = echo %IP% >> {DIR}/opened\n\
                  [plain]\n Sequence = 7900:udp\n Command = true\n";
    let daemon = Setup::new(&lab, config)?.start()?;
    for (time, (line, address)) in [(2, "10.0.0.1"), (4, "fd00::1"), (6, "10.0.0.1")].into_iter().enumerate()
    {
        let ended = Maker::Ours.run(&lab, &["--one-time", "copy", address])?;
        same(format!("line {line}"), ended.status, Some(0))?;
        daemon.log().await_count(time + 1, "door: OPEN SESAME")?;
        daemon
            .log()
            .await_part(&format!("door: one-time sequence in line {line} is used, {} left", 2 - time))?;
        // What was said may still be under way to who listens; two openings later the next line is in force.
        for opening in 2 * time..2 * time + 2 {
            lab.send("udp OTHER > SERVER:7900")?;
            daemon.log().await_count(opening + 1, "plain: OPEN SESAME")?;
        }
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
