//! A daemon that a manager of services has started and listens to, as systemd does (`sd_notify(3)`).

use std::{
    os::unix::net::UnixDatagram,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Lab, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, While, ensure, same},
};

use crate::support::{DOOR, insist, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("service::tells_its_life", tells_its_life),
        trial("service::tells_that_a_reload_was_refused", tells_that_a_reload_was_refused),
        trial("service::shows_life_as_often_as_asked", shows_life_as_often_as_asked),
        trial("service::shows_life_while_it_closes_doors", shows_life_while_it_closes_doors),
        trial("service::shows_no_life_when_it_hangs", shows_no_life_when_it_hangs),
        trial("service::stays_in_the_foreground", stays_in_the_foreground),
        trial("service::works_though_nobody_listens", works_though_nobody_listens),
        trial("service::ends_watchers_without_the_right_to_kill", ends_watchers_without_the_right_to_kill),
    ]
}

/// The manager's ear.
struct Manager(UnixDatagram);

impl Manager {
    /// Waits at the address that [`NOTIFIES`] tells.
    fn new(lab: &Lab) -> Outcome<Self> {
        let socket = UnixDatagram::bind(lab.directory().join("notify"))?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    fn next(&self) -> Option<String> {
        let mut buffer = [0; 512];
        let length = self.0.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(buffer.get(..length)?).into_owned())
    }

    /// The next message, which has to come.
    fn message(&self) -> Outcome<String> {
        await_some(PATIENCE, || self.next()).ok_or_else(|| Trouble::new("the manager hears nothing"))
    }

    fn hears(&self, expected: &str) -> Outcome {
        same("message", self.message()?.as_str(), expected)
    }

    /// A reload begins, after this moment on the clock of systemd.
    fn hears_reload(&self, since: Duration) -> Outcome {
        let message = self.message()?;
        let began = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|text| text.parse().ok());
        let began = began.map(Duration::from_micros).ok_or_else(|| Trouble::new(message))?;
        ensure((since..=monotonic()?).contains(&began), format!("{began:?} is not after {since:?}"))
    }
}

/// The clock that systemd compares by.
fn monotonic() -> Outcome<Duration> {
    Ok(nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)?.into())
}

const NOTIFIES: &str = "export NOTIFY_SOCKET={DIR}/notify";
const UP: &str = "READY=1\nSTATUS=listening on eth0, 1 door";
const END: &str = "STOPPING=1\nWATCHDOG=1\nSTATUS=closing doors";

/// It is up when it hears, a reload is over when the new doors stand, and the end is told before doors are closed.
/// Commands have nothing to say to the manager.
fn tells_its_life() -> Outcome {
    let lab = Lab::new()?;
    let manager = Manager::new(&lab)?;
    let config = format!("{DOOR} Stop_Command = echo ${{NOTIFY_SOCKET-unset}} > {{DIR}}/closed; sleep 1\n");
    let mut daemon = Setup::new(&lab, &config)?.behind(NOTIFIES).start()?;
    manager.hears(UP)?;
    knock(&lab, "CLIENT")?;
    lab.await_file("opened", "10.0.0.2\n")?;
    let before = monotonic()?;
    daemon.reload(
        "[door]\n Sequence = 7400:udp\n Command = true\n[two]\n Sequence = 7401:udp\n Command = true\n",
    )?;
    manager.hears_reload(before)?;
    manager.hears("READY=1\nSTATUS=listening on eth0, 2 doors")?;
    // Not a moment is waited for.
    lab.send("udp CLIENT > SERVER:7401")?;
    daemon.log().await_count(1, "two: OPEN SESAME")?;
    let asked = Instant::now();
    daemon.signal(Signal::SIGTERM)?;
    manager.hears(END)?;
    ensure(asked.elapsed() < Duration::from_millis(900), "the end is told when it is over")?;
    ensure(daemon.wait()?.success(), daemon.said())?;
    same("what commands know", lab.file("closed").as_str(), "unset\n")?;
    same("afterwards", manager.next(), None)
}

fn tells_that_a_reload_was_refused() -> Outcome {
    let lab = Lab::new()?;
    let manager = Manager::new(&lab)?;
    let daemon = Setup::new(&lab, DOOR)?.behind(NOTIFIES).start()?;
    manager.hears(UP)?;
    let refused = format!("{UP}; the configuration on the disk was refused, see the log");
    for (config, status) in [("[door", refused.as_str()), (DOOR, UP)] {
        let before = monotonic()?;
        daemon.reload(&lab.filled_in(config))?;
        manager.hears_reload(before)?;
        manager.hears(status)?;
    }
    insist(&daemon, "door", "udp CLIENT > SERVER:7300,7100,7200", &lab)?;
    daemon.terminate()
}

