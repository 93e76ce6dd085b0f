//! What in a configuration may not be meant as it is.

use std::fmt;

use thiserror::Error;

use super::{citation::Citation, directive::Directive, name::DoorName};
use crate::{door::WrongPort, printable::Quoted, sequence::Sequence};

/// A warning about a configuration file. Shown, it is a line of its own with the cited line and a mark below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is about.
    pub at: Citation,
    /// What is doubtful there.
    pub doubt: Doubt,
}

/// What is doubtful. The text of an error says what stands there; [`Doubt::advice`] why it matters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Doubt {
    /// A file without doors.
    #[error("there is no door")]
    NoDoors,
    /// A comment behind a value.
    #[error("a comment behind a value")]
    Comment,
    /// A comma after the last knock.
    #[error("a comma after the last knock")]
    Comma,
    /// A unit behind a number of seconds.
    #[error("a unit behind a number of seconds")]
    Unit,
    /// An option without a value.
    #[error("\"{}\" without a value", .0.name)]
    Empty(&'static Directive),
    /// `UseSyslog` in the section of a door.
    #[error("\"UseSyslog\" in a door's section")]
    SyslogInDoor,
    /// A directive that an earlier line of the section gives, too.
    #[error("\"{}\" again", directive.name)]
    Twice {
        /// The directive.
        directive: &'static Directive,
        /// The earlier line's number.
        earlier: usize,
    },
    /// More flags for a door that has `TCPFlags` already.
    #[error("\"TCPFlags\" again")]
    MoreFlags {
        /// The earlier line's number.
        earlier: usize,
    },
    /// `One_Time_Sequences` after `Sequence`.
    #[error("\"One_Time_Sequences\" in a door that has \"Sequence\"")]
    TwoSources {
        /// The line of the fixed sequence.
        earlier: usize,
    },
    /// A value in quotation marks.
    #[error("a value in quotation marks")]
    Quotes,
    /// A path that doesn't start at the root.
    #[error("a path that doesn't start with /")]
    RelativePath,
    /// A door's name that an earlier door has.
    #[error("door {} again", Quoted(.name.as_str()))]
    SameName {
        /// The name.
        name: DoorName,
        /// The line of the earlier door.
        earlier: usize,
    },
    /// A door that does nothing.
    #[error("door {} has no command", Quoted(.0.as_str()))]
    NoCommand(DoorName),
    /// A stop command without a start command.
    #[error("door {} closes but never opens", Quoted(.0.as_str()))]
    NoStart(DoorName),
    /// A directive that matters only with a stop command, in a door without one.
    #[error("\"{}\" in a door without \"Stop_Command\"", .0.name)]
    NoStop(&'static Directive),
    /// A port that the door opens and that is one of its knocks.
    #[error("a port that is one of the door's knocks")]
    OpensKnock,
    /// Ports that are opened where the knocks are not sent to.
    #[error("\"Open\" in a door with \"Target\"")]
    OpensElsewhere,
    /// `Reknock = again` in a door that runs nothing again.
    #[error("\"Reknock\" in a door without commands")]
    NothingAgain,
    /// `TCPFlags` in a door without TCP knocks.
    #[error("\"TCPFlags\" in a door without TCP knocks")]
    NoTcp,
    /// A sequence of fewer than three knocks.
    #[error("a sequence of fewer than three knocks")]
    Short,
    /// A sequence whose ports only rise or only fall.
    #[error("a sequence whose ports only {}", if *falls { "fall" } else { "rise" })]
    InOrder {
        /// Whether they fall.
        falls: bool,
        /// What other ports do to an attempt at the door.
        wrong_port: WrongPort,
    },
    /// A sequence that another door has.
    #[error("the sequence of door {}", Quoted(.0.as_str()))]
    SameSequence(DoorName),
    /// The file of one-time sequences that another door has.
    #[error("the file of one-time sequences of door {}", Quoted(.0.as_str()))]
    SameFile(DoorName),
    /// A sequence that begins like that of another door.
    #[error("a sequence that begins with all of {prefix}")]
    Prefix {
        /// The door that opens first.
        door: DoorName,
        /// Its sequence.
        prefix: Sequence,
    },
    /// `%IP%` in another case.
    #[error("{} in a command", Quoted(.0))]
    Placeholder(String),
}

impl Doubt {
    /// What was made of it, or why it matters.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::NoDoors => "nobody can knock".to_owned(),
            Self::Comment => "it is overlooked; a comment belongs on a line of its own".to_owned(),
            Self::Comma => "it is overlooked; for the classic daemon a knock at port 0 followed".to_owned(),
            Self::Unit => "it is overlooked; all times are seconds".to_owned(),
            Self::Empty(_) => "this counts as not given".to_owned(),
            Self::SyslogInDoor => "it holds for all doors and belongs in [options]".to_owned(),
            Self::Twice { earlier, .. } => format!("this one counts, line {earlier} does not"),
            Self::MoreFlags { earlier } => format!("these flags are added to those of line {earlier}"),
            Self::TwoSources { earlier } => {
                format!("the file counts, the sequence of line {earlier} does not")
            }
            Self::Quotes => "the marks are part of the value".to_owned(),
            Self::RelativePath => "it depends on the directory that knockd is started in".to_owned(),
            Self::SameName { earlier, .. } => {
                format!("both are used, but logs don't tell it from the door of line {earlier}")
            }
            Self::NoCommand(_) => "nothing happens when it opens".to_owned(),
            Self::NoStart(_) => "it has \"Stop_Command\" but no \"Start_Command\"".to_owned(),
            Self::OpensKnock => {
                "who uses what it opens knocks, too; take another port for the knock".to_owned()
            }
            Self::OpensElsewhere => {
                "it opens ports of this host, not of the target; for those see \"Open_Set\"".to_owned()
            }
            Self::NothingAgain => "it has no effect: another knock keeps the door open longer".to_owned(),
            Self::NoStop(_) | Self::NoTcp => "it has no effect".to_owned(),
            Self::Short => "it is guessed or met by chance all too easily".to_owned(),
            Self::InOrder { wrong_port: WrongPort::Ignore, .. } => {
                "every port scan opens the door, as other ports are ignored; mix the order".to_owned()
            }
            Self::InOrder { wrong_port: WrongPort::Discard, .. } => {
                "a scan of these ports, or one whose other packets are dropped on the way, opens the door; \
                 mix the order"
                    .to_owned()
            }
            Self::SameSequence(_) => "it opens both doors".to_owned(),
            Self::SameFile(_) => "a sequence of it opens one door only: give each its own".to_owned(),
            Self::Prefix { door, .. } => format!("on the way it opens door {}", Quoted(door.as_str())),
            Self::Placeholder(_) => "the source stands only for %IP%".to_owned(),
        }
    }
}

impl Warning {
    /// The same without the cited line, for a log.
    #[must_use]
    pub fn brief(&self) -> String {
        format!("{}: warning: {}: {}", self.at, self.doubt, self.doubt.advice())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.write(f, format_args!("warning: {}", self.doubt), &self.doubt.advice())
    }
}
