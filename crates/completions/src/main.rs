//! `completions DIRECTORY`: writes completions for bash, zsh and fish there.
#![forbid(unsafe_code)]

use std::{env, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let Some(directory) = env::args_os().nth(1) else {
        eprintln!("usage: completions DIRECTORY");
        return ExitCode::from(2);
    };
    match completions::write(Path::new(&directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("completions: {}: {error}", Path::new(&directory).display());
            ExitCode::FAILURE
        }
    }
}
