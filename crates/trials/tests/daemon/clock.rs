//! The clock that timeouts go by: one for all of them, which goes on while the machine sleeps.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use trials::{
    net::{Daemon, Lab, PATIENCE, Process, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure},
};

use crate::support::knock;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("clock::is_the_same_everywhere", is_the_same_everywhere),
        trial("clock::goes_on_while_the_machine_sleeps", goes_on_while_the_machine_sleeps),
        trial("clock::wakes_nobody_at_rest", wakes_nobody_at_rest),
    ]
}

const HALF_A_SECOND: &str = "[door]
    Sequence = 7300:udp,7100:udp,7200:udp
    Seq_Timeout = 0.5
    Start_Command = echo %IP% > {DIR}/opened
    Cmd_Timeout = 0.5
    Stop_Command = echo %IP% > {DIR}/closed
";

/// Its door is open, and there is an attempt at it, for as long as no test lasts.
const AN_HOUR: &str = "[door]
    Sequence = 7300:udp,7100:udp,7200:udp
    Seq_Timeout = 3600
    Start_Command = true
    Cmd_Timeout = 3600
    Stop_Command = true
";

/// Where the clocks of the kernel are years apart (`time_namespaces(7)`), whoever set a timer on one of them by what
/// another says would be years early or late.
fn is_the_same_everywhere() -> Outcome {
    for clocks in ["--boottime 100000000 --monotonic 0", "--boottime 0 --monotonic 100000000"] {
        let lab = Lab::new()?;
        let daemon = Setup::new(&lab, HALF_A_SECOND)?
            .behind(&format!("exec unshare --time {clocks} -- \"$@\""))
            .start()?;
        let of = |id: &str| fs::read_link(format!("/proc/{id}/ns/time"));
        ensure(of(&daemon.id()?.to_string())? != of("self")?, "it is in no time namespace of its own")?;
        let start = Instant::now();
        lab.send("udp OTHER > SERVER:7300,7100")?;
        daemon.log().await_line("10.0.0.3: door: sequence timeout (stage 2)")?;
        ensure(start.elapsed() >= Duration::from_millis(500), "the attempt has ended before its time")?;
        let start = Instant::now();
        knock(&lab, "CLIENT")?;
        lab.await_file("closed", "10.0.0.2\n")?;
        ensure(start.elapsed() >= Duration::from_millis(500), "the door has closed before its time")?;
        daemon.terminate()?;
    }
    Ok(())
}

/// The timers that a process waits for, as the kernel describes them (proc(5), `/proc/pid/fdinfo/`).
fn timers(process: &Process) -> Outcome<Vec<String>> {
    let descriptors = process.descriptors()?.into_iter();
    descriptors
        .filter(|(_, what)| what == Path::new("anon_inode:[timerfd]"))
        .map(|(number, _)| Ok(fs::read_to_string(format!("/proc/{}/fdinfo/{number}", process.id))?))
        .collect()
}

fn both(daemon: &Daemon<'_>) -> Outcome<[Process; 2]> {
    let monitor = Process::find(daemon.id()?).ok_or_else(|| Trouble::new("it has gone"))?;
    Ok([monitor, daemon.watcher()?])
}

/// No test may put the machine to sleep or set its clock. What wakes the processes is therefore asked of the kernel.
fn goes_on_while_the_machine_sleeps() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, AN_HOUR)?.start()?;
    for process in both(&daemon)? {
        let is_unset = |timer: &String| timer.contains("\nit_value: (0, 0)\n");
        let unset = await_some(PATIENCE, || {
            matches!(&timers(&process).ok()?[..], [timer] if is_unset(timer)).then_some(())
        });
        ensure(unset.is_some(), format!("set, with nothing to wait for: {:?}", timers(&process)?))?;
    }
    knock(&lab, "CLIENT")?;
    lab.send("udp OTHER > SERVER:7300")?;
    daemon.log().await_part("command ended after")?;
    daemon.log().await_line("10.0.0.3: door: Stage 1")?;
    for process in both(&daemon)? {
        let wanted = |timer: &String| {
            // CLOCK_BOOTTIME (linux/time.h) until a time on it (TFD_TIMER_ABSTIME), within the hour and once only.
            let remaining = timer.split("it_value: (").nth(1).and_then(|rest| rest.split(',').next());
            let seconds = remaining.and_then(|seconds| seconds.parse().ok());
            timer.contains("\nclockid: 7\n")
                && timer.contains("\nsettime flags: 01\n")
                && timer.contains("\nit_interval: (0, 0)\n")
                && seconds.is_some_and(|seconds| (3000..3600).contains(&seconds))
        };
        let set = await_some(PATIENCE, || timers(&process).ok()?.iter().all(wanted).then_some(()));
        ensure(set.is_some(), format!("{}: {:?}", process.name, timers(&process)?))?;
    }
    daemon.terminate()
}

/// How often the threads of a process have been woken, for whatever reason.
fn awakenings(process: &Process) -> Outcome<Vec<String>> {
    let mut counts = Vec::new();
    for task in fs::read_dir(format!("/proc/{}/task", process.id))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        counts.extend(status.lines().filter(|line| line.contains("ctxt_switches")).map(ToOwned::to_owned));
    }
    Ok(counts)
}

/// With a door open and an attempt under way: nothing is looked at from time to time.
fn wakes_nobody_at_rest() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, AN_HOUR)?.start()?;
    knock(&lab, "CLIENT")?;
    lab.send("udp OTHER > SERVER:7300")?;
    daemon.log().await_part("command ended after")?;
    daemon.log().await_line("10.0.0.3: door: Stage 1")?;
    let count = || both(&daemon)?.iter().map(awakenings).collect::<Outcome<Vec<_>>>();
    let rests = || {
        let before = count().ok()?;
        thread::sleep(Duration::from_millis(2500));
        (count().ok()? == before).then_some(())
    };
    // A second after the last packet it is asked, once, whether packets were lost; and the machine may be busy.
    await_some(PATIENCE, rests).ok_or_else(|| Trouble::new(format!("still woken: {:?}", count())))?;
    daemon.terminate()
}
