//! The directives that a configuration file can hold.

use std::{cmp::Reverse, fmt};

/// A directive: its names, where it belongs and what it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Which it is.
    pub key: Key,
    /// Its name as the manual writes it; in a file it may stand in any case.
    pub name: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    /// What its value has to be; none if it stands alone.
    pub expects: Option<&'static str>,
    /// The value that it has where it isn't given, if it has one.
    pub default: Option<&'static str>,
}

/// Which directive it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// One of `[options]`.
    Option(OptionKey),
    /// One of a door.
    Door(DoorKey),
}

/// A directive of `[options]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKey {
    /// Log to syslog.
    UseSyslog,
    /// Log to a file.
    LogFile,
    /// How lines of the log look.
    LogFormat,
    /// Where the daemon's process number goes.
    PidFile,
    /// Where the daemon notes what is open.
    StateDir,
    /// Where the control socket is.
    ControlSocket,
    /// What is listened on.
    Interface,
    /// What is done about interfaces that aren't there.
    InterfaceWait,
    /// How many commands run at once.
    MaxCommands,
    /// How many attempts are remembered at once.
    MaxAttempts,
    /// What becomes of the guard at the end.
    GuardOnExit,
}

/// A directive of a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorKey {
    /// The knocks.
    Sequence,
    /// A file of knocks.
    OneTimeSequences,
    /// How long an attempt lives.
    SeqTimeout,
    /// Which TCP segments count.
    TcpFlags,
    /// Where knocks are sent to.
    Target,
    /// The ports that it opens.
    Open,
    /// The set that it adds a source to.
    OpenSet,
    /// The same for IPv6.
    OpenSet6,
    /// What runs when the door opens.
    StartCommand,
    /// The same for IPv6.
    StartCommand6,
    /// How long the door stays open.
    CmdTimeout,
    /// What runs when the door closes.
    StopCommand,
    /// The same for IPv6.
    StopCommand6,
    /// What a wrong port does.
    WrongPort,
    /// What a knock at an open door does.
    Reknock,
}

/// The sections that directives belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// The section `[options]`.
    Options,
    /// The section of a door.
    Door,
}

impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Options => "[options]",
            Self::Door => "a door's section",
        })
    }
}

const COMMAND: Option<&str> = Some("a command for /bin/sh, with %IP% for the source");

const SET: Option<&str> =
    Some("the family, the table and the name of an nftables set, such as inet firewall guests");

/// Every directive there is.
pub const DIRECTIVES: &[Directive] = &[
    option(OptionKey::UseSyslog, "UseSyslog", None),
    option(OptionKey::LogFile, "LogFile", Some("the path of a file")),
    option(OptionKey::LogFormat, "LogFormat", Some("classic or json")).or("classic"),
    option(OptionKey::PidFile, "PidFile", Some("the path of a file")),
    option(OptionKey::StateDir, "StateDir", Some("the path of a directory")),
    option(OptionKey::ControlSocket, "ControlSocket", Some("the path of a socket, or none")),
    option(
        OptionKey::Interface,
        "Interface",
        Some("names of interfaces with commas or blanks between them, or any alone"),
    ),
    option(OptionKey::InterfaceWait, "InterfaceWait", Some("yes or no")),
    option(OptionKey::MaxCommands, "MaxCommands", Some("a whole number from 1 to 1024")).or("32"),
    option(OptionKey::MaxAttempts, "MaxAttempts", Some("a whole number from 1024 to 4000000")).or("1000000"),
    option(OptionKey::GuardOnExit, "GuardOnExit", Some("keep or remove")).or("keep"),
    door(
        DoorKey::Sequence,
        "Sequence",
        Some("knocks with commas between them, each a port with :tcp or :udp, such as 7000,9000:udp,8000"),
    ),
    door(DoorKey::OneTimeSequences, "One_Time_Sequences", Some("the path of a file with a sequence a line")),
    door(DoorKey::SeqTimeout, "Seq_Timeout", Some("seconds, more than 0, such as 15 or 2.5"))
        .also(&["Timeout"])
        .or("25"),
    door(
        DoorKey::TcpFlags,
        "TCPFlags",
        Some(
            "fin, syn, rst, psh, ack or urg with commas between them, ! in front of one that has to be clear",
        ),
    ),
    door(DoorKey::Target, "Target", Some("an IPv4 or IPv6 address")),
    door(
        DoorKey::Open,
        "Open",
        Some(
            "ports with commas between them, each tcp/ or udp/ and a port or a range, such as tcp/22, udp/60000-61000",
        ),
    ),
    door(DoorKey::OpenSet, "Open_Set", SET),
    door(DoorKey::OpenSet6, "Open_Set_6", SET),
    door(DoorKey::StartCommand, "Start_Command", COMMAND).also(&["Command"]),
    door(DoorKey::StartCommand6, "Start_Command_6", COMMAND).also(&["Command_6"]),
    door(DoorKey::CmdTimeout, "Cmd_Timeout", Some("seconds, such as 10 or 0.5")).or("10"),
    door(DoorKey::StopCommand, "Stop_Command", COMMAND),
    door(DoorKey::StopCommand6, "Stop_Command_6", COMMAND),
    door(DoorKey::WrongPort, "Wrong_Port", Some("discard or ignore")).or("discard"),
    door(DoorKey::Reknock, "Reknock", Some("again or extend")).or("again"),
];

