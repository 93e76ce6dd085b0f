//! The built daemon, from the command line to the last process, where a case has no words for it.

use std::process::ExitCode;

use trials::sandbox;

mod addresses;
mod arguments;
mod background;
mod capture;
mod clock;
mod commands;
mod crowd;
mod flood;
mod handover;
mod hanging;
mod hanging_commands;
mod interface_wait;
mod journald;
mod log;
mod native;
mod native_life;
mod native_others;
mod native_recipes;
mod native_sets;
mod native_site;
mod one_time;
mod pid_file;
mod processes;
mod reload;
mod replay;
mod ring;
mod service;
mod signals;
mod start;
mod state;
mod support;
mod syslog;
mod taken_over;
mod traffic;

fn main() -> ExitCode {
    if let Some(error) = ring::become_program_without_rings() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    sandbox::run(|| {
        let all = [
            addresses::trials(),
            arguments::trials(),
            background::trials(),
            capture::trials(),
            clock::trials(),
            commands::trials(),
            crowd::trials(),
            flood::trials(),
            hanging::trials(),
            hanging_commands::trials(),
            interface_wait::trials(),
            journald::trials(),
            handover::trials(),
            log::trials(),
            native::trials(),
            native_life::trials(),
            native_others::trials(),
            native_recipes::trials(),
            native_sets::trials(),
            one_time::trials(),
            pid_file::trials(),
            processes::trials(),
            reload::trials(),
            replay::trials(),
            ring::trials(),
            service::trials(),
            signals::trials(),
            start::trials(),
            state::trials(),
            syslog::trials(),
            taken_over::trials(),
            traffic::trials(),
        ];
        Ok(all.into_iter().flatten().collect())
    })
}
