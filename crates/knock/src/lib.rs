//! The port-knock client as a library of one function, [`run`], and its command line as data ([`command`]).
//!
//! The command line (`cli`) becomes a `call::Call`, which may name a profile (`config`, `profile`); together they are a
//! `plan::Plan`, which `visit` carries out: find the addresses (`target`), take a sequence (`one_time`), send it
//! (`knocker`, `hit`) and look whether the door opened (`verify`). What follows is a command (`launch`) or a connection
//! (`relay`).
#![forbid(unsafe_code)]

mod call;
mod cli;
mod config;
mod hit;
mod knocker;
mod launch;
mod one_time;
mod origin;
mod plan;
mod profile;
mod progress;
mod refusal;
mod relay;
mod secret;
mod settings;
mod target;
mod values;
mod verify;
mod visit;
mod voice;

use std::{ffi::OsString, io::Write, net::TcpStream, process::ExitCode};

use launch::launch;
use plan::{Errand, Plan};
use refusal::Refusal;
use relay::relay;
use voice::Voice;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every hit was sent, or the port to verify is open, or help was asked for and given: exit status 0.
    Done,
    /// A hit could not be sent, the port to verify did not open, or the connection to it broke: exit status 1.
    Failed,
    /// The command line or the configuration makes no sense: exit status 2.
    Usage,
    /// The command that was to follow has ended, or could not be run: this exit status.
    Ended(u8),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Failed => Self::from(1),
            Outcome::Usage => Self::from(2),
            Outcome::Ended(status) => Self::from(status),
        }
    }
}

/// Runs the client with these arguments, the first of which is the program's own name.
///
/// What was asked for goes to `out`, complaints go to `err`, one a line. If `err` is a terminal (`is_terminal`), a line
/// there shows what is going on while there is something to wait for. A command that is to follow takes the place of
/// this process where the system can do that; a connection that is to follow uses the process's standard input and
/// output.
pub fn run<A>(arguments: A, out: &mut dyn Write, err: &mut dyn Write, is_terminal: bool) -> Outcome
where
    A: IntoIterator<Item = OsString>,
{
    let mut voice = Voice::new(out, err, is_terminal);
    match cli::call(arguments).and_then(call::Call::plan) {
        Ok(plan) => {
            voice.set_manner(plan.manner);
            carry_out(&plan, &mut voice)
        }
        Err(Refusal::Information(text)) => {
            voice.show(&text);
            Outcome::Done
        }
        Err(Refusal::Usage(mistake)) => {
            voice.complain(&format_args!("{mistake} (see knock --help)"));
            Outcome::Usage
        }
        Err(Refusal::Config(mistake)) => {
            voice.complain(&mistake);
            Outcome::Usage
        }
    }
}

/// The command line, as data: what its documents have to say.
#[must_use]
pub fn command() -> clap::Command {
    cli::command()
}

fn carry_out(plan: &Plan, voice: &mut Voice<'_>) -> Outcome {
    let visited = visit::carry_out(plan, voice);
    voice.make_room();
    match visited {
        Ok(Some(connections)) => follow(&plan.errand, connections, voice),
        Ok(None) => Outcome::Failed,
        Err(reason) => {
            voice.complain(&reason);
            Outcome::Failed
        }
    }
}

/// What follows a knock that has succeeded.
fn follow(errand: &Errand, connections: Vec<TcpStream>, voice: &mut Voice<'_>) -> Outcome {
    match errand {
        Errand::None => Outcome::Done,
        Errand::Run(program, arguments) => {
            drop(connections);
            launch(program, arguments).map_or_else(
                |failure| {
                    voice.complain(&failure);
                    Outcome::Ended(failure.status())
                },
                Outcome::Ended,
            )
        }
        Errand::Relay => match connections.iter().try_for_each(relay) {
            Ok(()) => Outcome::Done,
            Err(reason) => {
                voice.complain(&reason);
                Outcome::Failed
            }
        },
    }
}
