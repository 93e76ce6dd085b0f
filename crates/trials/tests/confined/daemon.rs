//! A daemon with one door.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use nix::sys::signal::Signal;
use trials::{
    binaries,
    net::{Lab, Log, PATIENCE, Program, await_some},
    trouble::{Outcome, Trouble},
};

use super::Process;

/// A running daemon.
pub struct Daemon<'a> {
    lab: &'a Lab,
    program: Program,
    log: Log,
    reloads: usize,
}

impl<'a> Daemon<'a> {
    /// Starts it and waits until it listens, on eth0 if the arguments don't say where.
    pub fn start(lab: &'a Lab, arguments: &[&str]) -> Outcome<Self> {
        Self::start_by(lab, &[], arguments)
    }

    /// Has this program start it.
    pub fn start_by(lab: &'a Lab, starter: &[&str], arguments: &[&str]) -> Outcome<Self> {
        let directory = lab.directory();
        let mut command = command(directory, starter, arguments)?;
        command.stdout(File::create(directory.join("stdout"))?);
        command.stderr(File::create(directory.join("stderr"))?);
        let program = lab.server().start(&mut command)?;
        let log = Log::new(directory.join("log"));
        log.await_part("starting up, listening on ")?;
        Ok(Self { lab, program, log, reloads: 0 })
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What its standard error is, as /proc tells it.
    pub fn standard_error(&self) -> String {
        self.lab.directory().join("stderr").display().to_string()
    }

    /// The half that acts.
    pub fn monitor(&self) -> Process {
        Process(self.program.id())
    }

    /// The half that listens.
    pub fn watcher(&self) -> Outcome<Process> {
        self.await_watcher(|_| true)
    }

    /// The one that follows `first`.
    pub fn watcher_after(&self, first: Process) -> Outcome<Process> {
        self.await_watcher(|watcher| watcher != first)
    }

    /// Has it take up a configuration with these interfaces.
    pub fn reload(&mut self, interfaces: &str) -> Outcome {
        self.reload_to(&config(interfaces))
    }

    /// Has it take up a configuration with other doors.
    pub fn reload_to(&mut self, config: &str) -> Outcome {
        self.reloads += 1;
        fs::write(self.lab.directory().join("knockd.conf"), config)?;
        self.program.signal(Signal::SIGHUP)?;
        let told = |line: &String| line.starts_with("re-reading config file");
        let reloaded =
            || (self.log.lines().iter().filter(|line| told(line)).count() == self.reloads).then_some(());
        await_some(PATIENCE, reloaded).ok_or_else(|| Trouble::new("it does not reload"))
    }

    /// Knocks until the door opens: a watcher may be new and not listen yet.
    pub fn expect_to_open(&mut self, client: &str) -> Outcome {
        let server = if client.ends_with('6') { "SERVER6" } else { "SERVER" };
        self.expect_to_open_on(client, server, "")
    }

    /// The same by another address, and by another cable.
    pub fn expect_to_open_on(&mut self, client: &str, server: &str, cable: &str) -> Outcome {
        let address = trials::names::address(client).ok_or_else(|| Trouble::new(client))?;
        let line = format!("{address}: ssh: OPEN SESAME");
        for _ in 0..10 {
            for (protocol, port) in [("tcp", 7000), ("udp", 9000), ("tcp", 8000)] {
                self.lab.send(&format!("{protocol} {client} > {server}:{port} {cable}"))?;
            }
            if await_some(PATIENCE / 10, || self.log.lines().contains(&line).then_some(())).is_some() {
                return Ok(());
            }
        }
        Err(Trouble::new(format!("the door does not open for {client}:\n{}", self.log.lines().join("\n"))))
    }

    fn await_watcher(&self, is_it: impl Fn(Process) -> bool) -> Outcome<Process> {
        let watcher = await_some(PATIENCE, || self.monitor().watcher().filter(|found| is_it(*found)));
        watcher.ok_or_else(|| Trouble::new("there is no watcher"))
    }
}

/// Has it start where it should not; its status and what it said.
pub fn refused(lab: &Lab, starter: &[&str], arguments: &[&str]) -> Outcome<(Option<i32>, String)> {
    let mut command = command(lab.directory(), starter, arguments)?;
    let output = lab.server().output(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.code(), String::from_utf8_lossy(&said).into_owned()))
}

fn command(directory: &Path, starter: &[&str], arguments: &[&str]) -> Outcome<Command> {
    fs::write(directory.join("knockd.conf"), config("eth0"))?;
    let words = starter.iter().map(Into::into).chain([binaries::knockd()?.into_os_string()]);
    let words: Vec<std::ffi::OsString> = words.collect();
    let (program, rest) = words.split_first().ok_or_else(|| Trouble::new("no program"))?;
    let mut command = Command::new(program);
    command
        .args(rest)
        .current_dir(directory)
        .args(["-c", "knockd.conf", "-g", "log", "--state-dir", "state", "--socket", "none"])
        .args(arguments);
    Ok(command)
}

fn config(interfaces: &str) -> String {
    format!(
        "[options]\n    Interface = {interfaces}\n\
         [ssh]\n    Sequence = 7000,9000:udp,8000\n    Seq_Timeout = 3\n    Command = true\n"
    )
}
