//! The CPU that a thread runs on, and its time there.

use std::time::Duration;

use nix::{
    sched::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
    unistd::Pid,
};
use trials::trouble::{Outcome, While};

/// Keeps the calling thread on the first CPU, so that what it measures does not move about.
pub(crate) fn stay_on_first() -> Outcome {
    let mut first = CpuSet::new();
    first.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &first).while_("staying on one CPU")
}

/// How long the calling thread has been on a CPU. What the kernel does with a packet on a veth cable, up to the
/// sockets that it reaches, it does within the system call that sends it.
pub(crate) fn thread_time() -> Outcome<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).while_("the thread's clock")?.into())
}
