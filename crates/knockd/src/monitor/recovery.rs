//! What a daemon of before has left open, when the next one starts, or can't.

use std::{path::Path, time::Duration};

use super::{commands::Output, opener::Opener, predecessor, remains::Remains, shutdown, signals::Signals};
use crate::{
    cli::Arguments,
    clock::{self, Alarm},
    journal::{self, DirectoryError, Journal, Left},
    log::{Line, Log, LogOptions, Outputs},
    service::{self, Manager},
    settings::Settings,
};

/// What still runs of the commands of before. To be called with the rights that commands have.
pub(super) fn remains(state_directory: &Path) -> Remains {
    let directory = predecessor::await_end(state_directory);
    let remains = Remains::look_for();
    // Nobody is to begin anything meanwhile.
    drop(directory);
    remains
}

/// The journal, and what stands in it. None if it can't be had and no door needs it, or if nobody does.
pub(super) fn open(
    settings: &Settings,
    doors_close: bool,
    log: &Log,
) -> Result<Option<(Journal, Left)>, DirectoryError> {
    if !doors_close && !settings.state_dir.exists() {
        return Ok(None);
    }
    match Journal::open(&settings.state_dir) {
        Ok((journal, left)) => {
            say_damaged(&left, &settings.state_dir, log);
            let is_needed = doors_close || !left.unclosed.is_empty();
            Ok(is_needed.then_some((journal, left)))
        }
        Err(failed) if doors_close => Err(failed.error),
        Err(failed) => {
            log.say(Line::debug(failed.error.to_string()));
            Ok(None)
        }
    }
}

/// Tells of the lines of a journal that could not be read.
pub(super) fn say_damaged(left: &Left, directory: &Path, log: &Log) {
    let Some(first) = left.damaged.first() else { return };
    let kept = directory.join(journal::DAMAGED);
    let where_to_look = if left.is_kept { format!("; see {}", kept.display()) } else { String::new() };
    log.say(Line::warning(format!(
        "lines of the journal in {} cannot be read, {} in all, line {first} first: what they tell of may be open \
         still{where_to_look}",
        directory.display(),
        left.damaged.len(),
    )));
}

/// Closes everything that was left open: the daemon can't start, and nobody knows when one will.
pub(super) fn close_what_was_left(arguments: &Arguments, settings: &Settings, remains: Remains) {
    if !settings.state_dir.exists() {
        return;
    }
    let (journal, left) = match Journal::open(&settings.state_dir) {
        Ok((journal, left)) => (Some(journal), Some(left)),
        Err(failed) => (None, failed.left),
    };
    let Some(mut left) = left.filter(|left| !left.unclosed.is_empty()) else { return };
    for one in &mut left.unclosed {
        one.left = Duration::ZERO;
    }
    let (Ok(mut signals), Ok(mut alarm)) = (Signals::take(), Alarm::new()) else { return };
    let Some(log) = start_log(arguments, settings) else { return };
    let output = if arguments.detached { Output::Dropped } else { Output::Shown };
    let mut opener = Opener::new(settings.max_commands, output, remains);
    log.say(Line::warning("knockd cannot start: closing what was left open"));
    opener.take_up(clock::now(), journal, left, &log);
    let mut nobody = Manager::default();
    if let Err(error) = shutdown::close_everything(&mut opener, &mut signals, &mut alarm, &mut nobody, &log) {
        log.say(Line::error(format!("cannot close what was left open: {error}")));
    }
    log.finish();
}

/// One without a file will do if it is the file that can't be had.
fn start_log(arguments: &Arguments, settings: &Settings) -> Option<Log> {
    let with = |outputs: Outputs| LogOptions {
        outputs,
        terminal: arguments.terminal(),
        is_journal: service::is_heard_by_journal(),
        lookup: false,
    };
    let log = Log::start(&with(settings.outputs()));
    log.or_else(|_| Log::start(&with(Outputs { file: None, ..settings.outputs() }))).ok()
}
