//! The command line.

use libtest_mimic::Trial;
use trials::{
    net::{Ended, Lab, Setup},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::{DOOR, nothing_left};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("arguments::wrong_ones_are_told_with_status_2", wrong_ones_are_told_with_status_2),
        trial("arguments::check", check),
        trial("arguments::check_warns", check_warns),
        trial("arguments::help_and_version", help_and_version),
    ]
}

fn run(lab: &Lab, arguments: &[&str]) -> Outcome<Ended> {
    Setup::bare(lab)?.with(arguments).run()
}

fn wrong_ones_are_told_with_status_2() -> Outcome {
    let lab = Lab::new()?;
    lab.write("knockd.conf", DOOR)?;
    for (arguments, part) in [
        (&["--frobnicate"][..], "--frobnicate"),
        (&["-x"], "-x"),
        (&["-c"], "--config"),
        (&["surplus"], "surplus"),
        (&["-i", ""], "--interface"),
        (&["--check", "-d"], "--daemon"),
        (&["--check", "-i", "eth0"], "--interface"),
        (&["--read", "x.pcap", "--check"], "--check"),
        (&["--read", "x.pcap", "-d"], "--daemon"),
        (&["--address", "10.0.0.1"], "--read"),
        (&["--read", "x.pcap", "--address", "10.0.0.256"], "10.0.0.256"),
    ] {
        let ended = run(&lab, arguments)?;
        let told = format!("{arguments:?}: {ended:?}");
        ensure(ended.status == Some(2) && ended.out.is_empty(), told.as_str())?;
        ensure(ended.err.starts_with("knockd: ") && ended.err.contains(part), told.as_str())?;
        ensure(ended.err.ends_with(" (see knockd --help)\n") && ended.err.lines().count() == 1, told)?;
        nothing_left(&lab, &["knockd.conf"])?;
    }
    Ok(())
}

fn check() -> Outcome {
    let lab = Lab::new()?;
    lab.write("knockd.conf", DOOR)?;
    let ended = run(&lab, &["--check", "-c", "knockd.conf"])?;
    let good =
        Ended { status: Some(0), out: "knockd.conf: no mistakes, 1 door\n".into(), err: String::new() };
    same("a good file", ended, good)?;
    // It needs neither rights nor the interface, and touches nothing.
    lab.write(
        "knockd.conf",
        &format!("[options]\nInterface = eth7\nLogFile = {{DIR}}/log\nPidFile = {{DIR}}/pid\n{DOOR}"),
    )?;
    let setup = Setup::bare(&lab)?.with(&["--check", "-c", "knockd.conf"]);
    let ended = setup.behind("exec setpriv --bounding-set=-all --inh-caps=-all -- \"$@\"").run()?;
    same("status", ended.status, Some(0))?;
    nothing_left(&lab, &["knockd.conf"])?;
    let ended = run(&lab, &["--check", "-D", "-c", "knockd.conf"])?;
    same("status with the filter", ended.status, Some(0))?;
    ensure(ended.out.contains("\n(001) ") && ended.out.contains("ret      #0"), ended.out)
}

fn check_warns() -> Outcome {
    let lab = Lab::new()?;
    lab.write("knockd.conf", "[door]\n  Sequence = 1,2,3\n  Command = true\n[bare]\n  Sequence = 7,6,9\n")?;
    let ended = run(&lab, &["--check", "-c", "knockd.conf"])?;
    same("status", ended.status, Some(0))?;
    same("standard output", ended.out.as_str(), "knockd.conf: no mistakes, 2 doors\n")?;
    for part in ["knockd.conf:2:", "rise", "knockd.conf:4:", "warning"] {
        ensure(ended.err.contains(part), format!("no {part:?}:\n{}", ended.err))?;
    }
    Ok(())
}

fn help_and_version() -> Outcome {
    let lab = Lab::new()?;
    for option in ["-V", "--version"] {
        let ended = run(&lab, &[option])?;
        let version = format!("knockd {}\n", env!("CARGO_PKG_VERSION"));
        same(option, ended, Ended { status: Some(0), out: version, err: String::new() })?;
    }
    for option in ["-h", "--help"] {
        let ended = run(&lab, &[option])?;
        ensure(ended.status == Some(0) && ended.err.is_empty(), format!("{option}: {ended:?}"))?;
        ensure(ended.out.contains("Usage: knockd") && ended.out.contains("--only-ip-v4"), ended.out)?;
    }
    nothing_left(&lab, &[])
}
