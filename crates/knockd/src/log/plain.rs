//! Text that is sure to stay on one line.

use std::fmt;

/// Passes text on with everything made visible that could end a line, move the cursor or turn the reading direction.
///
/// Whatever a configuration, a command or the network put into a line of the log, a reader sees one line and a
/// terminal obeys nothing.
pub(super) struct Plain<W>(pub(super) W);

impl<W: fmt::Write> fmt::Write for Plain<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((place, hidden)) = rest.char_indices().find(|(_, char)| is_hidden(*char)) {
            let (before, after) = rest.split_at(place);
            self.0.write_str(before)?;
            write!(self.0, "{}", hidden.escape_default())?;
            rest = after.get(hidden.len_utf8()..).unwrap_or_default();
        }
        self.0.write_str(rest)
    }
}

/// Control characters, and those of Unicode's format characters and separators that change how others are shown
/// (UAX #9, section 2; UAX #14, classes BK and ZW).
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn plain(text: &str) -> String {
        let mut plain = Plain(String::new());
        plain.write_str(text).unwrap();
        plain.0
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        assert_eq!(plain(r#"iptables -A "x" \-s 1 'Zürich' 日本"#), r#"iptables -A "x" \-s 1 'Zürich' 日本"#);
        assert_eq!(plain(""), "");
    }

    #[test]
    fn what_moves_the_reader_is_made_visible() {
        assert_eq!(plain("a\nb\r\tc\n"), r"a\nb\r\tc\n");
        assert_eq!(plain("\u{1b}[2J\0\u{7f}\u{9b}"), r"\u{1b}[2J\u{0}\u{7f}\u{9b}");
        assert_eq!(plain("\u{202e}x\u{2028}y\u{feff}"), r"\u{202e}x\u{2028}y\u{feff}");
    }
}
