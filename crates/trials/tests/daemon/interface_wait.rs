//! Interfaces that don't exist yet.

use libtest_mimic::Trial;
use trials::{
    net::{Daemon, Lab, Setup, without_lack_of_users},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::{
    background::Background,
    support::{DOOR, insist, nothing_left, one_line},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("interface_wait::listens_when_they_come", listens_when_they_come),
        trial("interface_wait::is_the_way_of_services", is_the_way_of_services),
        trial("interface_wait::is_the_way_of_services_in_the_background", in_the_background),
        trial("interface_wait::is_not_the_way_of_sessions", is_not_the_way_of_sessions),
        trial("interface_wait::accepts_a_reload", accepts_a_reload),
        trial("interface_wait::is_foretold_by_check", is_foretold_by_check),
        trial("interface_wait::needs_rights_from_the_start", needs_rights_from_the_start),
    ]
}

/// What systemd does for the process that it starts.
const SERVICE: &str = "export INVOCATION_ID=0123456789abcdef SYSTEMD_EXEC_PID=$$";

const OVER_ETH1: &str = "udp CLIENT-B > SERVER-B:7300,7100,7200 on=eth1";
const OVER_ETH1_BY_IPV6: &str = "udp CLIENT-LINK6 > SERVER-LINK6:7300,7100,7200 on=eth1";
const OVER_ETH5: &str = "udp 10.0.5.2 > 10.0.5.1:7300,7100,7200 on=eth5";

fn config(options: &str) -> String {
    format!("[options]\n {options}\n{DOOR}")
}

/// It has said once what it waits for, and complained about nothing.
fn waits_for(lab: &Lab, daemon: &Daemon<'_>, interfaces: &str) -> Outcome {
    daemon.log().await_line(&format!("waiting for interfaces: {interfaces}"))?;
    same("lines about waiting", daemon.log().count("waiting for interfaces"), 1)?;
    same("standard error", without_lack_of_users(&lab.file("stderr")).as_str(), "")
}

/// None of them is there at first: there is not one socket.
fn listens_when_they_come() -> Outcome {
    let lab = Lab::new()?;
    let config = config("Interface = eth1, eth5\n interfacewait = Yes");
    let daemon = Setup::new(&lab, &config)?.start()?;
    let watcher = daemon.watcher()?;
    waits_for(&lab, &daemon, "eth1, eth5")?;
    for time in 1..=2 {
        lab.plug("eth1")?;
        daemon.log().await_count(time, "interface eth1 has come, listening on it")?;
        insist(&daemon, "door", OVER_ETH1, &lab)?;
        insist(&daemon, "door", OVER_ETH1_BY_IPV6, &lab)?;
        lab.plug("eth5")?;
        daemon.log().await_count(time, "interface eth5 has come, listening on it")?;
        insist(&daemon, "door", OVER_ETH5, &lab)?;
        lab.unplug("eth5")?;
        lab.unplug("eth1")?;
        daemon.log().await_count(time, "interface eth1 has gone")?;
    }
    // A name that an interface gets later will do.
    lab.plug("eth7")?;
    lab.server().ip("link set eth7 down\nlink set eth7 name eth5\nlink set eth5 up\n")?;
    insist(&daemon, "door", "udp 10.0.7.2 > 10.0.7.1:7300,7100,7200 on=eth7", &lab)?;
    waits_for(&lab, &daemon, "eth1, eth5")?;
    same("the watcher", daemon.watcher()?.id, watcher.id)?;
    daemon.terminate()
}

fn is_the_way_of_services() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["-i", "eth0,eth1"]).behind(SERVICE).start()?;
    waits_for(&lab, &daemon, "eth1")?;
    insist(&daemon, "door", "udp CLIENT > SERVER:7300,7100,7200", &lab)?;
    lab.plug("eth1")?;
    insist(&daemon, "door", OVER_ETH1, &lab)?;
    daemon.terminate()
}

fn in_the_background() -> Outcome {
    let lab = Lab::new()?;
    let setup = Setup::new(&lab, DOOR)?.with(&["-i", "eth1"]).behind(SERVICE);
    let daemon = Background::start(&lab, setup)?;
    daemon.log().await_line("waiting for interfaces: eth1")?;
    lab.plug("eth1")?;
    daemon.log().await_line("interface eth1 has come, listening on it")?;
    daemon.terminate()
}

fn is_not_the_way_of_sessions() -> Outcome {
    let lab = Lab::new()?;
    for (config, before, more) in [
        // A shell of a desktop that systemd has started.
        (DOOR.to_owned(), "export INVOCATION_ID=0123456789abcdef SYSTEMD_EXEC_PID=1", &["-i", "eth1"][..]),
        (DOOR.to_owned(), "export INVOCATION_ID=0123456789abcdef; unset SYSTEMD_EXEC_PID", &["-i", "eth1"]),
        (config("InterfaceWait = no"), SERVICE, &["-i", "eth1"]),
        (config("InterfaceWait = no"), SERVICE, &["-i", "eth1", "-d"]),
    ] {
        let ended = Setup::new(&lab, &config)?.with(more).behind(before).run()?;
        one_line(&ended, &["there is no interface eth1; this machine has: eth0, lo", "InterfaceWait = yes"])?;
        nothing_left(&lab, &["knockd.conf"])?;
    }
    Ok(())
}

fn accepts_a_reload() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &config("InterfaceWait = yes"))?.start()?;
    daemon.reload(&config("InterfaceWait = yes\n Interface = eth1, eth5"))?;
    waits_for(&lab, &daemon, "eth1, eth5")?;
    lab.plug("eth1")?;
    insist(&daemon, "door", OVER_ETH1, &lab)?;
    // What is waited for already may go on being so; only a new name may be misspelt.
    daemon.reload(&config("Interface = eth1, eth5"))?;
    daemon.reload(&config("Interface = eth1, eht5"))?;
    daemon.log().await_part("1 mistake, first: there is no interface eht5; ")?;
    lab.plug("eth5")?;
    insist(&daemon, "door", OVER_ETH5, &lab)?;
    daemon.terminate()
}

fn is_foretold_by_check() -> Outcome {
    let lab = Lab::new()?;
    let missing = |name: &str| format!("warning: there is no interface {name}; this machine has: eth0, lo; ");
    for (options, before, outcome) in [
        (
            "",
            "",
            "knockd would not start; as a service of systemd, or with InterfaceWait = yes, it would wait for it",
        ),
        ("", SERVICE, "knockd would wait for it"),
        ("InterfaceWait = yes", "", "knockd would wait for it"),
        ("InterfaceWait = no", SERVICE, "knockd would not start"),
    ] {
        lab.write("knockd.conf", &config(&format!("Interface = eth1, eth0, eth5\n {options}")))?;
        let ended = Setup::bare(&lab)?.with(&["--check", "-c", "knockd.conf"]).behind(before).run()?;
        let warnings = ["eth1", "eth5"].map(|name| missing(name) + outcome + "\n").concat();
        same("status", ended.status, Some(0))?;
        same("warnings", ended.err, warnings)?;
    }
    Ok(())
}

/// Who could not listen on what comes is told so at once.
fn needs_rights_from_the_start() -> Outcome {
    let lab = Lab::new()?;
    let setup = Setup::new(&lab, &config("InterfaceWait = yes\n Interface = eth1"))?;
    let setup = setup.behind("exec setpriv --bounding-set=-all --inh-caps=-all -- \"$@\"");
    one_line(&setup.run()?, &["not allowed to listen to packets: start knockd as root"])?;
    ensure(!lab.file("log").contains("starting up"), lab.file("log"))
}
