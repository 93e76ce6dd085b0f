//! Plays a capture file through the engine: what would have happened, and why. Nothing is run.

mod capture;
mod inquiry;
mod player;

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use knock_core::{config::Config, hit::Hit, interface::InterfaceIndex};
use thiserror::Error;

use self::player::Player;
pub use self::{
    capture::CaptureError,
    inquiry::{Inquiry, InquiryError},
};
use crate::{
    cli::Arguments,
    log::{Line, captured},
};

/// Why a capture could not be played to its end.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The capture can't be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A file of one-time sequences can't be read.
    #[error("{door}: cannot read the one-time sequences in {path}: {error}")]
    OneTime {
        /// Whose file it is.
        door: String,
        /// Its path.
        path: String,
        /// What is wrong.
        error: io::Error,
    },
    /// Nobody takes what is printed.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// Prints what the packets of the capture do to the doors, each line with the time of the capture (UTC).
pub fn replay(capture: &Path, config: &Config, arguments: &Arguments) -> Result<(), ReplayError> {
    let mut player = Player::new(config, &arguments.address)?;
    player.engine().explain(arguments.debug);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut number = 0_u64;
    let result = capture::packets(capture, |packet| {
        number += 1;
        match Hit::read(packet.link, InterfaceIndex::default(), packet.frame) {
            Ok(hit) if arguments.only_ip_v4 && hit.destination.is_ipv6() => Ok(()),
            Ok(hit) => player.hit(packet.at, &hit, &mut |event, standing| {
                let lines = Line::of(event, &standing.name);
                lines.into_iter().try_for_each(|line| writeln!(out, "{}", captured(event.at, &line)))
            }),
            Err(no_hit) if arguments.debug => {
                let line = Line::debug(format!("packet {number} is no hit: {no_hit}"));
                writeln!(out, "{}", captured(packet.at, &line))
            }
            Err(_) => Ok(()),
        }
    });
    out.flush()?;
    result
}
