//! What is to be shown: a configuration, packets, and what the daemon has to say about them.

mod parse;
mod turn;

use std::{fs, path::Path, time::Duration};

pub use turn::{Move, Turn};

use crate::{
    pcap::Link,
    trouble::{Outcome, Trouble, While},
};

/// One case, read from a file of `cases/`; `cases/README.md` tells its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The file's name without its ending.
    pub name: String,
    /// Which behaviour it proves, in a sentence or two.
    pub proves: String,
    /// How the classic daemon differs, if it does.
    pub classic: Option<Difference>,
    /// The only way it can be played, if there is but one.
    pub only: Option<Only>,
    /// What the packets of a capture begin with.
    pub link: Link,
    /// What the daemon listens on.
    pub interface: String,
    /// Whether the configuration itself names the interface, the log file (`{DIR}/log`) and the pid file; otherwise the
    /// command line does.
    pub own_options: bool,
    /// Further arguments for the daemon.
    pub arguments: Vec<String>,
    /// The configuration file.
    pub config: String,
    /// What the configuration file becomes at each reload.
    pub reloads: Vec<String>,
    /// Files that the daemon finds.
    pub files: Vec<Content>,
    /// What happens.
    pub turns: Vec<Turn>,
    /// What has to come of it.
    pub expected: Expected,
}

/// A way in which the classic daemon differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Whether that is a fault of the classic daemon; otherwise it is another choice.
    pub fault: bool,
    /// How and why it differs.
    pub reason: String,
}

/// Why a case can be played in only one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Only {
    /// With a running daemon.
    Live(String),
    /// From a capture.
    Replay(String),
}

/// A file by its name in the case's directory, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its name.
    pub name: String,
    /// The whole of it.
    pub text: String,
}

/// What has to come of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The stages, openings and time-outs: these and no others, in this order for each source and door.
    pub events: Vec<Event>,
    /// Further lines of the log, in this order.
    pub log: Vec<String>,
    /// What files hold at the end, while the daemon still runs.
    pub after: Vec<Content>,
    /// What files hold when the daemon has ended.
    pub at_end: Vec<Content>,
    /// The daemon does not start, and says all of this.
    pub refused: Vec<String>,
    /// The configuration is good, but the daemon says all of this about it.
    pub warned: Vec<String>,
}

/// A line of the log about an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happens, where that matters.
    pub at: Option<Duration>,
    /// The line without its time: `IP: door: what`.
    pub line: String,
}

impl Case {
    /// The case in the file at `path`.
    pub fn read(path: &Path) -> Outcome<Self> {
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Trouble::new("a case needs a name in UTF-8")).while_(path.display())?;
        let text = fs::read_to_string(path).while_(path.display())?;
        Self::parse(name, &text).while_(path.display())
    }

    /// The cases in the directory at `path`, by name.
    pub fn read_all(path: &Path) -> Outcome<Vec<Self>> {
        let entries = fs::read_dir(path).while_(path.display())?;
        let paths = entries.map(|entry| Ok(entry?.path())).collect::<Outcome<Vec<_>>>()?;
        let cases = paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "case"));
        let mut cases = cases.map(|path| Self::read(path)).collect::<Outcome<Vec<_>>>()?;
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(cases)
    }

    /// Whether the daemon gets to run.
    #[must_use]
    pub fn starts(&self) -> bool {
        self.expected.refused.is_empty()
    }
}
