//! The port-knock client.
use std::{env, io, process::ExitCode};

fn main() -> ExitCode {
    knock::run(env::args_os(), &mut io::stdout(), &mut io::stderr()).into()
}
