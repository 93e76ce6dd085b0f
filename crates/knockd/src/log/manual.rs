//! The manual page has the lines of the log, each with its level.

use documents::manual::{Entry, Page};

use super::{Level, Line, samples};

#[test]
fn every_line_stands_on_the_page_under_its_level() {
    let page = Page::read("knockd.1").unwrap();
    let levels = page.subsections("DIAGNOSTICS");
    let mut missing = Vec::new();
    for line in samples::every_event() {
        let name = match line.level() {
            // `-D` alone has these.
            Level::Debug => continue,
            // Whoever says these has words of his own.
            _ if matches!(line, Line::Text { .. }) => continue,
            Level::Error => "err",
            level => level.name(),
        };
        let of_level = levels.iter().find(|(title, _)| title.split(' ').nth(1) == Some(name));
        let (_, entries) = of_level.unwrap_or_else(|| panic!("no lines of level {name}"));
        let said = line.to_string();
        if !entries.iter().any(|Entry { head, .. }| is_meant(head, &said)) {
            missing.push(format!("{name}: {said}"));
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// Whether a line can be what the page has, in which words in capitals and `door` stand for something.
fn is_meant(head: &str, said: &str) -> bool {
    // A letter that no line has marks where something stands.
    let mut marked = head.to_owned();
    for word in head.split(|c: char| !c.is_alphanumeric()) {
        let is_in_capitals = !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase());
        if word == "door" || is_in_capitals && !matches!(word, "OPEN" | "SESAME") {
            marked = marked.replacen(word, "\0", 1);
        }
    }
    let mut between = marked.split('\0');
    let Some(mut rest) = said.strip_prefix(between.next().unwrap_or_default()) else { return false };
    let between: Vec<_> = between.collect();
    let Some((end, between)) = between.split_last() else { return rest.is_empty() };
    for literal in between {
        match rest.split_once(literal) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(end)
}

#[test]
fn words_in_capitals_stand_for_something() {
    for (head, said, meant) in [
        ("IP: door: Stage N", "192.0.2.7: ssh: Stage 12", true),
        ("IP: door: Stage N", "192.0.2.7: ssh: Stages 12", false),
        ("IP: door: OPEN SESAME", "::1: a b: OPEN SESAME", true),
        ("IP: door: OPEN SESAME", "::1: a b: CLOSE SESAME", false),
        ("shutting down", "shutting down", true),
        ("shutting down", "shutting down now", false),
    ] {
        assert_eq!(is_meant(head, said), meant, "{head}: {said}");
    }
}
