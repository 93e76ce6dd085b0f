//! Where lines go and what they look like.

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Lab, PATIENCE, Setup, await_some, without_lack_of_users},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::{DOOR, insist, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("log::lines_begin_with_the_time", lines_begin_with_the_time),
        trial("log::terminal_shows_what_is_asked_for", terminal_shows_what_is_asked_for),
        trial("log::debugging_explains_every_hit", debugging_explains_every_hit),
        trial("log::lookup_adds_names", lookup_adds_names),
        trial("log::full_disk_costs_lines_only", full_disk_costs_lines_only),
        trial("log::directory_that_vanishes_costs_lines_only", directory_that_vanishes_costs_lines_only),
    ]
}

fn lines_begin_with_the_time() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &format!("{DOOR} Cmd_Timeout = 0.05\n Stop_Command = false\n"))?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_part("non-zero")?;
    let expected = [
        "starting up, listening on eth0",
        "10.0.0.2: door: Stage 1",
        "10.0.0.2: door: Stage 2",
        "10.0.0.2: door: Stage 3",
        "10.0.0.2: door: OPEN SESAME",
        &lab.filled_in("door: running command: echo 10.0.0.2 >> {DIR}/opened"),
        "10.0.0.2: door: command timeout",
        "door: running command: false",
        "door: command returned non-zero status code (1)",
        "shutting down",
    ];
    let log = daemon.log().clone();
    daemon.terminate()?;
    let told = without_lack_of_users(&log.lines().join("\n"));
    // An ordinary user lacks the right to exact filters, too.
    let is_other = |line: &&str| {
        line.contains("command ended after") || line.contains("packets are filtered by classic BPF: ")
    };
    let told: Vec<_> = told.lines().filter(|line| !is_other(line)).map(ToOwned::to_owned).collect();
    same("lines", told, expected.map(ToOwned::to_owned).to_vec())?;
    for line in lab.file("log").lines() {
        let digits: String =
            line.chars().take(22).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        same("the time", digits.as_str(), "[0000-00-00 00:00:00] ")?;
    }
    same("its mode", lab.server().shell(&lab.filled_in("stat -c %a {DIR}/log"))?.trim(), "640")
}

fn terminal_shows_what_is_asked_for() -> Outcome {
    for (more, shown) in [(&[][..], false), (&["-v"], true)] {
        let lab = Lab::new()?;
        let daemon = Setup::new(&lab, &DOOR.replace("echo", "false || echo"))?.with(more).start()?;
        knock(&lab, "CLIENT")?;
        lab.await_file("opened", "10.0.0.2\n")?;
        daemon.terminate()?;
        let out = lab.file("stdout");
        same("openings shown", out.lines().any(|line| line == "10.0.0.2: door: OPEN SESAME"), shown)?;
        ensure(shown || out.is_empty(), out)?;
        same("standard error", without_lack_of_users(&lab.file("stderr")).as_str(), "")?;
    }
    Ok(())
}

fn debugging_explains_every_hit() -> Outcome {
    let lab = Lab::new()?;
    let config = "[door]\n Sequence = 7300,7100,7200\n TCPFlags = syn,!ack\n Command = true\n\
                  [deaf]\n Sequence = 6300:udp,6100:udp,6200\n Wrong_Port = ignore\n Command = true\n";
    let daemon = Setup::new(&lab, config)?.with(&["-D"]).start()?;
    for packet in [
        "tcp CLIENT > SERVER:7300 syn ack",
        "udp CLIENT > SERVER:7300",
        "tcp CLIENT > EXTRA:7300",
        "tcp CLIENT > SERVER:7100",
        "tcp MULTICAST > SERVER:7300",
        "tcp OTHER:4000 > SERVER:7300 seq=7",
        "tcp OTHER:4000 > SERVER:7300 seq=7",
        "tcp OTHER > SERVER:9999",
        "udp CLIENT > SERVER:6300,6999",
    ] {
        lab.send(packet)?;
    }
    for part in [
        "10.0.0.2: door: ignored 7300:tcp: its TCP flags (syn,ack) do not match the door's",
        "10.0.0.2: door: ignored 7300:udp: no knock of the door is udp",
        "10.0.0.2: door: ignored 7300:tcp: it was not sent to the door's address",
        "10.0.0.2: door: ignored 7100:tcp: there is no attempt that it could carry on and it is not the first knock",
        "224.0.0.251: door: ignored 7300:tcp: its source address cannot be a real peer",
        "10.0.0.3: door: ignored 7300:tcp: it is a retransmission of the last knock",
        "10.0.0.3: door: discarded at stage 1: wrong port 9999:tcp",
        "10.0.0.2: deaf: ignored 6999:udp: its port is not in the sequence and the door ignores those",
    ] {
        let told = await_some(PATIENCE, || lab.file("stdout").lines().any(|line| line == part).then_some(()));
        told.ok_or_else(|| Trouble::new(format!("no {part:?}:\n{}", lab.file("stdout"))))?;
    }
    ensure(!lab.file("log").contains("ignored"), "the log file has explanations")?;
    daemon.terminate()
}

