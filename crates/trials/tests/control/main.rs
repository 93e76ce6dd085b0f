//! The control socket of the built daemon.

use std::process::ExitCode;

use trials::sandbox;

mod asking;
mod changing;
mod explaining;
mod knockctl;
mod many;
mod rights;
mod support;

fn main() -> ExitCode {
    sandbox::run(|| {
        let all = [
            asking::trials(),
            changing::trials(),
            explaining::trials(),
            knockctl::trials(),
            many::trials(),
            rights::trials(),
        ];
        Ok(all.into_iter().flatten().collect())
    })
}
