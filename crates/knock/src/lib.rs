//! The port-knock client as a library of one function, [`run`].
//!
//! The command line (`cli`) becomes a `plan::Plan`, which `visit` carries out: find the addresses (`target`),
//! take a sequence (`one_time`), send it (`knocker`, `hit`) and look whether the door opened (`verify`).
#![forbid(unsafe_code)]

mod cli;
mod hit;
mod knocker;
mod one_time;
mod origin;
mod plan;
mod target;
mod verify;
mod visit;
mod voice;

use std::{ffi::OsString, io::Write, process::ExitCode};

use cli::Refusal;
use voice::Voice;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every hit was sent, or the port to verify is open, or help was asked for and given: exit status 0.
    Done,
    /// A hit could not be sent, or the port to verify did not open: exit status 1.
    Failed,
    /// The command line makes no sense: exit status 2.
    Usage,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Failed => Self::from(1),
            Outcome::Usage => Self::from(2),
        }
    }
}

/// Runs the client with these arguments, the first of which is the program's own name.
///
/// What was asked for goes to `out`, complaints go to `err`, one a line.
pub fn run<A>(arguments: A, out: &mut dyn Write, err: &mut dyn Write) -> Outcome
where
    A: IntoIterator<Item = OsString>,
{
    let mut voice = Voice::new(out, err);
    let plan = match cli::plan(arguments) {
        Ok(plan) => plan,
        Err(Refusal::Information(text)) => {
            voice.show(&text);
            return Outcome::Done;
        }
        Err(Refusal::Usage(mistake)) => {
            voice.complain(&format_args!("{mistake} (see knock --help)"));
            return Outcome::Usage;
        }
    };
    voice.set_verbose(plan.verbose);
    match visit::carry_out(&plan, &mut voice) {
        Ok(true) => Outcome::Done,
        Ok(false) => Outcome::Failed,
        Err(reason) => {
            voice.complain(&reason);
            Outcome::Failed
        }
    }
}
