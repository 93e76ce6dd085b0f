//! What makes a configuration unusable.

use std::{error::Error, fmt};

use thiserror::Error;

use super::{
    citation::Citation,
    directive::{DIRECTIVES, Directive, DoorKey, Key, SectionKind},
    name::{DoorName, NameMistake},
    warning::Warning,
};
use crate::{
    ports::PortsMistake, printable::Quoted, sequence::SequenceMistake, set_address::SetAddressMistake,
};

/// A mistake in a configuration file. Shown, it is a line of its own with the cited line and a mark below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where it is.
    pub at: Citation,
    /// What is wrong there.
    pub wrong: Wrong,
}

/// What is wrong. The text of an error says what stands there; [`Wrong::advice`] what should.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Wrong {
    /// A byte that no text has; the file is not read any further.
    #[error("this is no text file")]
    NotText,
    /// Bytes outside a comment that are not UTF-8.
    #[error("this line is not UTF-8")]
    NotUtf8,
    /// A directive in front of the first section.
    #[error("a directive before the first section")]
    NoSection,
    /// A section's name without a closing bracket, or with something behind it.
    #[error("a section's name that doesn't end with the line")]
    Header,
    /// A section's name that no door can have.
    #[error("{0}")]
    Name(NameMistake),
    /// A name that no directive has.
    #[error("unknown directive {}", Quoted(.name))]
    Unknown {
        /// The name.
        name: String,
        /// The section that it stands in.
        section: SectionKind,
    },
    /// A directive in the wrong kind of section.
    #[error("\"{}\" in {}", .0.name, .1)]
    Misplaced(&'static Directive, SectionKind),
    /// A directive without its value.
    #[error("\"{}\" without a value", .0.name)]
    NoValue(&'static Directive),
    /// A directive that stands alone, with a value.
    #[error("\"{}\" with a value", .0.name)]
    Bare(&'static Directive),
    /// A value that the directive can't have.
    #[error("bad value for \"{}\"", .0.name)]
    Value(&'static Directive),
    /// Something in a sequence.
    #[error("{}", sequence_mistake(*.0))]
    Sequence(SequenceMistake),
    /// Something in the ports that a door opens.
    #[error("{}", ports_mistake(*.0))]
    Ports(PortsMistake),
    /// No set of nftables.
    #[error("bad value for \"{}\"", .0.name)]
    Set(&'static Directive, SetAddressMistake),
    /// A set in a table that sees no addresses of the IP version that it is for.
    #[error("\"{}\" with a table of the other family", .0.name)]
    OtherFamily(&'static Directive),
    /// The name of an earlier door, where both open by themselves.
    #[error("door {} again, and both open by themselves", Quoted(.name.as_str()))]
    SameName {
        /// The name.
        name: DoorName,
        /// The line of the earlier door.
        earlier: usize,
    },
    /// A time after which the kernel could not close what the door opens.
    #[error("\"Cmd_Timeout\" of less than a millisecond in a door that opens by itself")]
    NoStay,
    /// A TCP flag that has to be both set and clear.
    #[error("a TCP flag that has to be set and clear at once")]
    Contradiction,
    /// A door without knocks.
    #[error("door {} has no sequence", Quoted(.0.as_str()))]
    NoSequence(DoorName),
    /// `Sequence` after `One_Time_Sequences`, where the classic daemon let the fixed sequence open the door once and
    /// then went on with the file.
    #[error("\"Sequence\" in a door that has \"One_Time_Sequences\"")]
    TwoSources,
}

fn sequence_mistake(mistake: SequenceMistake) -> &'static str {
    match mistake {
        SequenceMistake::Empty => "a sequence without knocks",
        SequenceMistake::TooLong => "a sequence with too many knocks",
        SequenceMistake::MissingKnock => "a knock is missing",
        SequenceMistake::Port => "bad port",
        SequenceMistake::Protocol => "bad protocol",
    }
}

fn ports_mistake(mistake: PortsMistake) -> &'static str {
    match mistake {
        PortsMistake::Empty | PortsMistake::Missing => "a port is missing",
        PortsMistake::TooMany => "too many ports",
        PortsMistake::NoProtocol => "a port without a protocol",
        PortsMistake::Protocol => "bad protocol",
        PortsMistake::Port => "bad port",
        PortsMistake::Reversed => "a range that falls",
    }
}

impl Wrong {
    /// What was expected instead or what to do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::NotText => {
                "it has bytes that UTF-8 text doesn't have; nothing was read from here on".to_owned()
            }
            Self::NotUtf8 => "convert the file, for example with \"iconv -f latin1 -t utf-8\"".to_owned(),
            Self::NoSection => "expected [options] or the name of a door in brackets above it".to_owned(),
            Self::Header => "expected ] as the last character".to_owned(),
            Self::Name(_) => "expected [options] or the name of a door in brackets".to_owned(),
            Self::Unknown { name, section } => unknown(name, *section),
            Self::Misplaced(directive, _) => format!("it belongs in {}", directive.section()),
            Self::Bare(_) => "it stands alone".to_owned(),
            Self::NoValue(directive) | Self::Value(directive) => {
                format!("expected {}", directive.expects.unwrap_or("nothing"))
            }
            Self::Sequence(SequenceMistake::Empty | SequenceMistake::MissingKnock) => {
                "expected a port, with :tcp or :udp if need be".to_owned()
            }
            Self::Sequence(mistake) => mistake.to_string(),
            Self::Ports(PortsMistake::Empty | PortsMistake::Missing) => {
                "expected tcp/ or udp/ and a port or a range, such as tcp/22".to_owned()
            }
            Self::Ports(mistake) => mistake.to_string(),
            Self::Set(_, mistake) => mistake.to_string(),
            Self::OtherFamily(directive) if directive.key == Key::Door(DoorKey::OpenSet6) => {
                "it is for IPv6 addresses: expected ip6 or inet; sets for IPv4 are named by \"Open_Set\""
                    .to_owned()
            }
            Self::OtherFamily(_) => {
                "it is for IPv4 addresses: expected ip or inet; sets for IPv6 are named by \"Open_Set_6\""
                    .to_owned()
            }
            Self::SameName { earlier, .. } => {
                format!("expected another name than that of the door of line {earlier}")
            }
            Self::NoStay => {
                "expected how long the kernel keeps it open, 0.001 at least: it never stays open for good"
                    .to_owned()
            }
            Self::Contradiction => "expected every flag at most once".to_owned(),
            Self::NoSequence(_) => {
                "expected \"Sequence\" or \"One_Time_Sequences\" in its section".to_owned()
            }
            Self::TwoSources => "keep one of the two".to_owned(),
        }
    }
}

