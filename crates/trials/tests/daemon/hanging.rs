//! A process that looks at packets and does nothing any more.

use std::{sync::mpsc, thread, time::Duration};

use libtest_mimic::Trial;
use nix::{
    sys::{
        ptrace,
        signal::Signal,
        wait::{WaitStatus, waitpid},
    },
    unistd::Pid,
};
use trials::{
    net::{Daemon, Lab, PATIENCE, Process, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::{DOOR, insist, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("hanging::one_that_was_stopped_is_replaced", one_that_was_stopped_is_replaced),
        trial("hanging::one_that_does_not_answer_is_replaced", one_that_does_not_answer_is_replaced),
        trial("hanging::a_debugger_does_not_hold_up_the_end", a_debugger_does_not_hold_up_the_end),
        trial("hanging::who_is_stopped_together_stays_together", who_is_stopped_together_stays_together),
        trial("hanging::nobody_is_woken_up_to_find_out", nobody_is_woken_up_to_find_out),
    ]
}

const KNOCKS: &str = "udp CLIENT > SERVER:7300,7100,7200";

fn await_replaced(daemon: &Daemon<'_>, watcher: &Process, patience: Duration, why: &str) -> Outcome {
    let line = format!("watcher ended ({why}; signal: 9 (SIGKILL)), started anew in 0.1 s");
    let told = await_some(patience, || (daemon.log().count(&line) == 1).then_some(()));
    ensure(told.is_some(), daemon.said())?;
    let other = || (daemon.watcher().ok()?.id != watcher.id).then_some(());
    await_some(PATIENCE, other).ok_or_else(|| Trouble::new("no other watcher"))
}

fn one_that_was_stopped_is_replaced() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let watcher = daemon.watcher()?;
    watcher.signal(Signal::SIGSTOP)?;
    await_replaced(&daemon, &watcher, PATIENCE, "it was stopped and does not go on")?;
    insist(&daemon, "door", KNOCKS, &lab)?;
    daemon.terminate()
}

/// Held as by a debugger, which its parent isn't told: as if it went round in circles.
fn one_that_does_not_answer_is_replaced() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let watcher = daemon.watcher()?;
    let id = Pid::from_raw(watcher.id);
    let holder = thread::spawn(move || -> Outcome {
        ptrace::seize(id, ptrace::Options::empty())?;
        ptrace::interrupt(id)?;
        // Who holds it is the first to be told of its end.
        while !matches!(waitpid(id, None)?, WaitStatus::Signaled(..) | WaitStatus::Exited(..)) {}
        Ok(())
    });
    let held = || watcher.status("State").is_ok_and(|state| state.starts_with('t')).then_some(());
    await_some(PATIENCE, held).ok_or_else(|| Trouble::new("it can't be held"))?;
    // It has to be told of the new addresses.
    lab.plug("eth1")?;
    await_replaced(&daemon, &watcher, 3 * PATIENCE, "it does not answer")?;
    holder.join().map_err(|_| Trouble::new("its holder has failed"))??;
    insist(&daemon, "door", KNOCKS, &lab)?;
    daemon.terminate()
}

/// Its parent isn't told of its end before the debugger has asked for it.
fn a_debugger_does_not_hold_up_the_end() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let watcher = daemon.watcher()?;
    let id = Pid::from_raw(watcher.id);
    let (over, is_over) = mpsc::channel::<()>();
    let holder = thread::spawn(move || -> Outcome {
        ptrace::seize(id, ptrace::Options::empty())?;
        ptrace::interrupt(id)?;
        // Until the other end is dropped.
        let _ = is_over.recv();
        while !matches!(waitpid(id, None)?, WaitStatus::Signaled(..) | WaitStatus::Exited(..)) {}
        Ok(())
    });
    let held = || watcher.status("State").is_ok_and(|state| state.starts_with('t')).then_some(());
    await_some(PATIENCE, held).ok_or_else(|| Trouble::new("it can't be held"))?;
    daemon.terminate()?;
    drop(over);
    holder.join().map_err(|_| Trouble::new("its holder has failed"))?
}

fn who_is_stopped_together_stays_together() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let watcher = daemon.watcher()?;
    let monitor = Process::find(daemon.id()?).ok_or_else(|| Trouble::new("no monitor"))?;
    // Nobody hits both at the same moment. The monitor takes notice, and is a little ahead again later on.
    watcher.signal(Signal::SIGSTOP)?;
    thread::sleep(Duration::from_millis(300));
    monitor.signal(Signal::SIGSTOP)?;
    let stopped = || monitor.status("State").is_ok_and(|state| state.starts_with('T')).then_some(());
    await_some(PATIENCE, stopped).ok_or_else(|| Trouble::new("it can't be stopped"))?;
    // Longer than one of them alone may be stopped: it is this time that must not count.
    thread::sleep(Duration::from_secs(3));
    monitor.signal(Signal::SIGCONT)?;
    // A second counts for the absence, and the two that a stopped one has would be over in another.
    thread::sleep(Duration::from_millis(300));
    watcher.signal(Signal::SIGCONT)?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_count(1, "OPEN SESAME")?;
    same("watcher", daemon.watcher()?.id, watcher.id)?;
    ensure(!lab.file("log").contains("watcher ended"), lab.file("log"))?;
    daemon.terminate()
}

/// Looking for those that hang costs nothing while nothing happens.
fn nobody_is_woken_up_to_find_out() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    insist(&daemon, "door", KNOCKS, &lab)?;
    let both = [Process::find(daemon.id()?), Some(daemon.watcher()?)];
    let both: Vec<Process> = both.into_iter().flatten().collect();
    let sleeps = || -> Outcome<Vec<String>> {
        both.iter().map(|process| process.status("voluntary_ctxt_switches")).collect()
    };
    // A network that was just made is not at rest yet.
    for _ in 0..5 {
        let before = sleeps()?;
        thread::sleep(Duration::from_secs(3));
        if sleeps()? == before {
            return daemon.terminate();
        }
    }
    Err(Trouble::new(format!("they wake up: {:?}", sleeps()?)))
}
