//! The pid file: whose daemon runs already.

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Lab, PATIENCE, Process, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, same},
};

use crate::{
    background::Background,
    support::{DOOR, one_line},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("pid_file::of_a_live_daemon", of_a_live_daemon),
        trial("pid_file::of_a_live_classic_daemon", of_a_live_classic_daemon),
        trial("pid_file::of_a_dead_daemon", of_a_dead_daemon),
        trial("pid_file::is_for_the_background", is_for_the_background),
    ]
}

/// A second start is refused and does no harm to the first.
fn refuses(lab: &Lab, id: i32) -> Outcome {
    let ended = Setup::new(lab, DOOR)?.with(&["-d"]).run()?;
    one_line(
        &ended,
        &[&format!("knockd is already running as process {id}, by its pid file"), "/pid", "-p"],
    )?;
    same("the pid file", lab.file("pid").trim(), &id.to_string())
}

fn of_a_live_daemon() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Background::start(&lab, Setup::new(&lab, DOOR)?)?;
    refuses(&lab, daemon.process.id)?;
    same("lines of a start", daemon.log().count("starting up"), 1)?;
    daemon.terminate()?;
    Background::start(&lab, Setup::new(&lab, DOOR)?)?.terminate()
}

fn of_a_live_classic_daemon() -> Outcome {
    let lab = Lab::new()?;
    // It has left the directory when it writes the file.
    lab.write("knockd.conf", DOOR)?;
    let setup = Setup::bare(&lab)?.classic()?.with(&[
        "-i",
        "eth0",
        "-d",
        "-c",
        "{DIR}/knockd.conf",
        "-p",
        "{DIR}/pid",
    ]);
    same("status of the classic daemon", setup.run()?.status, Some(0))?;
    let id = || lab.file("pid").trim().parse::<i32>().ok().filter(|id| Process::find(*id).is_some());
    let id = await_some(PATIENCE, id).ok_or_else(|| Trouble::new("the classic daemon has no pid file"))?;
    let refused = refuses(&lab, id);
    for process in lab.server().processes()? {
        process.signal(Signal::SIGKILL)?;
    }
    refused
}

fn of_a_dead_daemon() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Background::start(&lab, Setup::new(&lab, DOOR)?)?;
    let dead = daemon.process.id;
    drop(daemon);
    let gone = || lab.server().processes().ok()?.is_empty().then_some(());
    await_some(PATIENCE, gone).ok_or_else(|| Trouble::new("it does not die"))?;
    same("the pid file of the dead", lab.file("pid").trim(), &dead.to_string())?;
    Background::start(&lab, Setup::new(&lab, DOOR)?)?.terminate()?;
    // A number that somebody else has now, one that nobody can have, and no number at all.
    for content in ["1\n", "99999999\n", "-1\n", "nonsense\n", ""] {
        lab.write("pid", content)?;
        Background::start(&lab, Setup::new(&lab, DOOR)?)?.terminate()?;
    }
    Ok(())
}

fn is_for_the_background() -> Outcome {
    let lab = Lab::new()?;
    let first = Background::start(&lab, Setup::new(&lab, DOOR)?)?;
    let pid = lab.file("pid");
    // In the foreground neither asked nor touched, as ever.
    lab.server().shell(&lab.filled_in("rm {DIR}/log"))?;
    let second = Setup::new(&lab, DOOR)?.start()?;
    same("the pid file", lab.file("pid"), pid)?;
    drop(second);
    first.terminate()
}
