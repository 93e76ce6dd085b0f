//! Opening, closing and extending by hand, and reloading.

use std::{fs, process::Command};

use libtest_mimic::Trial;
use trials::{
    binaries,
    net::{Lab, PATIENCE, await_some},
    sandbox::trial,
    trouble::{Outcome, While, ensure, same},
};

use crate::{
    asking::list,
    support::{DOORS, Visitor, ctl, knock, socket, start},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("changing::doors_with_commands", doors_with_commands),
        trial("changing::doors_that_open_by_themselves", doors_that_open_by_themselves),
        trial("changing::sets_of_the_administrator", sets_of_the_administrator),
        trial("changing::what_is_told_to_programs", what_is_told_to_programs),
        trial("changing::what_was_extended_survives_a_kill", what_was_extended_survives_a_kill),
        trial("changing::what_is_refused", what_is_refused),
        trial("changing::whom_no_packet_can_come_from", whom_no_packet_can_come_from),
        trial("changing::the_configuration", the_configuration),
        trial("changing::nobody_is_there", nobody_is_there),
    ]
}

const SOURCE: &str = "10.0.0.77";

/// How many minutes are left of the only opening.
fn minutes_left(lab: &Lab) -> Outcome<Option<u64>> {
    let openings = list(&mut Visitor::new(lab)?, None)?.openings;
    Ok(openings.first().and_then(|opening| opening.left_ms).map(|left| left.div_ceil(60_000)))
}

fn doors_with_commands() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, DOORS)?;
    same(
        "opening",
        ctl(&lab, &["open", "ssh", SOURCE])?.ok()?,
        "its command is started, then open for 1 h\n".into(),
    )?;
    lab.await_file("done", &format!("open {SOURCE}\n"))?;
    let is_open = await_some(PATIENCE, || (minutes_left(&lab).ok()? == Some(60)).then_some(()));
    ensure(is_open.is_some(), "it is open for an hour")?;
    same(
        "extending",
        ctl(&lab, &["extend", "ssh", SOURCE, "600"])?.ok()?,
        "stays open for 1 h 10 min\n".into(),
    )?;
    same("minutes left", minutes_left(&lab)?, Some(70))?;
    let century = ctl(&lab, &["extend", "ssh", SOURCE, "3153600000"])?;
    let said = "knockctl: a door stays open for 3153600000 s at most (100 years), and ssh has 4";
    ensure(century.status == Some(1) && century.err.starts_with(said), century.err)?;
    same("minutes left", minutes_left(&lab)?, Some(70))?;
    same(
        "closing",
        ctl(&lab, &["close", "ssh", SOURCE])?.ok()?,
        "closed; connections that exist go on\n".into(),
    )?;
    lab.await_file("done", &format!("open {SOURCE}\nclose {SOURCE}\n"))?;
    let log = daemon.log();
    for hand in ["opened by hand", "extended by hand for 600 s more", "closed by hand"] {
        log.await_count(1, &format!("{SOURCE}: ssh: {hand}, by user 0"))?;
    }
    // Knocked or not, closed for all is closed for all.
    knock(&lab, "CLIENT")?;
    log.await_count(2, "ssh: running command: echo open")?;
    ctl(&lab, &["open", "ssh", SOURCE])?.ok()?;
    same(
        "closing for all",
        ctl(&lab, &["close", "ssh", "--all"])?.ok()?,
        "closed, openings: 2; connections that exist go on\n".into(),
    )?;
    let is_closed = await_some(PATIENCE, || {
        list(&mut Visitor::new(&lab).ok()?, None).ok()?.openings.is_empty().then_some(())
    });
    ensure(is_closed.is_some(), daemon.said())?;
    same("closing once more", ctl(&lab, &["close", "ssh", "--all"])?.ok()?, "nobody was let in\n".into())?;
    daemon.terminate()
}

const WEB: &str = "
[web]
    Sequence = 7300:udp,7100:udp,7200:udp
    Open = tcp/443
    Cmd_Timeout = 3600
";

