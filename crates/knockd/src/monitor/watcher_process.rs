//! The watcher, seen from the monitor.

use std::{
    io,
    os::unix::process::CommandExt,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use libc::SIGSYS;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::privileges;
use crate::{clock, ipc::channel::Channel, sandbox::Identity};

/// The option that makes this program the watcher.
pub const WATCHER: &str = "--watcher";

/// How long one that was killed has to be gone, and how often it is looked.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_micros(200);

/// A watcher that runs, and the way to it.
#[derive(Debug)]
pub struct WatcherProcess {
    child: Child,
    /// The conversation with it.
    pub channel: Channel,
}

impl WatcherProcess {
    /// Starts one: a fresh execution of this binary that has one end of a socket pair, and nothing
    /// else.
    pub fn start(stderr: Stdio) -> io::Result<Self> {
        let (channel, theirs) = Channel::pair()?;
        // By this path even when a package has replaced the file meanwhile.
        let child = Command::new("/proc/self/exe")
            .arg0("knockd: watcher")
            .arg(WATCHER)
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(|error| not_executed(&error))?;
        Ok(Self { child, channel })
    }

    /// Its process number.
    #[must_use]
    pub fn id(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_nonzero().get()
    }

    /// Something else in its place, for tests.
    #[cfg(test)]
    pub fn pretend(child: Child, channel: Channel) -> Self {
        Self { child, channel }
    }

    /// Whether somebody has stopped it (`SIGSTOP` in `signal(7)`).
    pub fn is_stopped(&self) -> bool {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(Pid::from_child(&self.child)), options);
        status.is_ok_and(|status| status.is_some_and(|status| status.stopped()))
    }

    /// Ends it, if it hasn't ended yet, and takes its exit status. `identity` is whom it was told to be. A debugger gets
    /// the status first: one that doesn't ask for it is not waited for.
    pub fn end(mut self, identity: Option<Identity>) -> io::Result<ExitStatus> {
        // It may have ended by itself.
        if self.child.kill().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
            && let Some(identity) = identity
        {
            privileges::kill_as(identity, Pid::from_child(&self.child))?;
        }
        let deadline = clock::now().after(PATIENCE);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if clock::now() >= deadline {
                return Err(io::Error::other("it was killed, but is held by somebody, such as a debugger"));
            }
            thread::sleep(PAUSE);
        }
    }
}

/// How a watcher ended, for the log.
pub(super) fn how_it_ended(status: ExitStatus) -> String {
    match status.signal() {
        // It had no way to tell which.
        Some(SIGSYS) => format!("it made a forbidden system call, {status}"),
        _ => status.to_string(),
    }
}

/// Says what the bare error of a second execution of ourselves is about.
pub(super) fn not_executed(error: &io::Error) -> io::Error {
    let advice = if error.kind() == io::ErrorKind::NotFound { "; is /proc mounted?" } else { "" };
    io::Error::new(error.kind(), format!("cannot execute /proc/self/exe: {error}{advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_call_is_told_apart() {
        assert_eq!(how_it_ended(ExitStatus::from_raw(9)), "signal: 9 (SIGKILL)");
        let how = how_it_ended(ExitStatus::from_raw(SIGSYS));
        assert!(how.starts_with("it made a forbidden system call, signal: 31 (SIGSYS)"), "{how}");
    }
}
