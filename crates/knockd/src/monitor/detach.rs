//! Leaving the terminal behind: the process that was started waits until its successor is up, and says how that went.
//!
//! The successor is a fresh execution of the same binary instead of a fork, so that no half-made state is carried over.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    os::unix::{net::UnixStream, process::CommandExt},
    process::{Command, ExitCode, Stdio},
};

use rustix::{
    process::setsid,
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
};

use super::watcher_process;

/// The option that tells the successor what it is.
pub const DETACHED: &str = "--detached";

/// The option that tells the successor that its predecessor is a service of systemd's.
const SERVICE: &str = "--service";

/// Starts the successor with our own arguments and waits for its word. It can't see for itself whether systemd has
/// started us as a `service`.
pub fn detach(service: bool) -> io::Result<ExitCode> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut successor = Command::new("/proc/self/exe")
        .arg0("knockd")
        // In front: behind a "--" it would be no option.
        .arg(DETACHED)
        .args(service.then_some(SERVICE))
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .spawn()
        .map_err(|error| watcher_process::not_executed(&error))?;
    let mut word = Vec::new();
    ours.read_to_end(&mut word)?;
    if !word.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let code = successor.wait()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.filter(|code| *code != 0).unwrap_or(1)))
}

/// The successor's side.
#[derive(Debug)]
pub struct Successor(UnixStream);

impl Successor {
    /// Leaves the session of the terminal.
    pub fn begin() -> io::Result<Self> {
        let word = io::stdin().as_fd().try_clone_to_owned()?;
        setsid()?;
        Ok(Self(word.into()))
    }

    /// Tells the waiting process that all is well, and lets go of the terminal.
    pub fn report_up(mut self) -> io::Result<()> {
        std::env::set_current_dir("/")?;
        let nothing = File::options().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&nothing)?;
        dup2_stdout(&nothing)?;
        dup2_stderr(&nothing)?;
        self.0.write_all(b"up")
    }
}
