//! One-time sequences on disks that will not have it.

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Daemon, Lab, Setup},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::{DOOR, insist, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("one_time::read_only_file_shuts_the_door", || {
            cannot_be_marked(READ_ONLY, "umount {DIR}/sequences")
        }),
        trial("one_time::missing_file_shuts_the_door", || {
            cannot_be_marked("mv {DIR}/sequences {DIR}/away", "mv {DIR}/away {DIR}/sequences")
        }),
        trial("one_time::full_disk_is_no_matter", full_disk_is_no_matter),
        trial("one_time::two_doors_share_a_file", two_doors_share_a_file),
        trial("one_time::not_again_after_a_kill", not_again_after_a_kill),
        trial("one_time::other_doors_with_files_go_on", other_doors_with_files_go_on),
    ]
}

const READ_ONLY: &str =
    "mount --bind {DIR}/sequences {DIR}/sequences && mount -o remount,bind,ro {DIR}/sequences";

const ONCE: &str = "[once]\n One_Time_Sequences = {DIR}/sequences\n Command = echo %IP% >> {DIR}/once\n";

const SEQUENCES: &str = "6300:udp,6100:udp\n6301:udp,6101:udp\n6302:udp,6102:udp\n";

/// Waits until everything sent before has been judged.
fn settle(lab: &Lab, daemon: &Daemon<'_>) -> Outcome {
    insist(daemon, "door", "udp OTHER > SERVER:7300,7100,7200", lab)
}

fn reload(daemon: &Daemon<'_>) -> Outcome {
    let before = daemon.log().count("re-reading config file");
    daemon.signal(Signal::SIGHUP)?;
    daemon.log().await_count(before + 1, "re-reading config file")
}

fn cannot_be_marked(spoil: &str, mend: &str) -> Outcome {
    let lab = Lab::new()?;
    lab.write("sequences", SEQUENCES)?;
    let daemon = Setup::new(&lab, &format!("{ONCE}{DOOR}"))?.start()?;
    lab.server().shell(&lab.filled_in(spoil))?;
    lab.send("udp CLIENT > SERVER:6300,6100")?;
    daemon.log().await_part("once: one-time sequence cannot be marked in ")?;
    daemon.log().await_part(": the door stays shut")?;
    for packets in ["udp CLIENT > SERVER:6300,6100", "udp CLIENT > SERVER:6301,6101"] {
        lab.send(packets)?;
    }
    settle(&lab, &daemon)?;
    reload(&daemon)?;
    lab.send("udp CLIENT > SERVER:6300,6100")?;
    settle(&lab, &daemon)?;
    same("openings", daemon.log().count("once: OPEN SESAME"), 0)?;
    // Mended, the next sequence is in force; the one that was used never is.
    lab.server().shell(&lab.filled_in(mend))?;
    reload(&daemon)?;
    lab.send("udp CLIENT > SERVER:6300,6100")?;
    insist(&daemon, "once", "udp CLIENT > SERVER:6301,6101", &lab)?;
    same("openings", daemon.log().count("once: OPEN SESAME"), 1)?;
    lab.await_file("once", "10.0.0.2\n")?;
    same(
        "the file",
        lab.file("sequences").as_str(),
        "#300:udp,6100:udp\n#301:udp,6101:udp\n6302:udp,6102:udp\n",
    )?;
    daemon.terminate()
}

fn full_disk_is_no_matter() -> Outcome {
    let lab = Lab::new()?;
    lab.server().shell(&lab.filled_in("mkdir {DIR}/small && mount -t tmpfs -o size=4k none {DIR}/small"))?;
    lab.write("small/sequences", SEQUENCES)?;
    let config = ONCE.replace("{DIR}/sequences", "{DIR}/small/sequences");
    let daemon = Setup::new(&lab, &format!("{config}{DOOR}"))?.start()?;
    let spare = lab.server().shell(&lab.filled_in("echo x > {DIR}/small/spare"));
    ensure(spare.is_err(), "the disk is not full")?;
    lab.send("udp CLIENT > SERVER:6300,6100")?;
    daemon.log().await_line("once: one-time sequence in line 1 is used, 2 left")?;
    lab.await_file("once", "10.0.0.2\n")?;
    same(
        "the file",
        lab.file("small/sequences").as_str(),
        "#300:udp,6100:udp\n6301:udp,6101:udp\n6302:udp,6102:udp\n",
    )?;
    daemon.terminate()?;
    lab.server().shell(&lab.filled_in("umount {DIR}/small")).map(drop)
}

