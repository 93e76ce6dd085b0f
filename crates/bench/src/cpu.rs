//! The CPU that a thread runs on, and its time there.

use std::{
    hint,
    num::NonZero,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
    unistd::{Pid, gettid},
};
use trials::trouble::{Outcome, While, ensure};

/// Keeps the calling thread on this CPU, counted from 0.
pub(crate) fn stay_on(cpu: usize) -> Outcome {
    let mut only = CpuSet::new();
    only.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &only).while_("staying on one CPU")
}

/// Has the calling thread run before all ordinary ones, and what it starts as one of those.
pub(crate) fn come_first() -> Outcome {
    let thread = gettid().to_string();
    let status = Command::new("chrt").args(["--reset-on-fork", "--fifo", "--pid", "1", &thread]).status()?;
    ensure(status.success(), "chrt does not work")
}

/// Keeps every CPU busy, each with a thread of its own, while this runs.
pub(crate) fn while_busy<T>(measure: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let cpus = thread::available_parallelism().map_or(1, NonZero::get);
        for cpu in 0..cpus {
            let stop = &stop;
            scope.spawn(move || {
                // Where it can't stay it is busy all the same.
                let _ = stay_on(cpu);
                while !stop.load(Ordering::Relaxed) {
                    hint::black_box(cpu);
                }
            });
        }
        let result = measure();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

/// Keeps the calling thread on the first CPU, so that what it measures does not move about.
pub(crate) fn stay_on_first() -> Outcome {
    stay_on(0)
}

/// How long the calling thread has been on a CPU. What the kernel does with a packet on a veth cable, up to the
/// sockets that it reaches, it does within the system call that sends it.
pub(crate) fn thread_time() -> Outcome<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).while_("the thread's clock")?.into())
}