fn shows_life_as_often_as_asked() -> Outcome {
    let lab = Lab::new()?;
    let manager = Manager::new(&lab)?;
    let watched = format!("{NOTIFIES} WATCHDOG_USEC=400000 WATCHDOG_PID=$$");
    let begin = Instant::now();
    let daemon = Setup::new(&lab, DOOR)?.behind(&watched).start()?;
    let mut signs = 0;
    while signs < 6 {
        signs += i32::from(manager.message()? == "WATCHDOG=1");
    }
    // The first is due at once, the others 0.2 s apart.
    ensure(begin.elapsed() >= Duration::from_secs(1), format!("six in {:?}", begin.elapsed()))?;
    daemon.terminate()
}

/// Systemd ends who shows none, be it while stop commands run.
fn shows_life_while_it_closes_doors() -> Outcome {
    let lab = Lab::new()?;
    let manager = Manager::new(&lab)?;
    let config = format!("{DOOR} Stop_Command = until [ -e {{DIR}}/enough ]; do sleep 0.05; done\n");
    let watched = format!("{NOTIFIES} WATCHDOG_USEC=200000");
    let mut daemon = Setup::new(&lab, &config)?.behind(&watched).start()?;
    knock(&lab, "CLIENT")?;
    lab.await_file("opened", "10.0.0.2\n")?;
    daemon.signal(Signal::SIGTERM)?;
    while manager.message()? != END {}
    for _ in 0..5 {
        manager.hears("WATCHDOG=1")?;
    }
    lab.write("enough", "")?;
    ensure(daemon.wait()?.success(), daemon.said())
}

/// Stopped, it does nothing, and says nothing.
fn shows_no_life_when_it_hangs() -> Outcome {
    let lab = Lab::new()?;
    let manager = Manager::new(&lab)?;
    let watched = format!("{NOTIFIES} WATCHDOG_USEC=200000");
    let daemon = Setup::new(&lab, DOOR)?.behind(&watched).start()?;
    manager.message()?;
    daemon.signal(Signal::SIGSTOP)?;
    let quiet = || {
        let said = std::iter::from_fn(|| manager.next()).count();
        std::thread::sleep(Duration::from_millis(400));
        (said == 0 && manager.next().is_none()).then_some(())
    };
    ensure(await_some(PATIENCE, quiet).is_some(), "it shows life, though it is stopped")?;
    daemon.signal(Signal::SIGCONT)?;
    manager.hears("WATCHDOG=1")?;
    daemon.terminate()
}

/// Who waits for the word of the process that he has started would take its end for that of the service.
fn stays_in_the_foreground() -> Outcome {
    let lab = Lab::new()?;
    let manager = Manager::new(&lab)?;
    let service = format!("{NOTIFIES} INVOCATION_ID=0123456789abcdef SYSTEMD_EXEC_PID=$$");
    let daemon = Setup::new(&lab, DOOR)?.with(&["-d"]).behind(&service).start()?;
    manager.hears(UP)?;
    ensure(!lab.directory().join("pid").exists(), "it has a pid file")?;
    daemon.watcher()?;
    daemon.terminate()
}

fn works_though_nobody_listens() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.behind(NOTIFIES).start()?;
    insist(&daemon, "door", "udp CLIENT > SERVER:7300,7100,7200", &lab)?;
    let said = lab.file("stderr");
    ensure(said.contains("cannot tell the manager of services how we are: "), said)?;
    daemon.terminate()
}

/// As the unit has it. A watcher that was stopped is ended, though it is another user, and the daemon ends in time.
fn ends_watchers_without_the_right_to_kill() -> Outcome {
    let lab = Lab::new()?;
    let bounds = "exec setpriv --no-new-privs --bounding-set \
                  -all,+net_admin,+net_raw,+bpf,+setuid,+setgid,+setpcap --inh-caps -all \"$@\"";
    let daemon = Setup::new(&lab, DOOR)?.behind(bounds).start()?;
    let first = daemon.watcher()?;
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", daemon.id()?)).while_("reading its status")?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap_or_default();
    // CAP_KILL is the sixth (linux/capability.h).
    let bits = u64::from_str_radix(effective, 16).map_err(|error| Trouble::new(error.to_string()))?;
    same("the right to kill", bits & 1 << 5, 0)?;
    first.signal(Signal::SIGSTOP)?;
    daemon.log().await_part("started anew in")?;
    let second = || daemon.watcher().ok().filter(|watcher| watcher.id != first.id);
    ensure(await_some(PATIENCE, second).is_some(), daemon.said())?;
    insist(&daemon, "door", "udp CLIENT > SERVER:7300,7100,7200", &lab)?;
    daemon.terminate()
}
