//! systemd's journal: what a service says goes there with its fields.

use std::os::unix::net::UnixDatagram;

use libtest_mimic::Trial;
use trials::{
    net::{Lab, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, While, ensure, same},
};

use crate::support::{DOOR, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("journald::gets_every_line_once", gets_every_line_once),
        trial("journald::may_be_missing", may_be_missing),
    ]
}

/// A `/run` with nothing but the laboratory's own journal, which standard output and standard error lead to as far as
/// anybody can see.
const JOURNAL: &str = "mkdir {DIR}/run
mount -t tmpfs none {DIR}/run
mkdir -p {DIR}/run/systemd/journal
ln -s {DIR}/journal {DIR}/run/systemd/journal/socket
mount --rbind {DIR}/run /run
exec >{DIR}/stdout 2>&1
JOURNAL_STREAM=$(stat -Lc %d:%i {DIR}/stdout)
export JOURNAL_STREAM";

const WITH_SYSLOG: &str = "[options]\n UseSyslog\n";

/// The fields of the next entry with this message.
fn await_entry(socket: &UnixDatagram, message: &str) -> Outcome<Vec<String>> {
    let first = format!("MESSAGE={message}");
    loop {
        let mut buffer = [0; 8192];
        let length = socket.recv(&mut buffer).while_(format!("waiting for {first:?}"))?;
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
        let fields: Vec<String> = text.lines().map(str::to_owned).collect();
        if fields.first() == Some(&first) {
            return Ok(fields);
        }
    }
}

fn gets_every_line_once() -> Outcome {
    let lab = Lab::new()?;
    let socket = UnixDatagram::bind(lab.directory().join("journal"))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let config = format!("{WITH_SYSLOG}{DOOR}");
    let daemon = Setup::new(&lab, &config)?.with(&["-v"]).behind(JOURNAL).start()?;
    let starting = await_entry(&socket, "starting up, listening on eth0")?;
    for field in ["PRIORITY=5", "SYSLOG_IDENTIFIER=knockd", "KNOCKD_EVENT=starting", "KNOCKD_INTERFACES=eth0"]
    {
        ensure(starting.iter().any(|one| one == field), format!("{field} in {starting:?}"))?;
    }
    knock(&lab, "CLIENT")?;
    for stage in 1..=3 {
        await_entry(&socket, &format!("10.0.0.2: door: Stage {stage}"))?;
    }
    let opened = await_entry(&socket, "10.0.0.2: door: OPEN SESAME")?;
    for field in ["KNOCKD_EVENT=opened", "KNOCKD_DOOR=door", "KNOCKD_SOURCE=10.0.0.2", "KNOCKD_STAGE=3"] {
        ensure(opened.iter().any(|one| one == field), format!("{field} in {opened:?}"))?;
    }
    let command = lab.filled_in("echo 10.0.0.2 >> {DIR}/opened");
    let running = await_entry(&socket, &format!("door: running command: {command}"))?;
    ensure(running.contains(&"KNOCKD_PURPOSE=start".to_owned()), format!("{running:?}"))?;
    daemon.log().await_line("10.0.0.2: door: OPEN SESAME")?;
    daemon.terminate()?;
    await_entry(&socket, "shutting down")?;
    same("what the outputs have got as well", lab.file("stdout").as_str(), "")
}

fn may_be_missing() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["-v"]).behind(JOURNAL).start()?;
    knock(&lab, "CLIENT")?;
    let shown = || lab.file("stdout").lines().any(|line| line == "10.0.0.2: door: OPEN SESAME").then_some(());
    let is_shown = await_some(PATIENCE, shown).is_some();
    ensure(is_shown, format!("the terminal has {}", lab.file("stdout")))?;
    daemon.terminate()
}
