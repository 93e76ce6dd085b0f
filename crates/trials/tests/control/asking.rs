//! Asking a daemon that works.

use std::net::IpAddr;

use knockd::control::protocol::{Happening, List, Phase, Request, Said, Status};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Lab, PATIENCE, Process, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::{DOORS, Visitor, knock, socket, start};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("asking::how_it_is", how_it_is),
        trial("asking::who_is_let_in", who_is_let_in),
        trial("asking::what_happens", what_happens),
        trial("asking::what_is_left_to_knock", what_is_left_to_knock),
        trial("asking::a_second_daemon_leaves_the_socket_alone", a_second_daemon_leaves_the_socket_alone),
    ]
}

const NATIVE: &str = "
[web]
    Sequence = 7300:udp,7100:udp,7200:udp
    Open = tcp/443
    Cmd_Timeout = 600
";

fn status(visitor: &mut Visitor) -> Outcome<Status> {
    match visitor.asks(&Request::Status {})? {
        Said::Status(status) => Ok(*status),
        other => Err(Trouble::new(format!("{other:?}"))),
    }
}

pub(crate) fn list(visitor: &mut Visitor, door: Option<&str>) -> Outcome<List> {
    match visitor.asks(&Request::List { door: door.map(str::to_owned), source: None })? {
        Said::List(list) => Ok(list),
        other => Err(Trouble::new(format!("{other:?}"))),
    }
}

fn how_it_is() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, DOORS)?;
    let mut visitor = Visitor::new(&lab)?;
    let first = status(&mut visitor)?;
    same("its process", first.process, daemon.id()?)?;
    same("its watcher", first.watcher.process, Some(daemon.watcher()?.id))?;
    ensure(first.watcher.is_confined, "the watcher has said what it has given up")?;
    let interfaces: Vec<_> =
        first.interfaces.iter().map(|one| (one.name.as_str(), one.is_listened_on)).collect();
    same("its interfaces", interfaces, vec![("eth0", true)])?;
    let doors: Vec<_> =
        first.doors.iter().map(|door| (door.name.as_str(), door.stay_ms, door.open)).collect();
    same("its doors", doors, vec![("ssh", Some(3_600_000), Some(0)), ("other", None, Some(0))])?;
    ensure(!first.configuration.is_outdated, "its configuration is the one in the file")?;
    lab.write("knockd.conf", "[bad]\n")?;
    daemon.signal(Signal::SIGHUP)?;
    let outdated = || Some(status(&mut visitor).ok()?.configuration.is_outdated).filter(|is| *is);
    ensure(await_some(PATIENCE, outdated).is_some(), "a mistake in the file makes what it goes by outdated")?;
    daemon.terminate()?;
    ensure(!socket(&lab).exists(), "the socket goes with it")
}

fn who_is_let_in() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, &format!("{DOORS}{NATIVE}"))?;
    let mut visitor = Visitor::new(&lab)?;
    same("openings at first", list(&mut visitor, None)?, List::default())?;
    knock(&lab, "CLIENT")?;
    let mut all = Vec::new();
    let are_open = await_some(PATIENCE, || {
        all = list(&mut visitor, None).ok()?.openings;
        all.iter().all(|opening| opening.phase == Phase::Open).then_some(())?;
        (all.len() == 2).then_some(())
    });
    ensure(are_open.is_some(), format!("{all:?}\n{}", daemon.said()))?;
    let source: IpAddr = [10, 0, 0, 2].into();
    let expected = [("ssh", 3_600_000, false), ("web", 600_000, true)];
    for (opening, (door, stay, by_kernel)) in all.iter().zip(expected) {
        same("the opening", (&*opening.door, opening.source, opening.by_kernel), (door, source, by_kernel))?;
        let left = opening.left_ms.unwrap_or_default();
        ensure(left > stay - 60_000 && left <= stay, format!("{left} ms are left of {stay}"))?;
    }
    same("those of a door", list(&mut visitor, Some("web"))?.openings.len(), 1)?;
    let open: Vec<_> = status(&mut visitor)?.doors.into_iter().map(|door| (door.name, door.open)).collect();
    let of = |name: &str, count| (name.to_owned(), Some(count));
    same("how many they are", open, vec![of("ssh", 1), of("other", 0), of("web", 1)])?;
    let metrics = match visitor.asks(&Request::Metrics {})? {
        Said::Metrics { text } => text,
        other => return Err(Trouble::new(format!("{other:?}"))),
    };
    for count in [r#"{door="ssh"} 1"#, r#"{door="other"} 0"#, r#"{door="web"} 1"#] {
        ensure(metrics.contains(&format!("knockd_openings{count}\n")), format!("no {count} in {metrics}"))?;
    }
    daemon.terminate()
}

