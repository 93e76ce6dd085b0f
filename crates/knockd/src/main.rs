//! The port-knock server.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    knockd::main()
}
