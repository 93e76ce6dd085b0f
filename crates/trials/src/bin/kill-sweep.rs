//! What the test `kills` does, at every stop there is. It takes some minutes.

use std::process::ExitCode;

use trials::{sandbox, sweep};

fn main() -> ExitCode {
    sandbox::run(|| Ok(sweep::trials(true)))
}
