//! The port-knock server: the monitor that acts and the watcher that listens.
#![deny(unsafe_code)]

mod cli;
mod clock;
mod complaint;
mod configuration;
pub mod control;
pub mod explain;
pub mod firewall;
pub mod ipc;
mod journal;
mod limit;
pub mod links;
mod log;
mod metrics;
mod monitor;
#[cfg(test)]
mod own_network;
mod replay;
mod sandbox;
mod service;
mod settings;
#[expect(unsafe_code, reason = "the one place for what no library wraps; every block says why it is sound")]
mod sys;
mod watcher;

use std::{
    ffi::OsStr,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use clap::{CommandFactory, Parser};
use knock_core::{
    config::Config,
    door::DoorNumber,
    filter::{self, Program},
};

pub use self::replay::{Inquiry, InquiryError};
use self::{cli::Arguments, complaint::complain, configuration::LoadError};

/// The whole program, by the command line that it was started with.
#[must_use]
pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == monitor::WATCHER) {
        return watcher::run();
    }
    // What whoever started us left open is not for the watcher and the commands, nor for a daemon in the background. A
    // kernel too old for this leaves it to them, as ever.
    let _ = sys::descriptors::keep_to_ourselves();
    let mut arguments: Arguments = match knock_usage::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(status) => return status,
    };
    arguments.service |= service::is_this_one();
    let done = if arguments.check {
        check(&arguments).map_err(|error| error.advised())
    } else if arguments.read.is_some() {
        read(&arguments)
    } else if arguments.flush {
        monitor::flush().map_err(|error| error.to_string()).map(|said| tell(&format!("{said}\n")))
    } else if arguments.daemon && !arguments.detached && !service::is_awaited() {
        return detach(&arguments);
    } else {
        // Those who look for the daemon look for it by this name; /proc/self/exe would give it another.
        let _ = rustix::thread::set_name(c"knockd");
        monitor::run(&arguments).map_err(|error| error.to_string())
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// The command line, as data: what its documents have to say.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Looks for mistakes in this configuration and says what it has found, as `knockd --check` does, for `knockctl`.
#[must_use]
pub fn check_file(path: &Path) -> ExitCode {
    let line = ["knockd", "--check", "-c"].map(OsStr::new).into_iter().chain([path.as_os_str()]);
    match check(&Arguments::parse_from(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("knockctl: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn check(arguments: &Arguments) -> Result<(), LoadError> {
    let checked = configuration::load(Path::new(""), &arguments.config)?;
    for warning in &checked.warnings {
        complain(warning);
    }
    for lacking in monitor::lacking(arguments, &checked.config) {
        complain(format_args!("warning: {lacking}"));
    }
    let doors = checked.config.doors.len();
    let plural = if doors == 1 { "" } else { "s" };
    let mut said = format!("{}: no mistakes, {doors} door{plural}\n", arguments.config.display());
    if arguments.debug {
        said = format!("{}\n{said}", filter(arguments, &checked.config));
    }
    tell(&said);
    Ok(())
}

fn tell(text: &str) {
    // Who looks only at the exit status may have closed it.
    let _ = io::stdout().write_all(text.as_bytes());
}

/// What the kernel is told to let through. One-time doors are left out: their files are not looked at.
fn filter(arguments: &Arguments, config: &Config) -> Program {
    let doors: Vec<_> = config.doors.iter().filter_map(|door| door.door(DoorNumber(0), None)).collect();
    filter::program(&doors, arguments.families(), Program::MAX)
}

fn read(arguments: &Arguments) -> Result<(), String> {
    let checked = configuration::load(Path::new(""), &arguments.config).map_err(|error| error.advised())?;
    let Some(capture) = &arguments.read else { return Ok(()) };
    replay::replay(capture, &checked.config, arguments).map_err(|error| error.to_string())
}

fn detach(arguments: &Arguments) -> ExitCode {
    monitor::detach(arguments.service)
        .unwrap_or_else(|error| fail(&format!("cannot start in the background: {error}")))
}

fn fail(error: &str) -> ExitCode {
    complain(format_args!("knockd: {error}"));
    ExitCode::FAILURE
}
