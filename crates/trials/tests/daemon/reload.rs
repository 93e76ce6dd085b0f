//! SIGHUP, as log rotation and administrators send it.

use std::fs;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Daemon, Lab, Log, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::{DOOR, insist, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("reload::rotates_the_log", rotates_the_log),
        trial("reload::rotates_the_log_whatever_else_fails", rotates_the_log_whatever_else_fails),
        trial("reload::puts_up_new_doors", puts_up_new_doors),
        trial("reload::keeps_what_is_in_force_over_mistakes", keeps_what_is_in_force_over_mistakes),
        trial("reload::moves_to_another_log", moves_to_another_log),
        trial("reload::moves_to_another_interface", moves_to_another_interface),
        trial("reload::many_at_once", many_at_once),
    ]
}

const OTHER: &str = "[fresh]\n Sequence = 7303:udp,7101:udp,7202:udp\n Command = echo %IP% >> {DIR}/fresh\n";

fn rotate(lab: &Lab, daemon: &Daemon<'_>) -> Outcome {
    fs::rename(lab.directory().join("log"), lab.directory().join("log.1"))?;
    daemon.signal(Signal::SIGHUP)
}

fn rotates_the_log() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_count(1, "OPEN SESAME")?;
    rotate(&lab, &daemon)?;
    insist(&daemon, "door", "udp OTHER > SERVER:7300,7100,7200", &lab)?;
    ensure(lab.file("log.1").contains("10.0.0.2: door: OPEN SESAME"), "the old log has lost lines")?;
    ensure(lab.file("log.1").contains("re-reading config file: knockd.conf"), lab.file("log.1"))?;
    ensure(!lab.file("log").contains("10.0.0.2"), "the new log has old lines")?;
    daemon.terminate()
}

/// A log that is not opened anew fills a file that nobody sees.
fn rotates_the_log_whatever_else_fails() -> Outcome {
    for broken in ["[door", "[door]\n One_Time_Sequences = {DIR}/none\n Command = true\n"] {
        let lab = Lab::new()?;
        let daemon = Setup::new(&lab, DOOR)?.start()?;
        lab.write("knockd.conf", broken)?;
        rotate(&lab, &daemon)?;
        insist(&daemon, "door", "udp CLIENT > SERVER:7300,7100,7200", &lab)
            .map_err(|trouble| trouble.at(broken))?;
        let said =
            || lab.file("stderr").contains("the running configuration in force: 1 mistake").then_some(());
        ensure(await_some(PATIENCE, said).is_some(), lab.file("stderr"))?;
        daemon.terminate()?;
    }
    Ok(())
}

fn puts_up_new_doors() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    daemon.reload(OTHER)?;
    insist(&daemon, "fresh", "udp CLIENT > SERVER:7303,7101,7202", &lab)?;
    knock(&lab, "CLIENT")?;
    lab.send("udp OTHER > SERVER:7303,7101,7202")?;
    daemon.log().await_line("10.0.0.3: fresh: OPEN SESAME")?;
    same("openings of the old door", daemon.log().count("door: OPEN SESAME"), 0)?;
    daemon.terminate()
}

fn keeps_what_is_in_force_over_mistakes() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let kept = "stays unused, the running configuration in force: ";
    daemon.reload("[fresh]\n Sequence = 0\n Comand = true\n")?;
    daemon.log().await_part(&format!("{kept}2 mistakes, first: knockd.conf:2:13: "))?;
    fs::remove_file(lab.directory().join("knockd.conf"))?;
    daemon.signal(Signal::SIGHUP)?;
    daemon.log().await_part(&format!("{kept}1 mistake, first: cannot read the configuration"))?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_line("10.0.0.2: door: OPEN SESAME")?;
    daemon.reload(&format!("{DOOR}{OTHER}"))?;
    insist(&daemon, "fresh", "udp CLIENT > SERVER:7303,7101,7202", &lab)?;
    daemon.terminate()
}

fn moves_to_another_log() -> Outcome {
    let lab = Lab::new()?;
    lab.write("knockd.conf", &format!("[options]\n LogFile = {{DIR}}/log\n{DOOR}"))?;
    let daemon = Setup::bare(&lab)?.with(&["-c", "knockd.conf"]).start()?;
    lab.write("knockd.conf", &format!("[options]\n LogFile = {{DIR}}/second\n{DOOR}"))?;
    daemon.signal(Signal::SIGHUP)?;
    let second = Log::new(lab.directory().join("second"));
    while second.count("OPEN SESAME") == 0 && daemon.log().count("OPEN SESAME") < 20 {
        let opened = second.count("OPEN SESAME") + daemon.log().count("OPEN SESAME");
        knock(&lab, "CLIENT")?;
        await_some(PATIENCE, || {
            (second.count("OPEN SESAME") + daemon.log().count("OPEN SESAME") > opened).then_some(())
        });
    }
    ensure(second.count("OPEN SESAME") > 0, "the second log stays empty")?;
    daemon.terminate()?;
    ensure(second.count("shutting down") == 1, "the end is not in the second log")
}

fn moves_to_another_interface() -> Outcome {
    let lab = Lab::new()?;
    lab.plug("eth1")?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let others = format!("[options]\n Interface = eth1, eth7\n{DOOR}");
    // A new name may be misspelt: nobody can walk up to a machine that listens nowhere.
    daemon.reload(&others)?;
    daemon.log().await_part(
        "stays unused, the running configuration in force: 1 mistake, first: there is no interface eth7",
    )?;
    lab.plug("eth7")?;
    daemon.reload(&others)?;
    insist(&daemon, "door", "udp CLIENT-B > SERVER-B:7300,7100,7200 on=eth1", &lab)?;
    knock(&lab, "CLIENT")?;
    // One that was there may go, and come again.
    lab.unplug("eth7")?;
    daemon.log().await_line("interface eth7 has gone")?;
    lab.plug("eth7")?;
    daemon.log().await_line("interface eth7 has come, listening on it")?;
    insist(&daemon, "door", "udp 10.0.7.2 > 10.0.7.1:7300,7100,7200 on=eth7", &lab)?;
    same("openings over eth0", daemon.log().count("10.0.0.2"), 0)?;
    daemon.terminate()
}

fn many_at_once() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let watcher = daemon.watcher()?;
    for number in 0..50 {
        lab.write("knockd.conf", if number % 2 == 0 { OTHER } else { DOOR })?;
        daemon.signal(Signal::SIGHUP)?;
    }
    daemon.reload(&format!("{DOOR}{OTHER}"))?;
    insist(&daemon, "fresh", "udp CLIENT > SERVER:7303,7101,7202", &lab)?;
    insist(&daemon, "door", "udp CLIENT > SERVER:7300,7100,7200", &lab)?;
    same("the watcher", daemon.watcher()?.id, watcher.id)?;
    daemon.terminate()
}
