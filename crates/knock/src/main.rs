//! The port-knock client.
use std::{
    env,
    io::{self, IsTerminal},
    process::ExitCode,
};

fn main() -> ExitCode {
    let is_terminal = io::stderr().is_terminal() && env::var_os("TERM").is_some_and(|kind| kind != "dumb");
    knock::run(env::args_os(), &mut io::stdout(), &mut io::stderr(), is_terminal).into()
}
