//! Every case, every way: see [`trials::runner::trials`].

use std::{env, path::PathBuf, process::ExitCode};

use trials::{case::Case, runner, sandbox};

fn main() -> ExitCode {
    let cases = env::var_os("TRIALS_CASES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases"), PathBuf::from);
    sandbox::run(|| Ok(runner::trials(Case::read_all(&cases)?)))
}
