//! What the test `kills` does, with a stop before each system call as well. It takes twice as long.

use std::process::ExitCode;

use trials::{
    sandbox,
    sweep::{self, Steps},
};

fn main() -> ExitCode {
    sandbox::run(|| Ok(sweep::trials(Steps::All)))
}
