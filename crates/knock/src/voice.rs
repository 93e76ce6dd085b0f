//! What the client says, and to whom.

use std::{fmt, io::Write, path::Path};

use knock_core::sequence::Knock;

use crate::target::Target;

/// The user's ears. What cannot be written is lost: a closed pipe is no reason to leave a sequence half knocked.
pub(crate) struct Voice<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    verbose: bool,
}

impl<'a> Voice<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self { out, err, verbose: false }
    }

    /// From now on tell what is done too, if `verbose`.
    pub(crate) fn set_verbose(&mut self, verbose: bool) {
        self.verbose = verbose;
    }

    /// Writes a text that was asked for, as it is, to standard output.
    pub(crate) fn show(&mut self, text: &str) {
        _ = self.out.write_all(text.as_bytes());
        _ = self.out.flush();
    }

    /// Tells what is being done, in a line on standard output, to those who want to know.
    pub(crate) fn tell(&mut self, doing: &Doing<'_>) {
        if self.verbose {
            self.show(&one_line(doing));
        }
    }

    /// Says what went wrong, in a line on standard error.
    pub(crate) fn complain(&mut self, what: &dyn fmt::Display) {
        _ = self.err.write_all(one_line(&format_args!("knock: {what}")).as_bytes());
    }
}

/// The text as a line; what names and paths hold that isn't text, line feeds among it, is spelt out.
fn one_line(text: &dyn fmt::Display) -> String {
    let mut line = String::new();
    for letter in text.to_string().chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line + "\n"
}

/// What is being done, or has been found out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing<'a> {
    /// A one-time sequence was taken from its file.
    Using {
        /// The line it stood in, from 1.
        line: usize,
        /// The file.
        path: &'a Path,
        /// How many sequences are left in it.
        left: usize,
    },
    /// A knock is about to be sent.
    Hitting(Knock, Target),
    /// The address is left out, since this host has no way to it.
    Skipping(Target),
    /// A connection to the port is tried.
    Waiting(Knock, Target),
    /// The port accepted a connection.
    Open(Knock, Target),
    /// The port did not open and the sequence is knocked once more.
    Again,
}

impl fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Using { line, path, left } => {
                write!(f, "using line {line} of {}, {left} left", path.display())
            }
            // The classic client's line, without brackets around an IPv6 address.
            Self::Hitting(knock, target) => write!(f, "hitting {}", Spot(*knock, *target)),
            Self::Skipping(target) => write!(f, "skipping {target}: no route to it"),
            Self::Waiting(knock, target) => write!(f, "waiting for {}", Spot(*knock, *target)),
            Self::Open(knock, target) => write!(f, "{} is open", Spot(*knock, *target)),
            Self::Again => write!(f, "knocking again"),
        }
    }
}

/// A port at an address, as the classic client writes it: `tcp 192.0.2.1:22`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot(pub(crate) Knock, pub(crate) Target);

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}", self.0.protocol, self.1, self.0.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_told_in_the_classic_words() {
        let line = |knock: &str, ip: &str| {
            Doing::Hitting(knock.parse().unwrap(), Target::new(ip.parse().unwrap())).to_string()
        };
        assert_eq!(line("7000", "10.0.0.1"), "hitting tcp 10.0.0.1:7000");
        assert_eq!(line("8000:udp", "::1"), "hitting udp ::1:8000");
    }

    #[test]
    fn only_the_curious_are_told() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut voice = Voice::new(&mut out, &mut err);
        voice.tell(&Doing::Again);
        voice.set_verbose(true);
        voice.tell(&Doing::Again);
        voice.complain(&"no\nway");
        assert_eq!(out, b"knocking again\n");
        assert_eq!(err, b"knock: no\\nway\n");
    }
}
