//! A part of the report.

use std::fmt;

/// A heading, how it was measured, and a table.
#[derive(Debug)]
pub(crate) struct Section {
    title: &'static str,
    method: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Section {
    /// One without rows. The method is a paragraph.
    pub(crate) fn new(title: &'static str, method: impl Into<String>, head: &[&str]) -> Self {
        let head = head.iter().map(|&column| column.to_owned()).collect();
        Self { title, method: method.into(), head, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row, as many cells as there are columns.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        debug_assert_eq!(cells.len(), self.head.len(), "{cells:?}");
        self.rows.push(cells);
    }

    /// Adds a line below the table.
    pub(crate) fn note(&mut self, line: impl Into<String>) {
        self.notes.push(line.into());
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n{}\n", self.title, self.method)?;
        writeln!(f, "| {} |", self.head.join(" | "))?;
        let kinds = self.head.iter().enumerate().map(|(place, _)| if place == 0 { "---" } else { "---:" });
        writeln!(f, "| {} |", kinds.collect::<Vec<_>>().join(" | "))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))?;
        self.notes.iter().try_for_each(|note| writeln!(f, "\n{note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_markdown() {
        let mut section = Section::new("Speed", "By looking.", &["who", "ms"]);
        section.row(["ours".to_owned(), "1".to_owned()]);
        section.note("That is all.");
        let text = "## Speed\n\nBy looking.\n\n| who | ms |\n| --- | ---: |\n| ours | 1 |\n\nThat is all.\n";
        assert_eq!(section.to_string(), text);
    }
}
