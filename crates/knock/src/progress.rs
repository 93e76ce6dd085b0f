//! A line on the terminal that is gone when there is nothing more to wait for.

use std::{fmt, io::Write};

/// The line.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    is_shown: bool,
}

impl Progress {
    /// Has this text in the line and nothing else. What does not fit into it is cut off.
    pub(crate) fn show(&mut self, terminal: &mut dyn Write, text: &dyn fmt::Display) {
        self.is_shown = true;
        _ = write!(terminal, "\r{NO_WRAP}{text}{ERASE}{WRAP}");
        _ = terminal.flush();
    }

    /// Leaves the line as if nothing had ever been in it.
    pub(crate) fn clear(&mut self, terminal: &mut dyn Write) {
        if self.is_shown {
            _ = write!(terminal, "\r{ERASE}");
            _ = terminal.flush();
        }
        self.is_shown = false;
    }
}

/// Erases from here to the end of the line (ECMA-48, 8.3.41, EL).
const ERASE: &str = "\x1b[K";

/// What is too long for the line stays in it (DECAWM, in every terminal that took after the VT100).
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_takes_the_place_of_the_one_before_and_leaves_nothing() {
        let (mut progress, mut terminal) = (Progress::default(), Vec::new());
        progress.clear(&mut terminal);
        assert!(terminal.is_empty());
        progress.show(&mut terminal, &"one");
        progress.show(&mut terminal, &"two");
        progress.clear(&mut terminal);
        progress.clear(&mut terminal);
        let line = |text| format!("\r\x1b[?7l{text}\x1b[K\x1b[?7h");
        assert_eq!(String::from_utf8(terminal).unwrap(), line("one") + &line("two") + "\r\x1b[K");
    }
}
