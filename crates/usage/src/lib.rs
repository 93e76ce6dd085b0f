//! What is wrong with a command line, in one line: the same way in all our programs.
#![forbid(unsafe_code)]

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Command, Error, Parser, error::ErrorKind};

/// The exit status for a command line that is wrong.
const WRONG: u8 = 2;

/// Why a program does not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// This text was asked for: the help, or the version.
    Information(String),
    /// There is nothing on the command line, and this is what could be: the help.
    Nothing(String),
    /// The command line is wrong: what is, in one line without its end.
    Mistake(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let help = || format!("{}\n", text.trim_end());
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Self::Information(help()),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Self::Nothing(help()),
            _ => Self::Mistake(one_line(&text)),
        }
    }
}

/// Reads the command line, the program's name first. If there is nothing to be done by it, what is to be said is said: on
/// standard output what was asked for, on standard error what is wrong.
pub fn parse<P: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<P, ExitCode> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Nobody may be there to read it.
    P::try_parse_from(&arguments).map_err(|error| match Stop::from(error) {
        Stop::Information(text) => {
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Stop::Nothing(text) => {
            let _ = io::stderr().write_all(text.as_bytes());
            WRONG.into()
        }
        Stop::Mistake(mistake) => {
            let _ = writeln!(io::stderr(), "{}", complaint(&P::command(), &arguments, &mistake));
            WRONG.into()
        }
    })
}

/// The line in which a program tells of a mistake, with where there is help.
#[must_use]
pub fn complaint(program: &Command, arguments: &[OsString], mistake: &str) -> String {
    let name = program.get_name();
    let mut names = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    let of = names.find_map(|name| program.find_subcommand(name));
    let of = of.map(|command| format!(" {}", command.get_name())).unwrap_or_default();
    format!("{name}: {mistake} (see {name}{of} --help)")
}

/// The message of an error without what comes after it: usage and the advice to look at the help. What is on the command
/// line is in it, and may be anything.
fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text.lines().map(str::trim);
    let message = lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let message = message.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    message.replace(" tip:", ";").chars().map(|one| if one.is_control() { '?' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use clap::Subcommand;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "tool", version, subcommand_required = true, arg_required_else_help = true)]
    struct Arguments {
        #[arg(long)]
        socket: Option<String>,
        #[command(subcommand)]
        command: Order,
    }

    #[derive(Debug, Subcommand)]
    enum Order {
        /// Counts
        Count { number: u8 },
    }

    fn stop(line: &str) -> Stop {
        Stop::from(Arguments::try_parse_from(line.split(' ')).unwrap_err())
    }

    fn told(line: &str) -> String {
        let Stop::Mistake(mistake) = stop(line) else { panic!("{line} is right") };
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        complaint(&<Arguments as clap::CommandFactory>::command(), &arguments, &mistake)
    }

    #[test]
    fn a_mistake_is_one_line_with_where_there_is_help() {
        assert_eq!(
            told("tool count many"),
            "tool: invalid value 'many' for '<NUMBER>': invalid digit found in string (see tool count --help)"
        );
        assert_eq!(
            told("tool cuont 1"),
            "tool: unrecognized subcommand 'cuont'; a similar subcommand exists: 'count' (see tool --help)"
        );
        assert_eq!(
            told("tool --socket s count"),
            "tool: the following required arguments were not provided: <NUMBER> (see tool count --help)"
        );
        assert!(!told("tool \u{1b}[2J").contains('\u{1b}'));
    }

    #[test]
    fn what_was_asked_for_is_no_mistake() {
        assert!(matches!(stop("tool --help"), Stop::Information(help) if help.contains("Counts")));
        assert!(matches!(stop("tool -V"), Stop::Information(version) if version.starts_with("tool ")));
        assert!(matches!(stop("tool"), Stop::Nothing(help) if help.contains("Counts")));
    }
}
