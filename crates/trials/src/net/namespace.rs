//! A host: a network namespace.

use std::{
    fs::{self, File},
    io::Write,
    panic,
    process::{self, Command, Output, Stdio},
    thread,
};

use nix::sched::{CloneFlags, setns, unshare};

use super::{Process, Program};
use crate::trouble::{Outcome, Trouble, While};

/// A network of its own, which lives as long as this value or a program in it does.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// A new one, with nothing in it but a loopback interface that is down.
    ///
    /// Needs the rights that [`sandbox::run`](crate::sandbox::run) gives.
    pub fn new() -> Outcome<Self> {
        on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).while_("making a network namespace")?;
            Ok(Self(File::open("/proc/thread-self/ns/net")?))
        })
    }

    /// Does `work` on a thread that is inside. Sockets opened and programs started there stay inside.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
        on_a_thread(|| {
            setns(&self.0, CloneFlags::CLONE_NEWNET).while_("entering a network namespace")?;
            work()
        })
    }

    /// Starts a program inside. It is killed when the value returned goes.
    pub fn start(&self, command: &mut Command) -> Outcome<Program> {
        self.inside(|| Program::start(command))
    }

    /// Runs a program inside to its end.
    pub fn output(&self, command: &mut Command) -> Outcome<Output> {
        let name = command.get_program().display().to_string();
        self.inside(|| command.stdin(Stdio::null()).output().while_(format!("running {name}")))
    }

    /// Runs a shell command inside and gives what it wrote. It has to succeed.
    pub fn shell(&self, line: &str) -> Outcome<String> {
        succeeded(line, &self.output(Command::new("sh").args(["-c", line]))?)
    }

    /// Has ip(8) carry out these lines inside, each an ip command without the `ip`.
    pub fn ip(&self, lines: &str) -> Outcome {
        let output = self.inside(|| {
            let mut command = Command::new("ip");
            command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut ip = command.spawn().while_("running ip (package iproute2)")?;
            if let Some(mut input) = ip.stdin.take() {
                input.write_all(lines.as_bytes())?;
            }
            Ok(ip.wait_with_output()?)
        })?;
        succeeded(lines, &output).map(drop)
    }

    /// The programs that run inside, zombies among them; the calling one is not.
    pub fn processes(&self) -> Outcome<Vec<Process>> {
        let own = fs::read_link(self.path())?;
        let is_inside = |process: &Process| process.network().is_some_and(|network| network == own);
        Ok(Process::all()?.into_iter().filter(is_inside).collect())
    }

    /// A path by which programs of this process's view of /proc find the namespace.
    #[must_use]
    pub fn path(&self) -> String {
        use std::os::fd::AsRawFd;
        format!("/proc/{}/fd/{}", process::id(), self.0.as_raw_fd())
    }
}

/// Namespaces belong to threads: a thread that changed its own is not used again.
fn on_a_thread<T: Send>(work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| panic::resume_unwind(panic))
}

fn succeeded(what: &str, output: &Output) -> Outcome<String> {
    let wrote = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(wrote);
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(Trouble::new(format!("`{what}` ended with {}: {wrote}{error}", output.status)))
}
