//! The administrator's tool for the port-knock server: asks a running `knockd`, and shows what it says.

mod broken;
mod cli;
mod configuration;
mod explain;
mod exporter;
mod follow;
mod means;
mod orders;
mod show;
mod signals;
mod span;
mod values;
mod watch;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use self::{
    cli::{Arguments, Command},
    explain::ExplainError,
    watch::WatchError,
};

/// The whole program, by the command line that it was started with, the program's name first.
pub fn run<A>(arguments: A) -> ExitCode
where
    A: IntoIterator<Item = OsString>,
{
    let Arguments { socket, command } = match knock_usage::parse(arguments) {
        Ok(arguments) => arguments,
        Err(status) => return status,
    };
    let failure = match command {
        Command::Watch(arguments) => watch::run(&arguments, &socket).err().as_ref().and_then(of_watch),
        Command::Explain(arguments) => explain::run(&arguments, &socket).err().as_ref().and_then(of_explain),
        Command::Exporter(arguments) => {
            exporter::serve(&arguments, &socket).err().map(|error| (error, FAILED))
        }
        Command::Check { file } => {
            return knockd::check_file(&file.unwrap_or_else(|| configuration::in_use(&socket)));
        }
        command => orders::obey(command, &socket).err().map(|error| (error.to_string(), error.status())),
    };
    let Some((failure, status)) = failure else { return ExitCode::SUCCESS };
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "knockctl: {failure}");
    status.into()
}

/// The exit status for what has no other.
const FAILED: u8 = 1;

/// The command line, to be held against the documents.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Whoever reads what we print may have seen enough.
fn is_closed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// What is said, and the exit status.
type Failure = (String, u8);

fn of_watch(error: &WatchError) -> Option<Failure> {
    let status = match error {
        WatchError::System(error) if is_closed(error) => return None,
        WatchError::Follow(error) => error.status(),
        WatchError::System(_) => FAILED,
    };
    Some((error.to_string(), status))
}

fn of_explain(error: &ExplainError) -> Option<Failure> {
    let status = match error {
        error if error.is_closed_pipe() => return None,
        ExplainError::Follow(error) => error.status(),
        _ => FAILED,
    };
    Some((error.to_string(), status))
}