fn two_doors_share_a_file() -> Outcome {
    let lab = Lab::new()?;
    lab.write("sequences", SEQUENCES)?;
    let second = ONCE.replace("[once]", "[again]");
    let daemon = Setup::new(&lab, &format!("{ONCE}{second}{DOOR}"))?.start()?;
    for (line, packets) in
        ["6300,6100", "6301,6101", "6302,6102"].iter().enumerate().map(|(line, ports)| (line + 1, ports))
    {
        insist_either(&lab, &daemon, line, &format!("udp CLIENT > SERVER:{packets}"))?;
    }
    lab.send("udp CLIENT > SERVER:6300,6100,6301,6101,6302,6102")?;
    settle(&lab, &daemon)?;
    let openings = daemon.log().count("once: OPEN SESAME") + daemon.log().count("again: OPEN SESAME");
    same("openings by three sequences", openings, 3)?;
    lab.await_file("once", "10.0.0.2\n10.0.0.2\n10.0.0.2\n")?;
    same(
        "the file",
        lab.file("sequences").as_str(),
        "#300:udp,6100:udp\n#301:udp,6101:udp\n#302:udp,6102:udp\n",
    )?;
    daemon.terminate()
}

/// Makes the knocks until this line of the file is used.
fn insist_either(lab: &Lab, daemon: &Daemon<'_>, line: usize, packets: &str) -> Outcome {
    let used = format!("one-time sequence in line {line} is used");
    let found = trials::net::await_some(trials::net::PATIENCE, || {
        lab.send(packets).ok()?;
        (daemon.log().count(&used) > 0).then_some(())
    });
    ensure(found.is_some(), format!("{packets} opens nothing:\n{}", daemon.said()))
}

fn not_again_after_a_kill() -> Outcome {
    let lab = Lab::new()?;
    lab.write("sequences", SEQUENCES)?;
    let config = ONCE.replace("echo", "kill -9 $PPID; echo");
    let mut daemon = Setup::new(&lab, &format!("{config}{DOOR}"))?.start()?;
    lab.send("udp CLIENT > SERVER:6300,6100")?;
    daemon.wait()?;
    drop(daemon);
    lab.server().shell(&lab.filled_in("rm {DIR}/log"))?;
    let daemon = Setup::new(&lab, &format!("{ONCE}{DOOR}"))?.start()?;
    lab.send("udp CLIENT > SERVER:6300,6100")?;
    settle(&lab, &daemon)?;
    same("openings", daemon.log().count("once: OPEN SESAME"), 0)?;
    lab.send("udp CLIENT > SERVER:6301,6101")?;
    daemon.log().await_line("10.0.0.2: once: OPEN SESAME")?;
    daemon.terminate()
}

fn other_doors_with_files_go_on() -> Outcome {
    let lab = Lab::new()?;
    lab.write("sequences", SEQUENCES)?;
    lab.write("others", "5300:udp,5100:udp\n5301:udp,5101:udp\n")?;
    let second = "[again]\n One_Time_Sequences = {DIR}/others\n Command = echo %IP% >> {DIR}/again\n";
    let daemon = Setup::new(&lab, &format!("{ONCE}{second}{DOOR}"))?.start()?;
    lab.server().shell(&lab.filled_in(READ_ONLY))?;
    lab.send("udp CLIENT > SERVER:6300,6100")?;
    daemon.log().await_part("once: one-time sequence cannot be marked in ")?;
    lab.send("udp CLIENT > SERVER:5300,5100")?;
    daemon.log().await_line("again: one-time sequence in line 1 is used, 1 left")?;
    insist(&daemon, "again", "udp CLIENT > SERVER:5301,5101", &lab)?;
    daemon.log().await_line("again: no one-time sequence left: the door stays shut")?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_line("10.0.0.2: door: OPEN SESAME")?;
    lab.await_file("again", "10.0.0.2\n10.0.0.2\n")?;
    same("openings of the shut door", daemon.log().count("once: OPEN SESAME"), 0)?;
    daemon.terminate()?;
    lab.server().shell(&lab.filled_in("umount {DIR}/sequences")).map(drop)
}
