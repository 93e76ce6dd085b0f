//! What somebody can do to the daemon who has taken over the process that looks at packets: he says what he likes.

use std::{num::NonZeroU32, os::fd::OwnedFd};

use knock_core::{
    door::DoorNumber,
    event::{Event, Kind, What},
    moment::Moment,
};
use knockd::ipc::{Load, Report};
use libtest_mimic::Trial;
use rustix::{
    io::Errno,
    net::{SendFlags, send},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};
use trials::{
    net::{Daemon, Lab, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::insist;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("taken_over::lies_that_can_be_seen_end_it", lies_that_can_be_seen_end_it),
        trial("taken_over::with_ipv4_alone_nobody_comes_by_ipv6", with_ipv4_alone_nobody_comes_by_ipv6),
        trial("taken_over::events_have_an_end", || {
            have_an_end(&happened(SOMEBODY, What::Stage(1)), "events")
        }),
        trial("taken_over::sums_have_an_end", || have_an_end(&left_out(), "sums")),
        trial("taken_over::openings_have_an_end", openings_have_an_end),
    ]
}

const DOOR: &str = "[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n";
const SOMEBODY: [u8; 4] = [192, 0, 2, 7];
const KNOCKS: &str = "udp CLIENT > SERVER:7300,7100,7200";

fn happened(source: [u8; 4], what: What) -> Report {
    Report::Happened(Event { at: Moment::default(), door: DoorNumber(0), source: source.into(), what })
}

fn left_out() -> Report {
    Report::LeftOut(Kind::Stage, NonZeroU32::MAX)
}

/// The watcher's end of the conversation.
fn voice(daemon: &Daemon<'_>) -> Outcome<OwnedFd> {
    let watcher = Pid::from_raw(daemon.watcher()?.id).ok_or_else(|| Trouble::new("no watcher"))?;
    let process = pidfd_open(watcher, PidfdFlags::empty()).map_err(std::io::Error::from)?;
    Ok(pidfd_getfd(process, 0, PidfdGetfdFlags::empty()).map_err(std::io::Error::from)?)
}

/// Says something, again and again if need be, until it was said or nobody listens any more. Returns whether it was.
fn say(voice: &OwnedFd, bytes: &[u8]) -> Outcome<bool> {
    let said = await_some(PATIENCE, || match send(voice, bytes, SendFlags::NOSIGNAL) {
        Ok(_) => Some(Ok(true)),
        Err(Errno::AGAIN | Errno::INTR) => None,
        Err(Errno::PIPE | Errno::CONNRESET) => Some(Ok(false)),
        Err(error) => Some(Err(std::io::Error::from(error))),
    });
    Ok(said.ok_or_else(|| Trouble::new("the monitor does not read"))??)
}

fn await_end(daemon: &Daemon<'_>, why: &str) -> Outcome {
    daemon.log().await_part(&format!("watcher ended ({why}; signal: 9 (SIGKILL)), started anew in "))
}

/// Says the same until it is ended for that.
fn go_on(daemon: &Daemon<'_>, report: &Report, sort: &str) -> Outcome {
    let voice = voice(daemon)?;
    let mut count = 0;
    while say(&voice, &report.encode())? {
        count += 1;
        ensure(count < 1_000_000, format!("there is no end of {sort}"))?;
    }
    await_end(daemon, &format!("it can't be trusted: more {sort} than there can be"))
}

fn lies_that_can_be_seen_end_it() -> Outcome {
    let lies = [
        (vec![0; 160], "malformed message: unknown report"),
        (vec![1; 161], "malformed message: wrong length"),
        (Report::Ready(Load::default()).encode().to_vec(), "it can't be trusted: a report out of turn"),
        (happened(SOMEBODY, What::Opened(2)).encode().to_vec(), "it can't be trusted: an impossible stage"),
        (happened([0; 4], What::Opened(3)).encode().to_vec(), "it can't be trusted: an impossible source"),
    ];
    for (lie, why) in lies {
        let lab = Lab::new()?;
        let daemon = Setup::new(&lab, DOOR)?.start()?;
        say(&voice(&daemon)?, &lie)?;
        await_end(&daemon, why)?;
        same("openings", daemon.log().count("OPEN SESAME"), 0)?;
        insist(&daemon, "door", KNOCKS, &lab)?;
        daemon.terminate()?;
    }
    Ok(())
}

fn with_ipv4_alone_nobody_comes_by_ipv6() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["-4"]).start()?;
    let source = "2001:db8::7".parse().map_err(|_| Trouble::new("no address"))?;
    let voice = voice(&daemon)?;
    for what in [What::Stage(1), What::Opened(3)] {
        let event = Event { at: Moment::default(), door: DoorNumber(0), source, what };
        say(&voice, &Report::Happened(event).encode())?;
    }
    say(&voice, &happened(SOMEBODY, What::Opened(3)).encode())?;
    daemon.log().await_line("192.0.2.7: door: OPEN SESAME")?;
    same("lines about it", daemon.log().count("2001:db8::7"), 0)?;
    daemon.terminate()
}

/// What it says fills no disk, and the one that follows does its work.
fn have_an_end(report: &Report, sort: &str) -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    go_on(&daemon, report, sort)?;
    let lines = daemon.log().lines().len();
    ensure(lines < 1500, format!("{lines} lines"))?;
    insist(&daemon, "door", KNOCKS, &lab)?;
    same("ends", daemon.log().count("watcher ended"), 1)?;
    daemon.terminate()
}

fn openings_have_an_end() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    go_on(&daemon, &happened(SOMEBODY, What::Opened(3)), "openings")?;
    // What knockd::ipc::pace says, and what comes up to the rate meanwhile.
    let count = daemon.log().count("192.0.2.7: door: OPEN SESAME");
    ensure((21_000..23_000).contains(&count), format!("{count} openings"))?;
    insist(&daemon, "door", KNOCKS, &lab)?;
    daemon.terminate()
}
