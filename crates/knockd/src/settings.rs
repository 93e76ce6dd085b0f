//! What is in force: the command line over the configuration over what has always been so.

use std::path::PathBuf;

use knock_core::{
    config::{Listen, Options},
    filter::Families,
};

use crate::{cli::Arguments, log::Outputs};

/// Where the daemon listens if nobody says where.
const INTERFACE: &str = "eth0";

/// Where the daemon's process number is noted if nobody says where.
const PID_FILE: &str = "/var/run/knockd.pid";

/// The settings that aren't about a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The interfaces to listen on.
    pub interfaces: Listen,
    /// The IP versions to listen to.
    pub families: Families,
    /// Where a background process notes its number.
    pub pid_file: PathBuf,
    /// The log file.
    pub log_file: Option<PathBuf>,
    /// Whether to log to syslog.
    pub syslog: bool,
    /// How many commands run at once.
    pub max_commands: usize,
    /// How many attempts are remembered at once.
    pub max_attempts: usize,
}

impl Settings {
    /// Puts the two together.
    #[must_use]
    pub fn new(arguments: &Arguments, options: &Options) -> Self {
        let given = arguments.interface.clone().or_else(|| options.interfaces.clone());
        Self {
            interfaces: given.unwrap_or_else(|| Listen::Named(vec![INTERFACE.to_owned()])),
            families: if arguments.only_ip_v4 { Families::V4Only } else { Families::Both },
            pid_file: first(&[&arguments.pidfile, &options.pid_file]).unwrap_or_else(|| PID_FILE.into()),
            log_file: first(&[&arguments.logfile, &options.log_file]),
            syslog: options.syslog,
            max_commands: options.max_commands,
            max_attempts: options.max_attempts,
        }
    }

    /// Where the log goes, beside the terminal.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        Outputs { file: self.log_file.clone(), syslog: self.syslog }
    }
}

fn first(paths: &[&Option<PathBuf>]) -> Option<PathBuf> {
    paths.iter().find_map(|path| (*path).clone())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
        let settings = |line: &str, options: &Options| {
            Settings::new(&Arguments::try_parse_from(line.split(' ')).unwrap(), options)
        };
        let named = |name: &str| Listen::Named(vec![name.to_owned()]);
        let nothing = settings("knockd", &Options::default());
        assert_eq!(nothing.interfaces, named("eth0"));
        assert_eq!(nothing.pid_file, PathBuf::from("/var/run/knockd.pid"));
        assert_eq!((nothing.log_file, nothing.families), (None, Families::Both));
        let options = Options {
            interfaces: Some(named("eth1")),
            pid_file: Some("/a.pid".into()),
            log_file: Some("/a.log".into()),
            ..Options::default()
        };
        let file = settings("knockd", &options);
        assert_eq!(file.interfaces, named("eth1"));
        assert_eq!(file.pid_file, PathBuf::from("/a.pid"));
        let line = settings("knockd -i any -p /b.pid -g /b.log -4", &options);
        assert_eq!(line.interfaces, Listen::Any);
        assert_eq!(line.pid_file, PathBuf::from("/b.pid"));
        assert_eq!((line.log_file, line.families), (Some("/b.log".into()), Families::V4Only));
    }
}
