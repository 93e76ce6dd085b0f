//! The picture of a model.

mod columns;

use std::time::Duration;

use knockd::control::protocol::{FilterStatus, Phase, Status};
use ratatui_core::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};

use self::columns::{Columns, Row};
use super::{
    model::{Attempt, Counts, Line, Link, Model, Open, Who},
    words::Mood,
};
use crate::{broken::broken, span::Span};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// Whether it has colours, and may use them.
    pub has_colour: bool,
    /// Whether it has more than ASCII.
    pub has_lines: bool,
}

/// Below this many columns or rows there is only a word of it.
const LEAST: (u16, u16) = (40, 10);

/// Where the text of a line begins, behind the time of day.
const TEXT: u16 = 10;

/// Draws the model as it is now.
pub fn draw(model: &Model, now: Duration, means: Means, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut page = Page { buffer, means, row: area.y };
    if area.width < LEAST.0 || area.height < LEAST.1 {
        page.write(0, "too small; q quits", Style::new());
        return;
    }
    page.header(model, now);
    // Rows for lists: a third each at most, and what they don't need is for what happens.
    let share = area.height.saturating_sub(5) / 3;
    page.title("open", model.openings.len());
    page.openings(model, now, share);
    page.title("knocking", model.attempts.len());
    page.attempts(model, now, share);
    let rest = area.bottom().saturating_sub(page.row).saturating_sub(2);
    page.title("what happens", 0);
    page.lines(model, rest);
    page.row = area.bottom().saturating_sub(1);
    page.footer(&model.counts);
}

/// A buffer that is filled from top to bottom.
struct Page<'a> {
    buffer: &'a mut Buffer,
    means: Means,
    row: u16,
}

