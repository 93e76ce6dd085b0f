//! A daemon on the laboratory's server, for hand-written tests.

use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
};

use nix::sys::signal::Signal;

use super::{Lab, Log, PATIENCE, Process, Program, await_some, without_lack_of_users};
use crate::{
    binaries,
    trouble::{Outcome, Trouble, ensure},
};

/// How a daemon is to be started, in the laboratory's directory. Its standard outputs are the files `stdout` and
/// `stderr` there.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    lab: &'a Lab,
    program: PathBuf,
    before: String,
    arguments: Vec<String>,
}

/// How a run ended and what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit status; none if a signal has ended it.
    pub status: Option<i32>,
    /// On standard output.
    pub out: String,
    /// On standard error.
    pub err: String,
}

impl Ended {
    /// What it wrote on standard output; trouble unless it has done its work and complained of nothing.
    pub fn ok(self) -> Outcome<String> {
        ensure(self.status == Some(0) && self.err.is_empty(), format!("it ended badly: {self:?}"))?;
        Ok(self.out)
    }
}

/// One that listens. It is killed when this value goes.
#[derive(Debug)]
pub struct Daemon<'a> {
    lab: &'a Lab,
    program: Program,
    log: Log,
}

impl<'a> Setup<'a> {
    /// Our daemon without arguments but for its state directory, `state`, and without a control socket.
    pub fn bare(lab: &'a Lab) -> Outcome<Self> {
        let arguments = ["--state-dir", "state", "--socket", "none"].map(str::to_owned).to_vec();
        Ok(Self { lab, program: binaries::knockd()?, before: String::new(), arguments })
    }

    /// Our daemon with this configuration as `knockd.conf`, its log in `log` and its pid file, if it is to have one, in
    /// `pid`. `{DIR}` in the configuration stands for the laboratory's directory.
    pub fn new(lab: &'a Lab, config: &str) -> Outcome<Self> {
        lab.write("knockd.conf", config)?;
        Ok(Self::bare(lab)?.with(&["-c", "knockd.conf", "-g", "log", "-p", "pid"]))
    }

    /// The classic daemon instead, with the same arguments but for the state directory and the control socket, of which it knows nothing.
    pub fn classic(mut self) -> Outcome<Self> {
        self.arguments.drain(..4);
        self.program = binaries::classic_knockd()?;
        Ok(self)
    }

    /// This program instead, which takes the same arguments.
    #[must_use]
    pub fn with_program(self, program: PathBuf) -> Self {
        Self { program, ..self }
    }

    /// With these arguments as well.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| self.lab.filled_in(argument)));
        self
    }

    /// Runs these lines of shell before, in a mount namespace for them and the daemon; `{DIR}` stands for the
    /// laboratory's directory. They may end with `exec PROGRAM ... "$@"`.
    #[must_use]
    pub fn behind(mut self, lines: &str) -> Self {
        self.before = self.lab.filled_in(lines);
        self
    }

    /// Starts it and waits until it listens.
    pub fn start(self) -> Outcome<Daemon<'a>> {
        self.start_with(Stdio::null())
    }

    /// Starts it and waits for nothing.
    pub fn launch(self) -> Outcome<Daemon<'a>> {
        self.launch_with(Stdio::null())
    }

    /// Runs it, with nothing on standard input, to its end.
    pub fn run(&self) -> Outcome<Ended> {
        self.run_with(Stdio::null())
    }

    /// Runs it with this standard input to its end.
    pub fn run_with(&self, input: Stdio) -> Outcome<Ended> {
        let status = self.program(input)?.wait()?;
        let err = without_lack_of_users(&self.lab.file("stderr"));
        Ok(Ended { status: status.code(), out: self.lab.file("stdout"), err })
    }

    fn start_with(self, input: Stdio) -> Outcome<Daemon<'a>> {
        let mut daemon = self.launch_with(input)?;
        let is_up = await_some(PATIENCE, || {
            if daemon.log.lines().iter().any(|line| line.starts_with("starting up, listening on")) {
                return Some(Ok(true));
            }
            daemon.program.ended().transpose().map(|ended| ended.map(|_| false))
        });
        match is_up.transpose()? {
            Some(true) => Ok(daemon),
            _ => Err(Trouble::new(format!("it does not start:\n{}", daemon.said()))),
        }
    }

    fn launch_with(self, input: Stdio) -> Outcome<Daemon<'a>> {
        let log = Log::new(self.lab.directory().join("log"));
        Ok(Daemon { lab: self.lab, program: self.program(input)?, log })
    }

    fn program(&self, input: Stdio) -> Outcome<Program> {
        let script = format!("set -e\n{}\nexec \"$@\"", self.before);
        let mut command = match self.before.as_str() {
            "" => Command::new(&self.program),
            _ => Command::new("unshare"),
        };
        if !self.before.is_empty() {
            command.args(["--mount", "sh", "-c", &script, "sh"]).arg(&self.program);
        }
        command
            .args(&self.arguments)
            .current_dir(self.lab.directory())
            .process_group(0)
            .stdout(File::create(self.lab.directory().join("stdout"))?)
            .stderr(File::create(self.lab.directory().join("stderr"))?);
        self.lab.server().inside(|| Program::start_with(&mut command, input))
    }
}

impl Daemon<'_> {
    /// Its process number.
    pub fn id(&self) -> Outcome<i32> {
        i32::try_from(self.program.id()).map_err(|error| Trouble::new(error.to_string()))
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Everything it has said.
    #[must_use]
    pub fn said(&self) -> String {
        ["log", "stdout", "stderr"].map(|name| format!("{name}:\n{}", self.lab.file(name))).concat()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Outcome {
        self.program.signal(signal)
    }

    /// Has it read its configuration, now this one, again, and waits until it says so.
    pub fn reload(&self, config: &str) -> Outcome {
        self.lab.write("knockd.conf", config)?;
        let before = self.log.count("re-reading config file");
        self.signal(Signal::SIGHUP)?;
        self.log.await_count(before + 1, "re-reading config file")
    }

    /// Its children: the watcher and the commands that run.
    pub fn children(&self) -> Outcome<Vec<Process>> {
        let id = self.id()?;
        Ok(Process::all()?.into_iter().filter(|process| process.parent == id).collect())
    }

    /// The process that listens.
    pub fn watcher(&self) -> Outcome<Process> {
        let mut children = self.children()?.into_iter();
        let watcher = children.find(|child| child.name == "knockd-watcher" && !child.is_zombie);
        watcher.ok_or_else(|| Trouble::new(format!("there is no watcher\n{}", self.said())))
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        self.program.ended()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Outcome<ExitStatus> {
        self.program.wait_for(2 * PATIENCE).map_err(|trouble| trouble.at(self.said()))
    }

    /// Asks it to end; it has to, with status 0, and no process may stay behind.
    pub fn terminate(mut self) -> Outcome {
        self.signal(Signal::SIGTERM)?;
        let status = self.wait()?;
        ensure(status.success(), format!("asked to end it ended with {status}\n{}", self.said()))?;
        let left = || self.lab.server().processes();
        let gone = await_some(PATIENCE, || left().ok()?.is_empty().then_some(()));
        ensure(gone.is_some(), format!("it has left behind {:?}", left()))
    }
}
