//! What `[options]` says.

use std::path::PathBuf;

use super::{
    control_socket::ControlSocket,
    directive::{Key, OptionKey},
    listen::Listen,
    report::Report,
    section::{Entry, repetitions},
    value,
    warning::Doubt,
};

/// The directives of `[options]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether to log to syslog.
    pub syslog: bool,
    /// The file to log to, if any.
    pub log_file: Option<PathBuf>,
    /// How lines look in the log file and on the terminal.
    pub log_format: LogFormat,
    /// Where the daemon's process number goes, if not to the usual place.
    pub pid_file: Option<PathBuf>,
    /// Where the daemon notes what is open, if not in the usual place.
    pub state_dir: Option<PathBuf>,
    /// Where the control socket is, if it is said.
    pub control_socket: Option<ControlSocket>,
    /// What to listen on, if not on the usual interface.
    pub interfaces: Option<Listen>,
    /// Whether interfaces that aren't there when the daemon starts are waited for, if it is said.
    pub interface_wait: Option<bool>,
    /// How many commands may run at once, 1-1024.
    pub max_commands: usize,
    /// How many attempts are remembered at once, 1024-4000000.
    pub max_attempts: usize,
    /// What becomes of the guard in front of the ports of doors when the daemon is told to end.
    pub guard_on_exit: GuardOnExit,
}

/// How lines of the log look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// As the classic daemon writes them.
    #[default]
    Classic,
    /// A JSON object each.
    Json,
}

/// What becomes of the guard in front of the ports of doors when the daemon is told to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GuardOnExit {
    /// It stays: nobody passes any more but who is let in already, until his time is over.
    #[default]
    Keep,
    /// It goes: whoever knows a port can reach it.
    Remove,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            syslog: false,
            log_file: None,
            log_format: LogFormat::Classic,
            pid_file: None,
            state_dir: None,
            control_socket: None,
            interfaces: None,
            interface_wait: None,
            max_commands: 32,
            max_attempts: 1_000_000,
            guard_on_exit: GuardOnExit::Keep,
        }
    }
}

pub(super) fn read(entries: &[Entry<'_>], report: &mut Report<'_>) -> Options {
    repetitions(entries, report);
    let mut options = Options::default();
    for entry in entries {
        let Key::Option(key) = entry.directive.key else { continue };
        match key {
            OptionKey::UseSyslog => options.syslog = true,
            OptionKey::LogFile => options.log_file = given(entry, report, value::path),
            OptionKey::LogFormat => {
                let words = [("classic", LogFormat::Classic), ("json", LogFormat::Json)];
                options.log_format = value::choice(entry, &words, report).unwrap_or_default();
            }
            OptionKey::PidFile => options.pid_file = given(entry, report, value::path),
            OptionKey::StateDir => options.state_dir = given(entry, report, value::path),
            OptionKey::ControlSocket => options.control_socket = value::control_socket(entry, report),
            OptionKey::Interface => options.interfaces = given(entry, report, value::interfaces),
            OptionKey::InterfaceWait => {
                options.interface_wait = value::choice(entry, &[("yes", true), ("no", false)], report);
            }
            OptionKey::MaxCommands => {
                options.max_commands =
                    value::count(entry, &(1..=1024), report).unwrap_or(options.max_commands);
            }
            OptionKey::MaxAttempts => {
                options.max_attempts =
                    value::count(entry, &(1024..=4_000_000), report).unwrap_or(options.max_attempts);
            }
            OptionKey::GuardOnExit => {
                let words = [("keep", GuardOnExit::Keep), ("remove", GuardOnExit::Remove)];
                options.guard_on_exit = value::choice(entry, &words, report).unwrap_or_default();
            }
        }
    }
    options
}

/// The value, if there is one: the classic daemon takes an empty one for none.
fn given<T>(
    entry: &Entry<'_>,
    report: &mut Report<'_>,
    read: impl FnOnce(&Entry<'_>, &mut Report<'_>) -> Option<T>,
) -> Option<T> {
    if entry.value.text.is_empty() {
        report.doubt(entry.name, Doubt::Empty(entry.directive));
        return None;
    }
    read(entry, report)
}