fn lookup_adds_names() -> Outcome {
    let lab = Lab::new()?;
    lab.write("hosts", "10.0.0.2 client.example\nfd00::2 client6.example\n")?;
    let setup = Setup::new(&lab, DOOR)?.with(&["-l"]);
    // Names that are in no file are asked for nowhere else.
    lab.write("nsswitch.conf", "hosts: files\n")?;
    let mounts = "mount --bind {DIR}/hosts /etc/hosts\ntest ! -e /etc/nsswitch.conf || \
                  mount --bind {DIR}/nsswitch.conf /etc/nsswitch.conf";
    let daemon = setup.behind(mounts).start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_line("10.0.0.2 (client.example): door: OPEN SESAME")?;
    // The command gets the address, and only it.
    lab.await_file("opened", "10.0.0.2\n")?;
    lab.send("udp CLIENT6 > SERVER6:7300,7100,7200")?;
    daemon.log().await_line("fd00::2 (client6.example): door: OPEN SESAME")?;
    knock(&lab, "OTHER")?;
    daemon.log().await_line("10.0.0.3: door: OPEN SESAME")?;
    daemon.terminate()
}

fn full_disk_costs_lines_only() -> Outcome {
    let lab = Lab::new()?;
    lab.server().shell(&lab.filled_in(
        "mkdir {DIR}/small && mount -t tmpfs -o size=68k none {DIR}/small && ln -s small/log {DIR}/log && \
         head -c 64k /dev/zero > {DIR}/small/other",
    ))?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    // Each opening makes five lines; the one page that is left has room for fewer than a hundred.
    let full = "/log takes no lines: No space left on device";
    let told = await_some(PATIENCE, || {
        knock(&lab, "CLIENT").ok()?;
        lab.file("stderr").contains(full).then_some(())
    });
    told.ok_or_else(|| Trouble::new(format!("the disk does not get full:\n{}", daemon.said())))?;
    knock(&lab, "OTHER")?;
    let opened = await_some(PATIENCE, || lab.file("opened").contains("10.0.0.3\n").then_some(()));
    opened.ok_or_else(|| Trouble::new("the door stays shut while the disk is full"))?;
    lab.server().shell(&lab.filled_in("rm {DIR}/small/other"))?;
    insist(&daemon, "door", "udp OTHER > SERVER:7300,7100,7200", &lab)?;
    daemon.log().await_part("/log takes lines again, ")?;
    let pieces: Vec<_> =
        lab.file("log").lines().filter(|line| !line.starts_with('[')).map(ToOwned::to_owned).collect();
    same("lines glued together", pieces, Vec::new())?;
    daemon.terminate()?;
    lab.server().shell(&lab.filled_in("umount {DIR}/small")).map(drop)
}

fn directory_that_vanishes_costs_lines_only() -> Outcome {
    let lab = Lab::new()?;
    lab.server().shell(&lab.filled_in("mkdir {DIR}/logs && ln -s logs/log {DIR}/log"))?;
    let daemon = Setup::new(
        &lab,
        &format!("{DOOR} Cmd_Timeout = 0.05\n Stop_Command = echo %IP% >> {{DIR}}/closed\n"),
    )?;
    let daemon = daemon.start()?;
    let watcher = daemon.watcher()?;
    let opens_and_closes = |time: usize| {
        knock(&lab, "CLIENT")?;
        lab.await_file("opened", &"10.0.0.2\n".repeat(time))?;
        lab.await_file("closed", &"10.0.0.2\n".repeat(time))
    };
    opens_and_closes(1)?;
    std::fs::remove_dir_all(lab.directory().join("logs"))?;
    opens_and_closes(2)?;
    daemon.signal(Signal::SIGHUP)?;
    let told = "/log cannot be opened: No such file or directory";
    let told = await_some(PATIENCE, || lab.file("stderr").contains(told).then_some(()));
    told.ok_or_else(|| Trouble::new(format!("nobody is told:\n{}", daemon.said())))?;
    opens_and_closes(3)?;
    std::fs::create_dir(lab.directory().join("logs"))?;
    daemon.signal(Signal::SIGHUP)?;
    let is_there = || lab.directory().join("logs/log").exists().then_some(());
    await_some(PATIENCE, is_there).ok_or_else(|| Trouble::new("the log does not come back"))?;
    opens_and_closes(4)?;
    daemon.log().await_line("10.0.0.2: door: OPEN SESAME")?;
    daemon.log().await_line("10.0.0.2: door: command timeout")?;
    same("the watcher", daemon.watcher()?.id, watcher.id)?;
    daemon.terminate()
}
