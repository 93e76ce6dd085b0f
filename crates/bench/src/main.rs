//! What `scripts/bench` runs: the daemon beside its peers, in networks of their own, figures as Markdown.
#![forbid(unsafe_code)]

mod cli;
mod cpu;
mod figures;
mod floods;
mod forge;
mod honest;
mod keeper;
mod latency;
mod machine;
mod memory;
mod reading;
mod rest;
mod section;
mod site;
mod starting;
mod traffic;
mod usage;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Arguments::parse().carry_out() {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::FAILURE
        }
    }
}
