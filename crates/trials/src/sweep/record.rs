//! What commands have done, as they wrote it down themselves.

use std::time::Duration;

use super::Uptime;
use crate::{
    net::Lab,
    trouble::{Outcome, Trouble},
};

/// The file of a laboratory to which its commands append a line for everything that they do.
const NAME: &str = "record";

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A start command has begun.
    Start,
    /// It has opened its door.
    Opened,
    /// A stop command has begun.
    Stop,
    /// It has shut its door.
    Shut,
}

/// Everything that was done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(Vec<(String, Deed, Uptime)>);

impl Deed {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Start, Self::Opened, Self::Stop, Self::Shut];
}

impl Record {
    /// What has been written down so far.
    pub fn read(lab: &Lab) -> Outcome<Self> {
        let text = text(lab);
        let lines = text.lines().map(|line| {
            entry(line).ok_or_else(|| Trouble::new(format!("{line:?} is in the record of the commands")))
        });
        lines.collect::<Outcome<_>>().map(Self)
    }

    /// When this was done to the door, once for each time.
    #[must_use]
    pub fn times(&self, door: &str, deed: Deed) -> Vec<Uptime> {
        self.0.iter().filter(|(whose, what, _)| whose == door && *what == deed).map(|entry| entry.2).collect()
    }

    /// When it was done first.
    #[must_use]
    pub fn first(&self, door: &str, deed: Deed) -> Option<Uptime> {
        self.times(door, deed).first().copied()
    }
}

/// The lines as they are.
#[must_use]
pub fn text(lab: &Lab) -> String {
    lab.file(NAME)
}

/// A start command that takes this long until it opens its door: writes so into a file.
#[must_use]
pub fn start_command(takes: Duration) -> String {
    command(Deed::Start, takes, "open", Deed::Opened)
}

/// A stop command that takes this long until it shuts its door.
#[must_use]
pub fn stop_command(takes: Duration) -> String {
    command(Deed::Stop, takes, "shut", Deed::Shut)
}

/// Whether the door stands open.
#[must_use]
pub fn is_open(lab: &Lab, door: &str) -> bool {
    lab.file(&format!("door-{door}")) == "open\n"
}

fn command(before: Deed, takes: Duration, state: &str, after: Deed) -> String {
    let [before, after] = [before, after].map(|deed| {
        let word = word(deed);
        format!("read now rest < /proc/uptime; echo $KNOCKD_DOOR {word} $now >> {{DIR}}/{NAME}")
    });
    let pause = if takes.is_zero() { String::new() } else { format!("sleep {}; ", takes.as_secs_f64()) };
    format!("{before}; {pause}echo {state} > {{DIR}}/door-$KNOCKD_DOOR; {after}")
}

fn entry(line: &str) -> Option<(String, Deed, Uptime)> {
    let mut words = line.split(' ');
    let (door, done, time) = (words.next()?, words.next()?, words.next()?);
    let deed = Deed::ALL.into_iter().find(|deed| word(*deed) == done)?;
    Some((door.to_owned(), deed, Uptime::parse(time)?))
}

fn word(deed: Deed) -> &'static str {
    match deed {
        Deed::Start => "start",
        Deed::Opened => "opened",
        Deed::Stop => "stop",
        Deed::Shut => "shut",
    }
}
