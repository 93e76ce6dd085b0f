//! Leads a process from one system call to the next, and lets it die at any of them: ptrace(2).

mod stop;

use std::{
    fs,
    marker::PhantomData,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use nix::{
    libc,
    sys::{
        ptrace::{self, Options},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

pub use stop::Stop;

use crate::trouble::{Outcome, Trouble, While};

/// How long a process may be led in all. One that hangs is killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first thread of a process, halted at a [`Stop`].
///
/// While it is led nobody may wait for its end. The kernel takes orders from the thread that began it only.
#[derive(Debug)]
pub struct Stepper {
    id: Pid,
    /// What it has just made.
    newborn: Option<Newborn>,
    /// Tells the thread that waits for a hanging process that it is no longer needed, by going.
    _guard: mpsc::Sender<()>,
    _same_thread: PhantomData<*const ()>,
}

/// A process that is halted before its first step. It takes that when this value goes.
#[derive(Debug)]
pub struct Newborn {
    id: Pid,
    _same_thread: PhantomData<*const ()>,
}

impl Stepper {
    /// Takes hold of a process wherever it is. One that a signal has stopped goes on when it is led.
    pub fn seize(id: i32) -> Outcome<Self> {
        let id = Pid::from_raw(id);
        let births =
            Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK | Options::PTRACE_O_TRACECLONE;
        let others = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
        ptrace::seize(id, births | others).while_("ptrace")?;
        ptrace::interrupt(id).while_("ptrace")?;
        let stepper = Self { id, newborn: None, _guard: guard(id), _same_thread: PhantomData };
        stepper.halted()?;
        kill(id, Signal::SIGCONT)?;
        Ok(stepper)
    }

    /// Lets it go on to the next stop that is one of those wanted.
    pub fn advance_to(&mut self, is_wanted: impl Fn(Stop) -> bool) -> Outcome {
        while !is_wanted(self.advance()?) {}
        Ok(())
    }

    /// Lets it go on to its next stop.
    pub fn advance(&mut self) -> Outcome<Stop> {
        self.newborn = None;
        ptrace::syscall(self.id, None).while_("ptrace")?;
        loop {
            match self.halted()? {
                WaitStatus::PtraceSyscall(_) => return self.system_call(),
                WaitStatus::PtraceEvent(
                    _,
                    _,
                    libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE,
                ) => {
                    let newborn = i32::try_from(ptrace::getevent(self.id)?);
                    let newborn = newborn.map_err(|error| Trouble::new(error.to_string()))?;
                    self.newborn = Some(Newborn { id: Pid::from_raw(newborn), _same_thread: PhantomData });
                    return Ok(Stop::Birth);
                }
                WaitStatus::Stopped(_, signal) => ptrace::syscall(self.id, signal)?,
                _ => ptrace::syscall(self.id, None)?,
            }
        }
    }

    /// The process that it has just made, which no longer depends on what becomes of its parent.
    pub fn take_newborn(&mut self) -> Option<Newborn> {
        self.newborn.take()
    }

    /// Kills it where it is halted. Who made it has to wait for it.
    ///
    /// A process that it has just made shares its fate or begins to run.
    pub fn kill(self, newborn_too: bool) -> Outcome {
        kill(self.id, Signal::SIGKILL)?;
        if let Some(newborn) = self.newborn.as_ref().filter(|_| newborn_too) {
            kill(newborn.id, Signal::SIGKILL)?;
        }
        Ok(())
    }

    /// Lets go of it for good.
    pub fn release(self) -> Outcome {
        ptrace::detach(self.id, None).while_("ptrace")
    }

    fn halted(&self) -> Outcome<WaitStatus> {
        match waitpid(self.id, Some(WaitPidFlag::__WALL)).while_("waiting for a stop")? {
            end @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {
                Err(Trouble::new(format!("the process has ended, or was killed since it hung: {end:?}")))
            }
            halted => Ok(halted),
        }
    }

    fn system_call(&self) -> Outcome<Stop> {
        let path = format!("/proc/{}/syscall", self.id);
        let text = fs::read_to_string(&path).while_(path)?;
        let number = text.split(' ').next().unwrap_or_default().trim_end().parse::<i64>().while_(&text)?;
        match ptrace::syscall_info(self.id)?.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => Ok(Stop::Before(number)),
            libc::PTRACE_SYSCALL_INFO_EXIT => Ok(Stop::After(number)),
            other => Err(Trouble::new(format!("a stop of an unknown kind: {other}"))),
        }
    }
}

impl Drop for Newborn {
    fn drop(&mut self) {
        // Whoever was killed can't be waited for or let go, and what else can't dies with our thread.
        if let Ok(WaitStatus::PtraceEvent(..)) = waitpid(self.id, Some(WaitPidFlag::__WALL)) {
            let _ = ptrace::detach(self.id, None);
        }
    }
}

/// Kills the process unless the value returned goes in time.
fn guard(id: Pid) -> mpsc::Sender<()> {
    let (sender, receiver) = mpsc::channel::<()>();
    thread::spawn(move || {
        if receiver.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // It fails if the process has ended just now.
            let _ = kill(id, Signal::SIGKILL);
        }
    });
    sender
}