const fn option(key: OptionKey, name: &'static str, expects: Option<&'static str>) -> Directive {
    Directive { key: Key::Option(key), name, aliases: &[], expects, default: None }
}

const fn door(key: DoorKey, name: &'static str, expects: Option<&'static str>) -> Directive {
    Directive { key: Key::Door(key), name, aliases: &[], expects, default: None }
}

impl Directive {
    const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// The section that it belongs to.
    #[must_use]
    pub fn section(&self) -> SectionKind {
        match self.key {
            Key::Option(_) => SectionKind::Options,
            Key::Door(_) => SectionKind::Door,
        }
    }

    /// All its names, the one of the manual first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The directive of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        DIRECTIVES.iter().find(|directive| directive.names().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// The name that somebody may have meant with one that no directive has: the nearest,
    /// one of `section` first, the longer one first.
    #[must_use]
    pub fn likely(misspelt: &str, section: SectionKind) -> Option<&'static str> {
        let misspelt: String = misspelt.chars().take(Self::LONGEST_MISSPELT).collect();
        let misspelt = misspelt.to_ascii_lowercase();
        DIRECTIVES
            .iter()
            .flat_map(|directive| directive.names().map(move |name| (name, directive.section() != section)))
            .map(|(name, elsewhere)| {
                (strsim::damerau_levenshtein(&misspelt, &name.to_ascii_lowercase()), elsewhere, name)
            })
            .filter(|(distance, _, name)| *distance <= name.len() / 3)
            .min_by_key(|(distance, elsewhere, name)| (*distance, *elsewhere, Reverse(name.len())))
            .map(|(_, _, name)| name)
    }

    /// No name with as many mistakes as are forgiven is longer; comparing costs the product of the lengths.
    const LONGEST_MISSPELT: usize = 32;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_used_twice() {
        for directive in DIRECTIVES {
            for name in directive.names() {
                assert_eq!(Directive::named(&name.to_uppercase()), Some(directive), "{name}");
                assert!(name.len() * 4 / 3 < Directive::LONGEST_MISSPELT);
            }
        }
    }

    #[test]
    fn likely_names_are_near_ones() {
        for (misspelt, likely) in [
            ("seq_timout", Some("Seq_Timeout")),
            ("SeqTimeout", Some("Seq_Timeout")),
            ("tcp_flags", Some("TCPFlags")),
            ("start-comand", Some("Start_Command")),
            ("Stop_Command6", Some("Stop_Command_6")),
            ("comand", Some("Command")),
            ("seqeunce", Some("Sequence")),
            ("One_Time_Sequence", Some("One_Time_Sequences")),
            ("log_file", Some("LogFile")),
            ("foo", None),
            ("", None),
        ] {
            assert_eq!(Directive::likely(misspelt, SectionKind::Door), likely, "{misspelt}");
        }
        assert_eq!(Directive::likely(&"x".repeat(1_000_000), SectionKind::Door), None);
    }
}
