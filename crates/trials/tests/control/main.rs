//! The control socket of the built daemon.

use std::process::ExitCode;

use trials::sandbox;

mod asking;
mod support;

fn main() -> ExitCode {
    sandbox::run(|| Ok([asking::trials()].into_iter().flatten().collect()))
}
