//! Our programs and Debian's with each other.

use std::process::ExitCode;

use trials::sandbox;

mod knocking;
mod one_time;
mod ssh;
mod support;
mod verifying;

fn main() -> ExitCode {
    sandbox::run(|| {
        let all = [knocking::trials(), one_time::trials(), ssh::trials(), verifying::trials()];
        Ok(all.into_iter().flatten().collect())
    })
}
