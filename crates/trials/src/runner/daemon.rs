//! A daemon that runs in the laboratory for one case.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use nix::sys::signal::Signal;

use super::sentinel;
use crate::{
    binaries,
    case::Case,
    net::{Lab, Log, PATIENCE, Program, await_some},
    trouble::{Outcome, While},
};

/// Whose daemon it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    Ours,
    Classic,
}

/// The daemon with its files: `knockd.conf`, `log`, and what it writes to its standard outputs.
pub(super) struct Daemon {
    directory: PathBuf,
    program: Program,
    log: Log,
}

/// How a start went.
pub(super) enum Start {
    Listening,
    Ended(ExitStatus),
    /// Neither, for as long as one can wait.
    Silent,
}

impl Daemon {
    pub(super) fn start(case: &Case, maker: Maker, lab: &Lab) -> Outcome<Self> {
        let directory = lab.directory().to_owned();
        for file in &case.files {
            let path = directory.join(&file.name);
            fs::write(&path, in_directory(&file.text, &directory)).while_(path.display())?;
        }
        fs::write(directory.join("knockd.conf"), config(&case.config, &directory))?;
        let mut command = match maker {
            Maker::Ours => Command::new(binaries::knockd()?),
            Maker::Classic => Command::new(binaries::classic_knockd()?),
        };
        if maker == Maker::Ours {
            command.args(["--state-dir", "state", "--socket", "none"]);
        }
        command.arg("-c").arg(directory.join("knockd.conf")).arg("-v").current_dir(&directory);
        if !case.own_options {
            command.args(["-i", &case.interface, "-g", "log", "-p", "pid"]);
        }
        command.args(&case.arguments);
        command
            .stdout(File::create(directory.join("stdout"))?)
            .stderr(File::create(directory.join("stderr"))?);
        let program = lab.server().start(&mut command)?;
        let log = Log::new(directory.join("log"));
        Ok(Self { directory, program, log })
    }

    pub(super) fn await_start(&mut self) -> Outcome<Start> {
        let listening = |line: &String| line.starts_with("starting up, listening on");
        let start = await_some(PATIENCE / 2, || {
            if self.log.lines().iter().any(listening) {
                return Some(Ok(Start::Listening));
            }
            self.program.ended().transpose().map(|status| status.map(Start::Ended))
        });
        start.unwrap_or(Ok(Start::Silent))
    }

    pub(super) fn reload(&self, config_text: &str) -> Outcome {
        let before = self.reloads();
        fs::write(self.directory.join("knockd.conf"), config(config_text, &self.directory))?;
        self.program.signal(Signal::SIGHUP)?;
        // A daemon that says nothing is found out by what it does next.
        let _ = await_some(Duration::from_secs(1), || (self.reloads() > before).then_some(()));
        Ok(())
    }

    fn reloads(&self) -> usize {
        self.log.lines().iter().filter(|line| line.starts_with("re-reading config file")).count()
    }

    /// The log without the lines about the sentinel.
    pub(super) fn log(&self) -> Vec<String> {
        self.log.lines().into_iter().filter(|line| !sentinel::is_about(line)).collect()
    }

    /// How often the sentinel's door has opened.
    pub(super) fn sentinels(&self) -> usize {
        self.log.lines().iter().filter(|line| sentinel::is_open(line)).count()
    }

    pub(super) fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        self.program.ended()
    }

    /// Asks it to end and tells how it did, if it does.
    pub(super) fn terminate(&mut self) -> Outcome<Option<ExitStatus>> {
        self.program.signal(Signal::SIGTERM)?;
        await_some(PATIENCE / 2, || self.program.ended().transpose()).transpose()
    }

    /// What a file in its directory holds; nothing if it isn't there.
    pub(super) fn file(&self, name: &str) -> String {
        let bytes = fs::read(self.directory.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// `text` with the directory's path filled in.
    pub(super) fn in_directory(&self, text: &str) -> String {
        in_directory(text, &self.directory)
    }

    /// Everything it has said.
    pub(super) fn said(&self) -> String {
        ["log", "stdout", "stderr"].map(|name| format!("{name}:\n{}", self.file(name))).concat()
    }
}

fn config(text: &str, directory: &Path) -> String {
    in_directory(text, directory) + sentinel::SECTION
}

fn in_directory(text: &str, directory: &Path) -> String {
    text.replace("{DIR}", &directory.display().to_string())
}
