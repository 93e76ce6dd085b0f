//! `knockctl watch`: what goes on, as it happens.

mod full;
mod model;
mod paint;
mod plain;
mod screen;
mod terminal;
pub mod words;

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use thiserror::Error;

use crate::{follow::FollowError, means};

/// How it is to be shown.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// Print JSON, an object for each event
    #[arg(long)]
    pub json: bool,
}

/// Why there is nothing to watch.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The daemon does not tell.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The system fails us.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Shows what goes on until somebody ends it: on the whole screen where there is one, else a line for each event.
pub fn run(arguments: &Arguments, socket: &Path) -> Result<(), WatchError> {
    let has_screen = io::stdout().is_terminal() && io::stdin().is_terminal() && means::is_addressable();
    if has_screen && !arguments.json { full::run(socket) } else { plain::run(arguments, socket) }
}

/// The time of day of an event.
fn time_of_day(at: &str, zone: &TimeZone) -> String {
    let Ok(at) = at.parse::<Timestamp>() else { return at.to_owned() };
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}