fn what_happens() -> Outcome {
    let lab = Lab::new()?;
    let config = DOORS.replace("Cmd_Timeout = 3600", "Cmd_Timeout = 0.2");
    let daemon = start(&lab, &config)?;
    let mut visitor = Visitor::new(&lab)?;
    same("the answer", visitor.asks(&Request::Watch {})?, Said::Watching {})?;
    knock(&lab, "CLIENT")?;
    let mut happened = Vec::new();
    visitor.awaits(|event| {
        let (name, door) = match event {
            Happening::Stage(at) => ("stage", &at.door),
            Happening::Completed(at) => ("completed", &at.door),
            Happening::Discarded { at, .. } => ("discarded", &at.door),
            Happening::CommandStarted { door, .. } => ("started", door),
            Happening::CommandEnded { door, failure: None, .. } => ("ended", door),
            Happening::Opened { door, left_ms: 200, by_kernel: false, .. } => ("opened", door),
            Happening::Expired { door, .. } => ("expired", door),
            Happening::Closed { door, .. } => ("closed", door),
            _ => return false,
        };
        if door == "ssh" {
            happened.push(name);
        }
        name == "closed"
    })?;
    let expected = [
        "stage",
        "stage",
        "stage",
        "completed",
        "started",
        "ended",
        "opened",
        "expired",
        "started",
        "ended",
        "closed",
    ];
    same("what happened", happened, expected.to_vec())?;
    daemon.terminate()?;
    visitor.awaits(|event| *event == Happening::Ending {}).map(drop)
}

fn what_is_left_to_knock() -> Outcome {
    let lab = Lab::new()?;
    lab.write("sequences", "7300:udp,7100:udp,7200:udp\n7400:udp,7100:udp,7200:udp\n")?;
    let config = "
[once]
    One_Time_Sequences = {DIR}/sequences
    Command = true
";
    let _daemon = start(&lab, config)?;
    let mut visitor = Visitor::new(&lab)?;
    let mut left = || match visitor.asks(&Request::Sequences {})? {
        Said::Sequences(all) => {
            Ok(all.doors.iter().map(|one| (one.door.clone(), one.left)).collect::<Vec<_>>())
        }
        other => Err(Trouble::new(format!("{other:?}"))),
    };
    same("before", left()?, vec![("once".to_owned(), Some(2))])?;
    knock(&lab, "CLIENT")?;
    let used = await_some(PATIENCE, || (left().ok()? == [("once".to_owned(), Some(1))]).then_some(()));
    ensure(used.is_some(), "one is used")
}

fn a_second_daemon_leaves_the_socket_alone() -> Outcome {
    let lab = Lab::new()?;
    let first = start(&lab, DOORS)?;
    let id = first.id()?;
    lab.server().shell(&lab.filled_in("mv {DIR}/log {DIR}/log.1"))?;
    let arguments = ["--state-dir", "state.2", "--socket", "sock"];
    let mut second = Setup::new(&lab, DOORS)?.with(&arguments).start()?;
    ensure(second.log().count("another knockd has the control socket") == 1, second.said())?;
    second.signal(Signal::SIGTERM)?;
    second.wait()?;
    same("who answers", status(&mut Visitor::new(&lab)?)?.process, id)?;
    // What a dead one has left is replaced.
    drop(first);
    let is_gone = await_some(PATIENCE, || Process::find(id).is_none().then_some(()));
    ensure(is_gone.is_some() && socket(&lab).exists(), "nobody has removed it")?;
    lab.server().shell(&lab.filled_in("mv {DIR}/log {DIR}/log.2"))?;
    let third = start(&lab, DOORS)?;
    same("who answers then", status(&mut Visitor::new(&lab)?)?.process, third.id()?)
}
