//! The built daemon, from the command line to the last process, where a case has no words for it.

use std::process::ExitCode;

use trials::sandbox;

mod arguments;
mod background;
mod capture;
mod commands;
mod flood;
mod hanging;
mod log;
mod one_time;
mod pid_file;
mod processes;
mod reload;
mod replay;
mod signals;
mod start;
mod state;
mod support;
mod syslog;
mod taken_over;

fn main() -> ExitCode {
    sandbox::run(|| {
        let all = [
            arguments::trials(),
            background::trials(),
            capture::trials(),
            commands::trials(),
            flood::trials(),
            hanging::trials(),
            log::trials(),
            one_time::trials(),
            pid_file::trials(),
            processes::trials(),
            reload::trials(),
            replay::trials(),
            signals::trials(),
            start::trials(),
            state::trials(),
            syslog::trials(),
            taken_over::trials(),
        ];
        Ok(all.into_iter().flatten().collect())
    })
}
