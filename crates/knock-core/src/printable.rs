//! What may go to a terminal or a log line as it is.

use std::fmt;

/// Whether the character shows as one sign and does nothing else: no control character, nothing that changes the
/// direction of writing, nothing invisible or combining.
pub(crate) fn is_printable(character: char) -> bool {
    matches!(character, '"' | '\'' | '\\') || character.escape_debug().len() == 1
}

/// The character, or a sign that stands for one that isn't printable.
pub(crate) fn harmless(character: char) -> char {
    if is_printable(character) { character } else { char::REPLACEMENT_CHARACTER }
}

/// Somebody's text within a message of ours: harmless, in quotation marks, cut where it gets long.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Quoted<'_> {
    const LONGEST: usize = 60;
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.0.chars().take(Self::LONGEST).map(harmless).collect();
        let rest = if self.0.chars().nth(Self::LONGEST).is_some() { "..." } else { "" };
        write!(f, "\"{shown}{rest}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_signs_are_printable() {
        assert!("aZ09 -_.:[]\"'\\äß鍵".chars().all(is_printable));
        for hidden in ['\0', '\t', '\x1b', '\x7f', '\u{9b}', '\u{301}', '\u{200b}', '\u{202e}', '\u{feff}'] {
            assert!(!is_printable(hidden), "{hidden:?}");
        }
    }

    #[test]
    fn quotes_are_short_and_harmless() {
        assert_eq!(Quoted("a\x1b[2J").to_string(), "\"a\u{fffd}[2J\"");
        assert_eq!(Quoted(&"x".repeat(60)).to_string().len(), 62);
        assert_eq!(Quoted(&"x".repeat(61)).to_string(), format!("\"{}...\"", "x".repeat(60)));
    }
}