fn unknown(name: &str, section: SectionKind) -> String {
    if name.starts_with(';') || name.starts_with("//") {
        return "a comment starts with #".to_owned();
    }
    if let Some(likely) = Directive::likely(name, section) {
        return format!("did you mean \"{likely}\"?");
    }
    let all = DIRECTIVES.iter().filter(|directive| directive.section() == section);
    let names: Vec<_> = all.map(|directive| directive.name).collect();
    format!("expected one of {}", names.join(", "))
}

impl Mistake {
    /// The same without the cited line, for a log.
    #[must_use]
    pub fn brief(&self) -> String {
        format!("{}: {}: {}", self.at, self.wrong, self.wrong.advice())
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wrong {
            // Of what is no text there is nothing to be shown.
            Wrong::NotText => f.write_str(&self.brief()),
            _ => self.at.write(f, &self.wrong, &self.wrong.advice()),
        }
    }
}

impl Error for Mistake {}

/// All that is wrong with a configuration: at least one mistake, and what else was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    mistakes: Vec<Mistake>,
    warnings: Vec<Warning>,
}

impl Mistakes {
    /// All of these, of which there is at least one.
    pub(super) fn new(mistakes: Vec<Mistake>, warnings: Vec<Warning>) -> Self {
        Self { mistakes, warnings }
    }

    /// The mistakes, in the order of the file; never none.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// What else may not be meant as it is, in the order of the file.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.warnings.iter().try_for_each(|warning| writeln!(f, "{warning}"))?;
        for (place, mistake) in self.mistakes.iter().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}{mistake}")?;
        }
        Ok(())
    }
}

impl Error for Mistakes {}
