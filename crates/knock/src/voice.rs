//! What the client says, and to whom.

use std::{fmt, io::Write, path::Path};

use knock_core::sequence::Knock;

use crate::{plan::Manner, progress::Progress, target::Target};

/// The user's ears. What cannot be written is lost: a closed pipe is no reason to leave a sequence half knocked.
pub(crate) struct Voice<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    is_terminal: bool,
    manner: Manner,
    progress: Progress,
}

impl<'a> Voice<'a> {
    /// Tells nothing but what goes wrong, to begin with. `is_terminal` is whether `err` is a terminal on which a line
    /// can come and go.
    pub(crate) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, is_terminal: bool) -> Self {
        Self { out, err, is_terminal, manner: Manner::default(), progress: Progress::default() }
    }

    /// From now on tell this much.
    pub(crate) fn set_manner(&mut self, manner: Manner) {
        self.manner = manner;
    }

    /// Writes a text that was asked for, as it is, to standard output.
    pub(crate) fn show(&mut self, text: &str) {
        _ = self.out.write_all(text.as_bytes());
        _ = self.out.flush();
    }

    /// Tells what is being done to those who want to know.
    pub(crate) fn tell(&mut self, doing: &Doing<'_>) {
        match self.manner {
            Manner::Verbose => self.show(&one_line(doing)),
            Manner::VerboseAside => _ = self.err.write_all(one_line(doing).as_bytes()),
            Manner::Progress if self.is_terminal => {
                if let Some(brief) = doing.brief() {
                    self.progress.show(self.err, &format_args!("knock: {brief}"));
                }
            }
            Manner::Progress | Manner::Quiet => {}
        }
    }

    /// Says what went wrong, in a line on standard error.
    pub(crate) fn complain(&mut self, what: &dyn fmt::Display) {
        self.make_room();
        _ = self.err.write_all(one_line(&format_args!("knock: {what}")).as_bytes());
    }

    /// Leaves the terminal to somebody else.
    pub(crate) fn make_room(&mut self) {
        self.progress.clear(self.err);
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
    Hitting {
        /// The knock.
        knock: Knock,
        /// Where to.
        target: Target,
        /// Which of the sequence, from 1.
        place: usize,
        /// How many there are in the sequence.
        of: usize,
    },
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
            Self::Hitting { knock, target, .. } => write!(f, "hitting {}", Spot(*knock, *target)),
            Self::Skipping(target) => write!(f, "skipping {target}: no route to it"),
            Self::Waiting(knock, target) => write!(f, "waiting for {}", Spot(*knock, *target)),
            Self::Open(knock, target) => write!(f, "{} is open", Spot(*knock, *target)),
            Self::Again => write!(f, "knocking again"),
        }
    }
}

impl Doing<'_> {
    /// The same for somebody who waits for it to be over. The sequence is not in it: others may be looking.
    fn brief(&self) -> Option<String> {
        match self {
            Self::Hitting { target, place, of, .. } => Some(format!("knocking at {target}: {place} of {of}")),
            Self::Waiting(knock, target) => {
                Some(format!("waiting for port {} of {target} to open", knock.port))
            }
            Self::Using { .. } | Self::Skipping(_) | Self::Open(..) | Self::Again => None,
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
            let (knock, target) = (knock.parse().unwrap(), Target::new(ip.parse().unwrap()));
            Doing::Hitting { knock, target, place: 1, of: 1 }.to_string()
        };
        assert_eq!(line("7000", "10.0.0.1"), "hitting tcp 10.0.0.1:7000");
        assert_eq!(line("8000:udp", "::1"), "hitting udp ::1:8000");
    }

    /// What is written to standard output and to standard error.
    fn said(manner: Manner, is_terminal: bool) -> (String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut voice = Voice::new(&mut out, &mut err, is_terminal);
        voice.set_manner(manner);
        let target = Target::new("10.0.0.1".parse().unwrap());
        voice.tell(&Doing::Hitting { knock: "7000".parse().unwrap(), target, place: 2, of: 3 });
        voice.tell(&Doing::Again);
        voice.complain(&"no\nway");
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn only_the_curious_are_told() {
        let complaint = "knock: no\\nway\n".to_owned();
        let lines = "hitting tcp 10.0.0.1:7000\nknocking again\n".to_owned();
        for is_terminal in [false, true] {
            assert_eq!(said(Manner::Quiet, is_terminal), (String::new(), complaint.clone()));
            assert_eq!(said(Manner::Verbose, is_terminal), (lines.clone(), complaint.clone()));
            let aside = (String::new(), lines.clone() + &complaint);
            assert_eq!(said(Manner::VerboseAside, is_terminal), aside);
        }
    }

    #[test]
    fn progress_is_for_terminals_and_tells_no_sequence() {
        let complaint = "knock: no\\nway\n";
        assert_eq!(said(Manner::Progress, false), (String::new(), complaint.to_owned()));
        let (out, err) = said(Manner::Progress, true);
        assert!(out.is_empty());
        assert!(err.contains("knock: knocking at 10.0.0.1: 2 of 3"), "{err:?}");
        // The line is gone before the complaint takes its place.
        assert!(err.ends_with(&format!("\r\x1b[K{complaint}")) && !err.contains("7000"), "{err:?}");
    }
}
