//! From the command line to a daemon that works.

use std::io;

use knock_core::config::{Config, Warning};
use thiserror::Error;

use super::{
    Monitor,
    commands::Output,
    confinement::{Confinement, ConfinementError},
    detach::Successor,
    doors::{Changes, Doors, UnreadableOneTimeFile},
    listening::{ListenError, Listening},
    opener::Opener,
    pid_file::{PidFile, PidFileError},
    privileges,
    signals::Signals,
    supervisor::Supervisor,
};
use crate::{
    cli::Arguments,
    clock,
    configuration::{self, LoadError},
    links::Links,
    log::{Line, Log, LogError, LogOptions},
    settings::Settings,
};

/// Why the daemon does not work, or works no more.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no configuration to go by.
    #[error(transparent)]
    Configuration(#[from] LoadError),
    /// A door has no sequences.
    #[error(transparent)]
    OneTime(#[from] UnreadableOneTimeFile),
    /// Nothing can be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is no pid file.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    /// The process that looks at packets can't be confined as it has to be.
    #[error(transparent)]
    Confinement(#[from] ConfinementError),
    /// There is no log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system fails us.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Runs the daemon until it is asked to stop.
pub fn run(arguments: Arguments) -> Result<(), StartError> {
    let mut monitor = start(arguments)?;
    match monitor.work() {
        Ok(()) => Ok(monitor.shut_down()?),
        Err(error) => {
            monitor.log.say(Line::error(error.to_string()));
            monitor.shut_down()?;
            Err(error.into())
        }
    }
}

fn start(arguments: Arguments) -> Result<Monitor, StartError> {
    privileges::settle()?;
    let directory = std::env::current_dir()?;
    let checked = configuration::load(&directory, &arguments.config)?;
    let settings = Settings::new(&arguments, &checked.config.options, &directory);
    let confinement = Confinement::new(arguments.user.as_deref(), arguments.require_sandbox)?;
    let successor = if arguments.detached { Some(Successor::begin()?) } else { None };
    let links = Links::open()?;
    Listening::require(&settings.interfaces, &links)?;
    let mut doors = Doors::new(directory.clone());
    let changes = doors.replace(checked.config.doors)?;
    let mut listening = Listening::new(settings.families, arguments.debug);
    listening.set_doors(doors.doors().collect());
    // The first watcher is handed all sockets there are.
    if let Some(failure) = listening.follow(&settings.interfaces, &links).failures.pop() {
        return Err(failure.into());
    }
    let pid_file = if arguments.detached { Some(PidFile::create(&settings.pid_file)?) } else { None };
    let signals = Signals::take()?;
    let log = Log::start(&LogOptions {
        outputs: settings.outputs(),
        terminal: arguments.terminal(),
        lookup: arguments.lookup,
    })?;
    say(&log, &checked.warnings, changes.lines);
    let output = if arguments.detached { Output::Dropped } else { Output::Shown };
    let mut monitor = Monitor {
        opener: Opener::new(settings.max_commands, output),
        supervisor: Supervisor::new(arguments.detached),
        confinement,
        arguments,
        directory,
        settings,
        log,
        signals,
        links,
        listening,
        doors,
        successor,
        pid_file,
        is_up: false,
        listen_again: None,
        pending: Changes::default(),
        unconfirmed: 0,
    };
    let now = clock::now();
    monitor.supervisor.start(now)?;
    monitor.order_everything(now);
    monitor.await_confinement()?;
    Ok(monitor)
}

/// What the configuration needs to start and this machine doesn't have now, a line each.
#[must_use]
pub fn lacking(arguments: &Arguments, config: &Config) -> Vec<String> {
    let directory = std::env::current_dir().unwrap_or_default();
    let settings = Settings::new(arguments, &config.options, &directory);
    let links = Links::open().map_err(StartError::from);
    let missing = links.and_then(|links| Ok(Listening::require(&settings.interfaces, &links)?));
    let unreadable = Doors::new(directory).replace(config.doors.clone()).map_err(StartError::from);
    [missing.err(), unreadable.err()].into_iter().flatten().map(|error| error.to_string()).collect()
}

fn say(log: &Log, warnings: &[Warning], lines: Vec<Line>) {
    for warning in warnings {
        log.say(Line::warning(warning.brief()));
    }
    for line in lines {
        log.say(line);
    }
}