fn opens_and_closes(lab: &Lab) -> Outcome {
    same("opening", ctl(lab, &["open", "web", SOURCE])?.ok()?, "open for 1 h\n".into())?;
    let openings = list(&mut Visitor::new(lab)?, None)?.openings;
    let shown: Vec<_> = openings.iter().map(|one| (one.source.to_string(), one.by_kernel)).collect();
    same("who is let in", shown, vec![(SOURCE.to_owned(), true)])?;
    same(
        "extending",
        ctl(lab, &["extend", "web", SOURCE, "600"])?.ok()?,
        "stays open for 1 h 10 min\n".into(),
    )?;
    let left = minutes_left(lab)?;
    ensure(left == Some(70), format!("{left:?} minutes are left"))?;
    ctl(lab, &["close", "web", SOURCE])?.ok()?;
    same("who is let in then", list(&mut Visitor::new(lab)?, None)?.openings.len(), 0)?;
    for number in 1..=3 {
        ctl(lab, &["open", "web", &format!("10.0.0.{number}")])?.ok()?;
    }
    same(
        "closing for all",
        ctl(lab, &["close", "web", "--all"])?.ok()?,
        "closed, openings: 3; connections that exist go on\n".into(),
    )?;
    same("who is let in at the end", list(&mut Visitor::new(lab)?, None)?.openings.len(), 0)
}

fn doors_that_open_by_themselves() -> Outcome {
    let lab = Lab::new()?;
    let _daemon = start(&lab, WEB)?;
    opens_and_closes(&lab)
}

fn sets_of_the_administrator() -> Outcome {
    let lab = Lab::new()?;
    lab.server().shell(
        "nft 'add table inet own; add set inet own guests { type ipv4_addr; flags timeout; }; \
         add element inet own guests { 10.0.0.9 }'",
    )?;
    let config = WEB.replace("Open = tcp/443", "Open_Set = inet own guests");
    let _daemon = start(&lab, &config)?;
    opens_and_closes(&lab)?;
    // Whom the administrator has put there is not ours to throw out.
    same("status", ctl(&lab, &["close", "web", "10.0.0.9"])?.status, Some(1))?;
    lab.server().shell("nft get element inet own guests '{ 10.0.0.9 }'").map(drop)
}

fn what_is_told_to_programs() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, WEB)?;
    let json = |order: &[&str]| ctl(&lab, &[order, &["--json"]].concat());
    same(
        "opening",
        json(&["open", "web", SOURCE])?.ok()?.as_str(),
        "{\"by_command\":false,\"by_kernel\":true,\"stay_ms\":3600000}\n",
    )?;
    let extended = json(&["extend", "web", SOURCE, "600"])?.ok()?;
    ensure(extended.starts_with("{\"left_ms\":4") && extended.ends_with("}\n"), extended)?;
    same("reloading", json(&["reload"])?.ok()?.as_str(), "{\"warnings\":[]}\n")?;
    same("closing", json(&["close", "web", SOURCE])?.ok()?.as_str(), "{\"count\":1}\n")?;
    let refused = json(&["close", "web", SOURCE])?;
    same("what is refused", (refused.status, refused.out.as_str()), (Some(1), ""))?;
    ensure(refused.err.starts_with("knockctl: the door web is not open"), refused.err)?;
    daemon.terminate()
}

fn what_was_extended_survives_a_kill() -> Outcome {
    let lab = Lab::new()?;
    let config = DOORS.replace("3600", "60");
    let first = start(&lab, &config)?;
    ctl(&lab, &["open", "ssh", SOURCE])?.ok()?;
    lab.await_file("done", &format!("open {SOURCE}\n"))?;
    ctl(&lab, &["extend", "ssh", SOURCE, "600"])?.ok()?;
    same("minutes left", minutes_left(&lab)?, Some(11))?;
    // It is killed.
    drop(first);
    fs::remove_file(lab.directory().join("log"))?;
    let _second = start(&lab, &config)?;
    same("minutes left", minutes_left(&lab)?, Some(11))
}

fn what_is_refused() -> Outcome {
    let lab = Lab::new()?;
    let _daemon = start(&lab, &format!("{DOORS}\n[other]\nSequence = 1,3,2\nCommand = true\n"))?;
    for (order, said) in [
        (&["open", "shh", SOURCE][..], "knockctl: no door is called shh; there are: ssh, other, other\n"),
        (&["open", "other", SOURCE], "knockctl: 2 doors are called other: give them names of their own\n"),
        (&["close", "ssh", SOURCE], "knockctl: the door ssh is not open for that address\n"),
        (&["extend", "ssh", SOURCE, "60"], "knockctl: the door ssh is not open for that address\n"),
        (&["close", "shh", "--all"], "knockctl: no door is called shh; there are: ssh, other, other\n"),
        (&["list", "shh"], "knockctl: no door is called shh; there are: ssh, other, other\n"),
    ] {
        let ended = ctl(&lab, order)?;
        same("status", ended.status, Some(1))?;
        same("what is said", ended.err.as_str(), said)?;
    }
    Ok(())
}

