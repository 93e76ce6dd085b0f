//! What is in force: the command line over the configuration over what has always been so.

use std::path::{Path, PathBuf};

use knock_core::{
    config::{ControlSocket, GuardOnExit, Listen, LogFormat, Options},
    filter::Families,
};

use crate::{cli::Arguments, log::Outputs};

/// Where the daemon listens if nobody says where.
const INTERFACE: &str = "eth0";

/// Where the daemon's process number is noted if nobody says where.
const PID_FILE: &str = "/var/run/knockd.pid";

/// Where the daemon notes what is open if nobody says where.
const STATE_DIR: &str = "/var/lib/knockd";

/// The settings that aren't about a door. Their paths don't depend on the working directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The interfaces to listen on.
    pub interfaces: Listen,
    /// Whether those that don't exist yet are waited for.
    pub waits: bool,
    /// The IP versions to listen to.
    pub families: Families,
    /// Where a background process notes its number.
    pub pid_file: PathBuf,
    /// The directory of the journal of openings.
    pub state_dir: PathBuf,
    /// The control socket, if there is to be one.
    pub control_socket: Option<PathBuf>,
    /// The log file.
    pub log_file: Option<PathBuf>,
    /// How lines look in the log file and on the terminal.
    pub log_format: LogFormat,
    /// Whether to log to syslog.
    pub syslog: bool,
    /// How many commands run at once.
    pub max_commands: usize,
    /// How many attempts are remembered at once.
    pub max_attempts: usize,
    /// What becomes of the guard in front of doors at the end.
    pub guard_on_exit: GuardOnExit,
}

impl Settings {
    /// Puts the two together; relative paths begin in `directory`.
    #[must_use]
    pub fn new(arguments: &Arguments, options: &Options, directory: &Path) -> Self {
        let given = arguments.interface.clone().or_else(|| options.interfaces.clone());
        let pid_file = arguments.pidfile.as_deref().or(options.pid_file.as_deref());
        let state_dir = arguments.state_dir.as_deref().or(options.state_dir.as_deref());
        let socket = arguments.socket.as_ref().or(options.control_socket.as_ref());
        let log_file = arguments.logfile.as_deref().or(options.log_file.as_deref());
        Self {
            interfaces: given.unwrap_or_else(|| Listen::Named(vec![INTERFACE.to_owned()])),
            waits: options.interface_wait.unwrap_or(arguments.service),
            families: arguments.families(),
            pid_file: directory.join(pid_file.unwrap_or(Path::new(PID_FILE))),
            state_dir: directory.join(state_dir.unwrap_or(Path::new(STATE_DIR))),
            control_socket: match socket {
                None => Some(ControlSocket::USUAL.into()),
                Some(ControlSocket::Off) => None,
                Some(ControlSocket::At(path)) => Some(directory.join(path)),
            },
            log_file: log_file.map(|path| directory.join(path)),
            log_format: options.log_format,
            syslog: options.syslog,
            max_commands: options.max_commands,
            max_attempts: options.max_attempts,
            guard_on_exit: options.guard_on_exit,
        }
    }

    /// Where the log goes, beside the terminal.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        Outputs { file: self.log_file.clone(), syslog: self.syslog, format: self.log_format }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
        let settings = |line: &str, options: &Options| {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            Settings::new(&arguments, options, Path::new("/start"))
        };
        let named = |name: &str| Listen::Named(vec![name.to_owned()]);
        let nothing = settings("knockd", &Options::default());
        assert_eq!(nothing.interfaces, named("eth0"));
        assert_eq!(nothing.pid_file, PathBuf::from("/var/run/knockd.pid"));
        assert_eq!(nothing.state_dir, PathBuf::from("/var/lib/knockd"));
        assert_eq!(nothing.control_socket.as_deref(), Some(Path::new(ControlSocket::USUAL)));
        assert_eq!((nothing.log_file, nothing.families), (None, Families::Both));
        let options = Options {
            interfaces: Some(named("eth1")),
            pid_file: Some("/a.pid".into()),
            state_dir: Some("/a".into()),
            control_socket: Some(ControlSocket::Off),
            log_file: Some("/a.log".into()),
            ..Options::default()
        };
        let file = settings("knockd", &options);
        assert_eq!(file.interfaces, named("eth1"));
        assert_eq!(file.pid_file, PathBuf::from("/a.pid"));
        assert_eq!((file.state_dir, file.control_socket), (PathBuf::from("/a"), None));
        let line = settings("knockd -i any -p /b.pid -g b.log --state-dir b --socket c -4", &options);
        assert_eq!(line.interfaces, Listen::Any);
        assert_eq!(line.pid_file, PathBuf::from("/b.pid"));
        assert_eq!(line.state_dir, PathBuf::from("/start/b"));
        assert_eq!(line.control_socket, Some("/start/c".into()));
        assert_eq!((line.log_file, line.families), (Some("/start/b.log".into()), Families::V4Only));
    }

    #[test]
    fn a_service_waits_for_interfaces_unless_told_otherwise() {
        let waits = |line: &str, interface_wait| {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            let options = Options { interface_wait, ..Options::default() };
            Settings::new(&arguments, &options, Path::new("/")).waits
        };
        assert_eq!([None, Some(true), Some(false)].map(|said| waits("knockd", said)), [false, true, false]);
        let service = [None, Some(true), Some(false)].map(|said| waits("knockd --service", said));
        assert_eq!(service, [true, true, false]);
    }
}
