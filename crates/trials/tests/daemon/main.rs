//! The built daemon, from the command line to the last process, where a case has no words for it.

use std::process::ExitCode;

use trials::sandbox;

mod arguments;
mod background;
mod capture;
mod commands;
mod flood;
mod handover;
mod log;
mod one_time;
mod pid_file;
mod processes;
mod reload;
mod replay;
mod signals;
mod start;
mod support;
mod syslog;

fn main() -> ExitCode {
    sandbox::run(|| {
        let all = [
            arguments::trials(),
            background::trials(),
            capture::trials(),
            commands::trials(),
            flood::trials(),
            handover::trials(),
            log::trials(),
            one_time::trials(),
            pid_file::trials(),
            processes::trials(),
            reload::trials(),
            replay::trials(),
            signals::trials(),
            start::trials(),
            syslog::trials(),
        ];
        Ok(all.into_iter().flatten().collect())
    })
}
