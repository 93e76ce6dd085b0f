//! What `[options]` says.

use std::{collections::BTreeSet, path::PathBuf, str::FromStr};

use thiserror::Error;

use super::{
    directive::{Key, OptionKey},
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
    /// Where the daemon's process number goes, if not to the usual place.
    pub pid_file: Option<PathBuf>,
    /// What to listen on, if not on the usual interface.
    pub interfaces: Option<Listen>,
    /// How many commands may run at once, 1-1024.
    pub max_commands: usize,
    /// How many attempts are remembered at once, 1024-4000000.
    pub max_attempts: usize,
}

/// What to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Every interface there is.
    Any,
    /// The interfaces of these names: one at least, none twice. As for the classic daemon a name such as `eth0:1` is
    /// the label of addresses of `eth0` (ip-address(8)).
    Named(Vec<String>),
}

/// The word that can't name an interface.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected names of interfaces with commas between them, or any, but found {0:?}")]
pub struct NoInterface(pub String);

impl FromStr for Listen {
    type Err = NoInterface;

    /// Takes names with commas or blanks between them, or `any` alone. A name that comes twice counts once.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let separator = |c: char| c == ',' || c.is_ascii_whitespace();
        let words: Vec<_> = text.split(separator).filter(|word| !word.is_empty()).collect();
        let is_any = |word: &str| word.eq_ignore_ascii_case("any");
        if words.is_empty() {
            return Err(NoInterface(text.to_owned()));
        }
        if words.len() == 1 && words.iter().all(|word| is_any(word)) {
            return Ok(Self::Any);
        }
        if let Some(wrong) = words.iter().find(|word| is_any(word) || !is_interface(word)) {
            return Err(NoInterface((*wrong).to_owned()));
        }
        let mut known = BTreeSet::new();
        Ok(Self::Named(words.into_iter().filter(|word| known.insert(*word)).map(str::to_owned).collect()))
    }
}

/// Whether the kernel could call an interface so (`dev_valid_name` in net/core/dev.c), or, with a colon, one of its
/// addresses (a label, ip-address(8)).
fn is_interface(name: &str) -> bool {
    name.len() <= 15 && name != "." && name != ".." && !name.contains(['/', '\0'])
}

impl Default for Options {
    fn default() -> Self {
        Self {
            syslog: false,
            log_file: None,
            pid_file: None,
            interfaces: None,
            max_commands: 32,
            max_attempts: 1_000_000,
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
            OptionKey::PidFile => options.pid_file = given(entry, report, value::path),
            OptionKey::Interface => options.interfaces = given(entry, report, value::interfaces),
            OptionKey::MaxCommands => {
                options.max_commands =
                    value::count(entry, &(1..=1024), report).unwrap_or(options.max_commands);
            }
            OptionKey::MaxAttempts => {
                options.max_attempts =
                    value::count(entry, &(1024..=4_000_000), report).unwrap_or(options.max_attempts);
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
