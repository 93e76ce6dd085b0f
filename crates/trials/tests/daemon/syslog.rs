//! The system's log.

use std::{os::unix::net::UnixDatagram, thread, time::Duration};

use libtest_mimic::Trial;
use trials::{
    net::{Lab, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, While, ensure},
};

use crate::support::{DOOR, insist, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("syslog::gets_every_line", gets_every_line), trial("syslog::may_be_missing", may_be_missing)]
}

/// A `/dev` with nothing but what is needed and the laboratory's own `/dev/log`.
const DEV: &str = "mkdir {DIR}/dev
mount -t tmpfs none {DIR}/dev
touch {DIR}/dev/null
mount --bind /dev/null {DIR}/dev/null
ln -s {DIR}/syslog {DIR}/dev/log
mount --rbind {DIR}/dev /dev";

const WITH_SYSLOG: &str = "[options]\n UseSyslog\n";

/// Waits for a line that ends so and gives all of it.
fn await_line(socket: &UnixDatagram, end: &str) -> Outcome<String> {
    loop {
        let mut buffer = [0; 8192];
        let length = socket.recv(&mut buffer).while_(format!("waiting for {end:?}"))?;
        let line = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
        if line.ends_with(end) {
            return Ok(line);
        }
    }
}

fn listen(lab: &Lab) -> Outcome<UnixDatagram> {
    let socket = UnixDatagram::bind(lab.directory().join("syslog"))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn gets_every_line() -> Outcome {
    let lab = Lab::new()?;
    let socket = listen(&lab)?;
    let daemon = Setup::new(&lab, &format!("{WITH_SYSLOG}{DOOR}"))?.behind(DEV).start()?;
    let id = daemon.id()?;
    // 24 is the facility daemon, 5 a notice (RFC 3164).
    let line = await_line(&socket, &format!(" knockd[{id}]: starting up, listening on eth0"))?;
    ensure(line.starts_with("<29>"), line)?;
    knock(&lab, "CLIENT")?;
    for stage in 1..=3 {
        await_line(&socket, &format!(" knockd[{id}]: 10.0.0.2: door: Stage {stage}"))?;
    }
    await_line(&socket, &format!(" knockd[{id}]: 10.0.0.2: door: OPEN SESAME"))?;
    await_line(&socket, &lab.filled_in("]: door: running command: echo 10.0.0.2 >> {DIR}/opened"))?;
    daemon.log().await_line("10.0.0.2: door: OPEN SESAME")?;
    // Whoever reads it is started anew.
    drop(socket);
    std::fs::remove_file(lab.directory().join("syslog"))?;
    let socket = listen(&lab)?;
    knock(&lab, "OTHER")?;
    await_line(&socket, &format!(" knockd[{id}]: 10.0.0.3: door: OPEN SESAME"))?;
    daemon.terminate()?;
    await_line(&socket, &format!(" knockd[{id}]: shutting down")).map(drop)
}

fn may_be_missing() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &format!("{WITH_SYSLOG}{DOOR}"))?.behind(DEV).start()?;
    daemon.log().await_part("syslog takes no lines: No such file or directory")?;
    knock(&lab, "CLIENT")?;
    lab.await_file("opened", "10.0.0.2\n")?;
    let socket = listen(&lab)?;
    insist(&daemon, "door", "udp OTHER > SERVER:7300,7100,7200", &lab)?;
    // It is tried again after some seconds, and has room for some ten lines: whoever does not read gets no more.
    socket.set_nonblocking(true)?;
    let found = await_some(2 * PATIENCE, || {
        knock(&lab, "OTHER").ok()?;
        thread::sleep(Duration::from_millis(20));
        await_line(&socket, "10.0.0.3: door: OPEN SESAME").ok()
    });
    ensure(found.is_some(), daemon.said())?;
    daemon.log().await_part("syslog takes lines again")?;
    daemon.terminate()
}