impl Page<'_> {
    fn header(&mut self, model: &Model, now: Duration) {
        let style = self.style(Color::Reset, Modifier::REVERSED);
        let area = Rect { y: self.row, height: 1, ..self.buffer.area };
        self.buffer.set_style(area, style);
        let (text, is_trouble) = match (&model.link, &model.status) {
            (Link::Lost(why), _) => (why.clone(), true),
            (Link::Up, Some(status)) => (summary(status, now.saturating_sub(model.status_at)), false),
            _ => ("connecting".to_owned(), false),
        };
        let style =
            if is_trouble { self.style(Color::Red, Modifier::REVERSED | Modifier::BOLD) } else { style };
        self.write(1, &text, style);
        self.write_right(" q quits ", style);
        self.row += 1;
    }

    /// A rule with a title in it.
    fn title(&mut self, title: &str, count: usize) {
        let style = self.style(Color::Cyan, Modifier::empty());
        let width = usize::from(self.buffer.area.width);
        let rule = if self.means.has_lines { "\u{2500}" } else { "-" };
        self.write(0, &rule.repeat(width), self.style(Color::DarkGray, Modifier::empty()));
        let count = if count > 0 { format!("{count} ") } else { String::new() };
        self.write(1, &format!(" {title} {count}"), style);
        self.row += 1;
    }

    fn openings(&mut self, model: &Model, now: Duration, share: u16) {
        let mut openings: Vec<(&Who, &Open)> = model.openings.iter().collect();
        // Who is about to be shut out comes first.
        openings.sort_by_key(|(_, open)| open.until.unwrap_or(Duration::MAX));
        self.rows(&openings, share, "nobody is let in", Color::Green, |((door, source), open)| {
            let left = open.until.map(|until| format!("{} left", Span::left(until.saturating_sub(now))));
            let detail = match (open.phase, left) {
                (Phase::Opening, _) => "opening".to_owned(),
                (Phase::Closing, _) => "closing".to_owned(),
                (Phase::Open, left) => left.unwrap_or_else(|| "no end".to_owned()),
            };
            let note = if open.by_kernel { "by kernel" } else { "by command" }.to_owned();
            Row { source: source.to_string(), door: door.clone(), detail, note }
        });
    }

    fn attempts(&mut self, model: &Model, now: Duration, share: u16) {
        let mut attempts: Vec<(&Who, &Attempt)> = model.attempts.iter().collect();
        // Who has come the furthest comes first, and of these who has moved last.
        attempts.sort_by_key(|(_, attempt)| (u8::MAX - attempt.stage, now.saturating_sub(attempt.last)));
        self.rows(&attempts, share, "nobody knocks", Color::Yellow, |((door, source), attempt)| {
            let since = attempt.since.map(|since| format!("for {}", Span::since(now.saturating_sub(since))));
            let (detail, note) = (format!("stage {}", attempt.stage), since.unwrap_or_default());
            Row { source: source.to_string(), door: door.clone(), detail, note }
        });
    }

    /// At most so many rows, the last of which tells how many more there are.
    fn rows<T>(&mut self, all: &[T], share: u16, none: &str, colour: Color, row: impl Fn(&T) -> Row) {
        if all.is_empty() {
            self.write(1, none, self.dim());
            self.row += 1;
            return;
        }
        let share = usize::from(share.max(1));
        let shown = if all.len() > share { share.saturating_sub(1).max(1) } else { all.len() };
        let rows: Vec<Row> = all.iter().take(shown).map(row).collect();
        let columns = Columns::of(&rows, self.buffer.area.width);
        let style = self.style(colour, Modifier::empty());
        for Row { source, door, detail, note } in &rows {
            self.write(columns.source, source, style);
            self.write_short(columns.door, door, columns.door_width, style);
            self.write(columns.detail, detail, style);
            columns.note.into_iter().for_each(|column| self.write(column, note, self.dim()));
            self.row += 1;
        }
        let more = all.len() - shown;
        if more > 0 && share > 1 {
            self.write(1, &format!("and {more} more"), self.dim());
            self.row += 1;
        }
    }

    /// The last lines, the newest at the bottom; what is too long goes on in the next row.
    fn lines(&mut self, model: &Model, rows: u16) {
        let (rows, width) = (usize::from(rows), usize::from(self.buffer.area.width.saturating_sub(TEXT)));
        let mut shown = Vec::new();
        for line in model.lines.iter().rev() {
            let parts = in_rows(&line.text, width).into_iter().enumerate().rev();
            shown.extend(parts.map(|(place, part)| (line, place == 0, part)));
            if shown.len() >= rows {
                break;
            }
        }
        for (Line { at, mood, .. }, is_first, text) in shown.into_iter().take(rows).rev() {
            if is_first {
                self.write(1, at, self.dim());
            }
            self.write(TEXT, &text, self.mood(*mood));
            self.row += 1;
        }
    }

    fn footer(&mut self, counts: &Counts) {
        let Counts { knocks, opened, by_hand, wrong, late, gave_way, dropped, lost, unseen } = *counts;
        let mut text = format!("knocks {knocks}  opened {opened}  wrong {wrong}  late {late}");
        let rest = [
            ("by hand", by_hand),
            ("gave way", gave_way),
            ("dropped", dropped),
            ("lost", lost),
            ("not shown", unseen),
        ];
        for (what, count) in rest.into_iter().filter(|(_, count)| *count > 0) {
            text = format!("{text}  {what} {count}");
        }
        let style = self.style(Color::Reset, Modifier::REVERSED);
        let area = Rect { y: self.row, height: 1, ..self.buffer.area };
        self.buffer.set_style(area, style);
        self.write(1, &text, style);
    }

    fn write(&mut self, column: u16, text: &str, style: Style) {
        self.write_short(column, text, u16::MAX, style);
    }

    fn write_short(&mut self, column: u16, text: &str, most: u16, style: Style) {
        let area = self.buffer.area;
        let left = area.width.saturating_sub(column).min(most);
        if self.row < area.bottom() && left > 0 {
            // What the daemon says of others' words goes to the terminal as text, whatever is in it.
            let text: String = text.chars().map(|one| if one.is_control() { '?' } else { one }).collect();
            self.buffer.set_stringn(area.x + column, self.row, text, usize::from(left), style);
        }
    }

    fn write_right(&mut self, text: &str, style: Style) {
        let width = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.write(self.buffer.area.width.saturating_sub(width), text, style);
    }

    fn mood(&self, mood: Mood) -> Style {
        match mood {
            Mood::Step => self.style(Color::Yellow, Modifier::empty()),
            Mood::Open => self.style(Color::Green, Modifier::BOLD),
            Mood::Failed => self.style(Color::Magenta, Modifier::empty()),
            Mood::Trouble => self.style(Color::Red, Modifier::BOLD),
            Mood::Over | Mood::Plain => Style::new(),
        }
    }

    fn dim(&self) -> Style {
        self.style(Color::DarkGray, Modifier::empty())
    }

    fn style(&self, colour: Color, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        if self.means.has_colour { style.fg(colour) } else { style }
    }
}

/// The text in rows of this width; a word that is longer is broken, too.
fn in_rows(text: &str, width: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in broken(text, width, 0) {
        let mut rest = line.as_str();
        while let Some((end, _)) = rest.char_indices().nth(width.max(1)) {
            let (row, behind) = rest.split_at(end);
            rows.push(row.to_owned());
            rest = behind;
        }
        rows.push(rest.to_owned());
    }
    rows
}

fn summary(status: &Status, since: Duration) -> String {
    let up = Duration::from_millis(status.up_ms).saturating_add(since);
    let names: Vec<_> = status
        .interfaces
        .iter()
        .map(|interface| {
            let lacks = if interface.is_listened_on { "" } else { " (not there)" };
            format!("{}{lacks}", interface.name)
        })
        .collect();
    let filter = match status.filter {
        FilterStatus::Exact => "exact filter",
        FilterStatus::Classic => "classic filter",
        FilterStatus::Other => "unknown filter",
    };
    let doors = status.doors.len();
    let plural = if doors == 1 { "" } else { "s" };
    let sandbox =
        if status.watcher.is_confined && status.watcher.keeps.is_empty() { "" } else { "  not confined" };
    let up = match up.as_secs() {
        0..60 => "less than 1 min".to_owned(),
        _ => Span::minutes(up).to_string(),
    };
    format!(
        "knockd {}  up {up}  {doors} door{plural}  on {}  {filter}{sandbox}",
        status.version,
        names.join(",")
    )
}

#[cfg(test)]
mod tests;