fn whom_no_packet_can_come_from() -> Outcome {
    let lab = Lab::new()?;
    lab.server().shell("ip address add 10.9.0.1/24 broadcast + dev eth0")?;
    let daemon = start(&lab, &format!("{WEB}{DOORS}"))?;
    for (address, what) in [
        ("0.0.0.0", "it is no host's address"),
        ("::", "it is no host's address"),
        ("224.0.0.1", "it is a multicast address, for a group of hosts"),
        ("ff02::1", "it is a multicast address, for a group of hosts"),
        ("255.255.255.255", "it is a broadcast address, for all hosts of a network"),
        ("10.9.0.255", "it is a broadcast address, for all hosts of a network"),
    ] {
        let ended = ctl(&lab, &["open", "web", address])?;
        let said = format!("knockctl: nobody can come from {address}: {what}; give the address of a host\n");
        same("what is said", (ended.status, ended.err), (Some(1), said))?;
        same("to close it", ctl(&lab, &["close", "web", address])?.status, Some(1))?;
    }
    same("who is let in", list(&mut Visitor::new(&lab)?, None)?.openings.len(), 0)?;
    for (address, source) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::ffff:127.0.0.1", "127.0.0.1")] {
        let ended = ctl(&lab, &["open", "web", address])?;
        let said = format!("knockctl: {source} is this host itself, which knockd keeps out of no port\n");
        same("what is said", (ended.status, ended.err), (Some(1), said))?;
        // Where commands open, it may be kept out.
        ctl(&lab, &["open", "ssh", address])?.ok()?;
        ctl(&lab, &["close", "ssh", address])?.ok()?;
    }
    let mapped = format!("::ffff:{SOURCE}");
    ctl(&lab, &["open", "web", &mapped])?.ok()?;
    let openings = list(&mut Visitor::new(&lab)?, None)?.openings;
    let sources: Vec<_> = openings.iter().map(|opening| opening.source.to_string()).collect();
    same("who is let in then", sources, vec![SOURCE.to_owned()])?;
    ctl(&lab, &["extend", "web", &mapped, "600"])?.ok()?;
    same("minutes left", minutes_left(&lab)?, Some(70))?;
    ctl(&lab, &["close", "web", &mapped])?.ok()?;
    same("who is let in at the end", list(&mut Visitor::new(&lab)?, None)?.openings.len(), 0)?;
    daemon.terminate()
}

fn the_configuration() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, DOORS)?;
    lab.write("knockd.conf", &format!("{DOORS}{WEB}"))?;
    let said = ctl(&lab, &["reload"])?.ok()?;
    ensure(said.ends_with("the configuration is in force\n"), said)?;
    ensure(ctl(&lab, &["status"])?.ok()?.contains("\nweb "), "there is another door")?;
    lab.write("knockd.conf", "[ssh]\nSequence = 0\n")?;
    let ended = ctl(&lab, &["reload"])?;
    same("status", ended.status, Some(1))?;
    let shown = ended.err.starts_with("knockctl: the configuration has a mistake:\n")
        && ended.err.contains("knockd.conf:2:12");
    ensure(shown, format!("the mistake is not shown: {}", ended.err))?;
    let status = ctl(&lab, &["status"])?.ok()?;
    ensure(status.contains("\nweb ") && status.contains("what the file says now was refused"), status)?;
    daemon.terminate()
}

fn nobody_is_there() -> Outcome {
    let lab = Lab::new()?;
    let ended = ctl(&lab, &["status"])?;
    same("status", ended.status, Some(3))?;
    let path = socket(&lab).display().to_string();
    ensure(
        ended.err.starts_with(&format!("knockctl: no knockd answers at {path} (No such file")),
        &ended.err,
    )?;
    lab.write("good.conf", DOORS)?;
    let check = |file: &str| {
        Command::new(binaries::knockctl()?).args(["check", &lab.filled_in(file)]).output().while_(file)
    };
    ensure(check("{DIR}/good.conf")?.status.success(), "a configuration is checked without a daemon")?;
    same("a missing file", check("{DIR}/none")?.status.code(), Some(1))
}
