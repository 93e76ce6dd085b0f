//! No door outlives its time and no one-time sequence is accepted twice, at whatever step the daemon is killed.

use std::process::ExitCode;

use trials::{sandbox, sweep};

fn main() -> ExitCode {
    sandbox::run(|| Ok(sweep::trials(false)))
}
