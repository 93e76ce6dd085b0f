//! The control socket of the built daemon.

use std::process::ExitCode;

use trials::sandbox;

mod asking;
mod explaining;
mod knockctl;
mod support;

fn main() -> ExitCode {
    sandbox::run(|| {
        Ok([asking::trials(), explaining::trials(), knockctl::trials()].into_iter().flatten().collect())
    })
}
