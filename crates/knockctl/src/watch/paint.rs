//! From pictures to what a terminal understands (ECMA-48): only what has changed since the last one.

use std::fmt::Write as _;

use ratatui_core::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier},
};

/// Knows what the terminal shows.
#[derive(Debug, Default)]
pub struct Painter {
    shown: Option<Buffer>,
}

impl Painter {
    /// What to write so that the terminal shows this picture.
    pub fn paint(&mut self, next: Buffer) -> String {
        let mut text = String::new();
        let before = match self.shown.take() {
            Some(shown) if shown.area == next.area => shown,
            // Nobody knows what a terminal of another size shows.
            _ => {
                text.push_str(CLEAR);
                Buffer::empty(next.area)
            }
        };
        let (mut place, mut style) = (None, None);
        for (column, row, cell) in before.diff(&next) {
            if place != Some((column, row)) {
                let _ = write!(text, "\u{1b}[{};{}H", row + 1, column + 1);
            }
            if style != Some((cell.fg, cell.modifier)) {
                style = Some((cell.fg, cell.modifier));
                text.push_str(&rendition(cell.fg, cell.modifier));
            }
            text.push_str(cell.symbol());
            // What is wider than a column is never drawn.
            place = Some((column + 1, row));
        }
        if style.is_some() {
            text.push_str(PLAIN);
        }
        self.shown = Some(next);
        text
    }

    /// Has the next picture be drawn as a whole.
    pub fn forget(&mut self) {
        self.shown = None;
    }
}

/// A picture with nothing on it for a terminal of this size.
#[must_use]
pub fn blank(columns: u16, rows: u16) -> Buffer {
    Buffer::empty(Rect::new(0, 0, columns, rows))
}

/// The plain rendition.
const PLAIN: &str = "\u{1b}[0m";

/// Clears the screen, in the plain rendition.
const CLEAR: &str = "\u{1b}[0m\u{1b}[2J";

/// Selects a graphic rendition (ECMA-48, section 8.3.117), whatever was selected.
fn rendition(colour: Color, modifier: Modifier) -> String {
    let mut text = "\u{1b}[0".to_owned();
    for (flag, code) in [(Modifier::BOLD, ";1"), (Modifier::REVERSED, ";7")] {
        if modifier.contains(flag) {
            text.push_str(code);
        }
    }
    text.push_str(match colour {
        Color::Red => ";31",
        Color::Green => ";32",
        Color::Yellow => ";33",
        Color::Magenta => ";35",
        Color::Cyan => ";36",
        Color::DarkGray => ";90",
        _ => "",
    });
    text.push('m');
    text
}

#[cfg(test)]
mod tests {
    use ratatui_core::style::Style;

    use super::*;

    fn picture(text: &str, style: Style) -> Buffer {
        let mut buffer = blank(10, 2);
        buffer.set_string(1, 1, text, style);
        buffer
    }

    #[test]
    fn only_what_differs_is_written() {
        let mut painter = Painter::default();
        let red = Style::new().fg(Color::Red).add_modifier(Modifier::REVERSED);
        let first = painter.paint(picture("abc", red));
        assert_eq!(first, "\u{1b}[0m\u{1b}[2J\u{1b}[2;2H\u{1b}[0;7;31mabc\u{1b}[0m");
        assert_eq!(painter.paint(picture("abc", red)), "");
        assert_eq!(painter.paint(picture("abd", red)), "\u{1b}[2;4H\u{1b}[0;7;31md\u{1b}[0m");
        assert_eq!(painter.paint(picture("ab", Style::new())).matches("\u{1b}[2;2H").count(), 1);
    }

    #[test]
    fn another_size_and_what_was_forgotten_are_drawn_anew() {
        let mut painter = Painter::default();
        painter.paint(picture("abc", Style::new()));
        assert!(painter.paint(blank(20, 5)).starts_with(CLEAR));
        painter.forget();
        assert!(painter.paint(blank(20, 5)).starts_with(CLEAR));
    }
}
