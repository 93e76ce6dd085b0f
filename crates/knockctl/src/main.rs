//! The administrator's tool for the port-knock server.
use std::process::ExitCode;

fn main() -> ExitCode {
    knockctl::run(std::env::args_os())
}
