//! Manual pages, in the language of mdoc(7), as far as tests have to understand them.

use std::io;

use crate::text;

/// A manual page of `docs/man`.
#[derive(Clone, Debug)]
pub struct Page {
    source: String,
}

/// An entry of a list (`.It`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What stands in front, as it is shown: `-c, --config file`.
    pub head: String,
    /// What is said about it, as it is shown, a line for each line of the source; empty lines between paragraphs.
    pub body: String,
}

impl Page {
    /// The page of this name, such as `knockd.1`.
    pub fn read(name: &str) -> io::Result<Self> {
        Ok(Self { source: text(format!("docs/man/{name}"))? })
    }

    /// The entries of a section (`.Sh`), of all its lists together.
    #[must_use]
    pub fn entries(&self, section: &str) -> Vec<Entry> {
        entries(self.section(section))
    }

    /// The parts of a section (`.Ss`), each with its title and its entries.
    #[must_use]
    pub fn subsections(&self, section: &str) -> Vec<(String, Vec<Entry>)> {
        let parts = self.section(section).split("\n.Ss ").skip(1);
        parts
            .filter_map(|part| part.split_once('\n'))
            .map(|(title, body)| (words(title), entries(body)))
            .collect()
    }

    /// The entries of the whole page that begin with an option.
    #[must_use]
    pub fn options(&self) -> Vec<Entry> {
        let mut found = entries(&self.source);
        found.retain(|entry| entry.head.starts_with('-'));
        found
    }

    /// The text of a section (`.Sh`) in its source; nothing if there is none.
    #[must_use]
    pub fn section(&self, name: &str) -> &str {
        let mut sections = self.source.split("\n.Sh ");
        sections.find_map(|section| section.strip_prefix(name)?.strip_prefix('\n')).unwrap_or_default()
    }

    /// The blocks of text that is shown as it is (`.Bd -literal`).
    #[must_use]
    pub fn blocks(&self) -> Vec<String> {
        let blocks = self.source.split("\n.Bd -literal").skip(1);
        let bodies = blocks.filter_map(|block| block.split_once('\n')?.1.split("\n.Ed").next());
        bodies.map(|body| unescape(body) + "\n").collect()
    }

    /// Whether the page, as it is shown, has these words in this order somewhere.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        let shown: Vec<_> = self.source.lines().map(shown).collect();
        shown.join(" ").contains(words)
    }
}

fn entries(source: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    for line in source.lines() {
        if let Some(head) = line.strip_prefix(".It ") {
            found.push(Entry { head: words(head), body: String::new() });
        } else if let Some(entry) = found.last_mut() {
            entry.body.push_str(&shown(line));
            entry.body.push('\n');
        }
    }
    found
}

/// A line of the source as it is shown, more or less.
fn shown(line: &str) -> String {
    match line.strip_prefix('.') {
        None => unescape(line),
        Some(request) => words(request),
    }
}

/// The words of a request without the names of macros, punctuation where it belongs.
fn words(request: &str) -> String {
    let mut shown = String::new();
    let mut glued = false;
    let mut is_optional = false;
    for word in request.split(' ') {
        let is_macro = matches!(word.as_bytes(), [first, second]
            if first.is_ascii_uppercase() && second.is_ascii_lowercase());
        match word {
            "Ns" => glued = true,
            "Fl" => {
                push(&mut shown, "-", glued);
                glued = true;
            }
            "Op" => {
                push(&mut shown, "[", glued);
                glued = true;
                is_optional = true;
            }
            _ if is_macro => {}
            _ => {
                let word = unescape(word.trim_matches('"'));
                let closes = matches!(&*word, "," | "." | ";" | ":" | ")" | "!" | "?");
                push(&mut shown, &word, glued || closes);
                glued = false;
            }
        }
    }
    if is_optional {
        shown.push(']');
    }
    shown
}

fn push(shown: &mut String, word: &str, glued: bool) {
    if !glued && !shown.is_empty() {
        shown.push(' ');
    }
    shown.push_str(word);
}

fn unescape(text: &str) -> String {
    text.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_are_shown() {
        let source = ".Sh OPTIONS\n.Bl -tag\n.It Fl c , Fl \\-config Ar file\nRead it, see\n.Xr knockd 1 .\n.It Cm A , B\n\
                      Value: x.\n.Pp\nDefault:\n.Pa /etc/a .\n.El\n.Bd -literal -offset indent\n[a]\n \\-x\n.Ed\n";
        let page = Page { source: format!(".Dt X 1\n{source}") };
        let found = page.entries("OPTIONS");
        assert_eq!(found.iter().map(|entry| &*entry.head).collect::<Vec<_>>(), ["-c, --config file", "A, B"]);
        assert_eq!(page.options(), [found[0].clone()]);
        assert!(found[1].body.starts_with("Value: x.\n\nDefault:\n/etc/a.\n"), "{:?}", found[1].body);
        assert_eq!(page.blocks(), ["[a]\n -x\n"]);
        assert!(page.says("Default: /etc/a."));
        assert!(page.entries("NOTHING").is_empty());
        assert_eq!(words("Ic check Op Ar file"), "check [file]");
    }
}
