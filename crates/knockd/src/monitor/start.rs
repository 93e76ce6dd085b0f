//! From the command line to a daemon that works.

use std::{io, path::PathBuf};

use knock_core::config::{Checked, GuardOnExit, Options, Warning};
use thiserror::Error;

use super::{
    Monitor,
    commands::Output,
    confinement::{Confinement, ConfinementError},
    detach::Successor,
    doors::{Changes, Doors, UnreadableOneTimeFile},
    explaining::Explaining,
    guard::{Guard, GuardError},
    leftover::leftover,
    listening::{ListenError, Listening},
    opener::Opener,
    pid_file::{PidFile, PidFileError},
    predecessor, privileges, recovery,
    remains::Remains,
    scrapes::Scrapes,
    signals::Signals,
    supervisor::Supervisor,
    tally::Tally,
};
use crate::{
    cli::Arguments,
    clock::{self, Alarm},
    configuration::{self, LoadError},
    control::{Control, ControlSocket, SocketError},
    journal::DirectoryError,
    links::Links,
    log::{Line, Log, LogError, LogOptions},
    service::{self, Manager},
    settings::Settings,
    sys::slice::{self, Offspring},
};

/// Why the daemon does not work, or works no more.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no configuration to go by.
    #[error("{}", .0.advised())]
    Configuration(#[from] LoadError),
    /// A door has no sequences.
    #[error(transparent)]
    OneTime(#[from] UnreadableOneTimeFile),
    /// Doors can't open by themselves.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// What is open can't be noted.
    #[error(transparent)]
    State(#[from] DirectoryError),
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
pub fn run(arguments: &Arguments) -> Result<(), StartError> {
    let directory = std::env::current_dir()?;
    let loaded = configuration::load(&directory, &arguments.config);
    let options =
        loaded.as_ref().map_or_else(|_| Options::default(), |checked| checked.config.options.clone());
    let settings = Settings::new(arguments, &options, &directory);
    let remains = recovery::remains(&settings.state_dir);
    // What follows may not give it to a group any more.
    let socket = settings.control_socket.as_deref().map(ControlSocket::bind);
    privileges::settle()?;
    let started = loaded.map_err(StartError::from).and_then(|checked| {
        start(arguments.clone(), directory, checked, settings.clone(), remains.clone(), socket)
    });
    let mut monitor =
        started.inspect_err(|_| recovery::close_what_was_left(arguments, &settings, remains))?;
    match monitor.work() {
        Ok(()) => {
            let guard = monitor.settings.guard_on_exit;
            Ok(monitor.shut_down(guard)?)
        }
        Err(error) => {
            monitor.log.say(Line::error(format!("knockd cannot go on: {error}")));
            if !monitor.is_up {
                monitor.guard.undo(&monitor.log);
            }
            monitor.shut_down(GuardOnExit::Keep)?;
            Err(error.into())
        }
    }
}

fn start(
    arguments: Arguments,
    directory: PathBuf,
    checked: Checked,
    settings: Settings,
    remains: Remains,
    socket: Option<Result<ControlSocket, SocketError>>,
) -> Result<Monitor, StartError> {
    let confinement = Confinement::new(arguments.user.as_deref(), arguments.require_sandbox)?;
    let successor = if arguments.detached { Some(Successor::begin()?) } else { None };
    let links = Links::open()?;
    Listening::require(&settings, &links)?;
    let mut guard = Guard::default();
    let (natives, shut) = guard.prepare_start(&checked.config.doors)?;
    let mut doors = Doors::new(directory.clone());
    let prepared = doors.prepare(checked.config.doors)?;
    let changes = doors.replace(prepared);
    let mut listening = Listening::new(settings.families, arguments.debug);
    listening.set_doors(doors.doors().collect());
    // The first watcher is handed all sockets there are.
    if let Some(failure) = listening.follow(&settings.interfaces, &links).failures.pop() {
        return Err(failure.into());
    }
    listening.try_out()?;
    let pid_file = if arguments.detached { Some(PidFile::create(&settings.pid_file)?) } else { None };
    let signals = Signals::take()?;
    let mut log = Log::start(&LogOptions {
        outputs: settings.outputs(),
        terminal: arguments.terminal(),
        is_journal: service::is_heard_by_journal(),
        lookup: arguments.lookup,
    })?;
    let control = socket.and_then(|socket| take_control(socket, &mut log));
    say(&log, &checked.warnings, changes.lines);
    say(&log, &[], shut);
    if let Err(error) = slice::ask_for_short(Offspring::Ordinary) {
        log.say(Line::debug(format!("no short time slices: {error}")));
    }
    let manager = find_manager(&arguments, &log);
    let output = if arguments.detached { Output::Dropped } else { Output::Shown };
    let alarm = Alarm::new()?;
    let recovered = recovery::open(&settings, doors.close(), &log)?;
    guard.change(clock::now(), natives, predecessor::PATIENCE, &log)?;
    if !guard.has_guard() {
        match leftover() {
            Ok(None) => {}
            Ok(Some(leftover)) => log.say(Line::warning(leftover)),
            Err(error) => {
                log.say(Line::debug(format!("cannot look for what an earlier knockd has left: {error}")));
            }
        }
    }
    let mut monitor = Monitor {
        opener: Opener::new(settings.max_commands, output, remains),
        supervisor: Supervisor::new(arguments.detached, arguments.debug, confinement.identity()),
        confinement,
        explaining: Explaining::default(),
        arguments,
        directory,
        settings,
        log,
        signals,
        alarm,
        links,
        listening,
        doors,
        guard,
        control,
        scrapes: Scrapes::default(),
        tally: Tally::new(clock::now()),
        successor,
        manager,
        pid_file,
        is_up: false,
        is_refused: false,
        listen_again: None,
        pending: Changes::default(),
    };
    monitor.begin().inspect_err(|_| monitor.guard.undo(&monitor.log))?;
    if let Some((journal, left)) = recovered {
        monitor.opener.take_up(clock::now(), Some(journal), left, &monitor.log);
    }
    Ok(monitor)
}

impl Monitor {
    /// Starts the first watcher, and waits until it has given up its rights.
    fn begin(&mut self) -> Result<(), StartError> {
        let now = clock::now();
        self.supervisor.start(now)?;
        self.order_everything(now);
        Ok(self.await_confinement()?)
    }
}

/// Who hears how we are. Of a successor nobody wants to: he is not the process that was started.
fn find_manager(arguments: &Arguments, log: &Log) -> Manager {
    if arguments.detached {
        return Manager::default();
    }
    Manager::find().unwrap_or_else(|error| {
        log.say(Line::warning(format!("cannot tell the manager of services how we are: {error}")));
        Manager::default()
    })
}

/// Has others ask and tell us things. Without it the daemon does its work all the same.
fn take_control(socket: Result<ControlSocket, SocketError>, log: &mut Log) -> Option<Control> {
    let socket = match socket {
        Ok(socket) => socket,
        Err(error) => {
            log.say(Line::warning(error.to_string()));
            return None;
        }
    };
    if let Some(doubt) = socket.doubt() {
        log.say(Line::warning(doubt));
    }
    match Control::start(socket) {
        Ok((control, tap)) => {
            log.set_tap(tap);
            Some(control)
        }
        Err(error) => {
            log.say(Line::warning(format!("the control socket can't be served: {error}")));
            None
        }
    }
}

fn say(log: &Log, warnings: &[Warning], lines: Vec<Line>) {
    for warning in warnings {
        log.say(Line::warning(warning.brief()));
    }
    for line in lines {
        log.say(line);
    }
}
