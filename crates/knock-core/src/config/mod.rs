//! The text of a knockd.conf, read into doors.
//!
//! The way goes from lines to sections ([`DIRECTIVES`] says what may stand where), from sections to [`Options`] and
//! [`DoorConfig`]s, and at last over all doors together. Every [`Mistake`] of a file is found in one go. A file
//! that the classic daemon understood, if by luck, is read the same way with a [`Warning`].

mod citation;
mod command;
mod compare;
mod control_socket;
mod directive;
mod door;
mod judge;
mod listen;
mod mistake;
mod name;
mod opens;
mod options;
mod piece;
mod report;
mod section;
mod value;
mod warning;

#[cfg(test)]
mod tests;

pub use citation::{Citation, Place};
pub use command::Command;
pub use control_socket::ControlSocket;
pub use directive::{DIRECTIVES, Directive, DoorKey, Key, OptionKey, SectionKind};
pub use door::{DoorConfig, Reknock, SequenceSource};
pub use listen::{Listen, NoInterface};
pub use mistake::{Mistake, Mistakes, Wrong};
pub use name::{DoorName, NameMistake};
pub use opens::{Opens, Sets};
pub use options::{GuardOnExit, LogFormat, Options};
pub use warning::{Doubt, Warning};

use report::Report;
use section::{Lines, Sections};

/// What a configuration file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The directives of `[options]`.
    pub options: Options,
    /// The doors, in the order of the file.
    pub doors: Vec<DoorConfig>,
}

/// A configuration without mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What the file says.
    pub config: Config,
    /// What in it may not be meant as it is, in the order of the file.
    pub warnings: Vec<Warning>,
}

/// Reads the whole content of a configuration file. Its name is only used in messages.
pub fn read(file_name: &str, text: &[u8]) -> Result<Checked, Mistakes> {
    let mut report = Report::new(file_name);
    let lines = Lines::decode(text);
    let sections = Sections::read(&lines, &mut report);
    let options = options::read(&sections.options, &mut report);
    let mut found = Vec::new();
    for section in &sections.doors {
        if let Some(door) = door::read(section, &mut report) {
            judge::door(section, &door, &mut report);
            found.push((section, door));
        }
    }
    compare::doors(&found, &mut report);
    let doors = found.into_iter().map(|(_, door)| door).collect();
    report.finish(Config { options, doors })
}
