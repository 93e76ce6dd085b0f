//! The administrator's tool for the port-knock server: asks a running `knockd`, and shows what it says.

mod cli;
mod explain;
mod follow;
mod means;
mod signals;
mod watch;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

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
    let Arguments { socket, command } = Arguments::parse_from(arguments);
    let failure = match command {
        Command::Watch(arguments) => watch::run(&arguments, &socket).err().and_then(of_watch),
        Command::Explain(arguments) => explain::run(&arguments, &socket).err().and_then(of_explain),
    };
    let Some(failure) = failure else { return ExitCode::SUCCESS };
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "knockctl: {failure}");
    ExitCode::FAILURE
}

/// The command line, to be held against the documents.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Whoever reads what we print may have seen enough.
fn is_closed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

fn of_watch(error: WatchError) -> Option<String> {
    match error {
        WatchError::System(error) if is_closed(&error) => None,
        error => Some(error.to_string()),
    }
}

fn of_explain(error: ExplainError) -> Option<String> {
    match error {
        error if error.is_closed_pipe() => None,
        error => Some(error.to_string()),
    }
}
