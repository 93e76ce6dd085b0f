//! The watcher, seen from the monitor.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::ipc::channel::Channel;

/// The option that makes this program the watcher.
pub const WATCHER: &str = "--watcher";

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
            .spawn()?;
        Ok(Self { child, channel })
    }

    /// Ends it, if it hasn't ended yet, and takes its exit status.
    pub fn end(mut self) -> io::Result<ExitStatus> {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait()
    }
}
