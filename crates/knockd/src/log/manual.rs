//! The manual page has the lines of the log, each with its level.

use documents::manual::{Entry, Page};

use super::{
    Level, Line, fields, samples,
    sources::{self, Said},
};

/// Lines whose words are those of a value: where, the value as it stands in the code, and the page's entries for them.
const OF_VALUES: [(&str, &str, &[&str]); 9] = [
    (
        "monitor/confinement.rs",
        "lacking",
        &["the process that looks at packets is not fully confined: it WHAT"],
    ),
    (
        "monitor/start.rs",
        "error.to_string()",
        &[
            "another knockd has the control socket PATH; give this one its own (--socket), or none (--socket none)",
            "PATH is there and is no socket: not used as control socket; remove it, or name another (--socket)",
            "cannot make the control socket PATH: WHY",
        ],
    ),
    ("monitor/start.rs", "leftover", &["an earlier knockd has left its guard (table inet knockd): ..."]),
    (
        "monitor/start.rs",
        "doubt",
        &["cannot give the control socket PATH to the group GROUP, it is for root alone: WHY"],
    ),
    ("monitor/start.rs", "warning.brief()", &["FILE:LINE:COLUMN: warning: WHAT"]),
    ("monitor/reload.rs", "warning.brief()", &["FILE:LINE:COLUMN: warning: WHAT"]),
    (
        "monitor/doors.rs",
        "repeated(&door, path, repeat)",
        &["door: FILE: line N repeats the sequence of line N: whoever overhears one can use the other"],
    ),
    (
        "monitor/guard/lookout.rs",
        "obstacle.to_string()",
        &["the chain CHAIN (priority N) drops packets to PORTS by REASON, ..."],
    ),
    (
        "monitor/guard/upkeep.rs",
        "why.to_owned()",
        &[
            "the table inet knockd was removed by PROGRAM",
            "somebody has changed the table inet knockd",
            "cannot follow the changes of the firewall: WHY",
        ],
    ),
];

/// The entries of the page for lines of a level.
struct Diagnostics(Vec<(String, Vec<Entry>)>);

impl Diagnostics {
    fn read() -> Self {
        Self(Page::read("knockd.1").unwrap().subsections("DIAGNOSTICS"))
    }

    /// What to say if the page doesn't have this line.
    fn lack(&self, level: Level, said: &str) -> Option<String> {
        let name = match level {
            // `-D` alone has these.
            Level::Debug => return None,
            Level::Error => "err",
            level => level.name(),
        };
        let of_level = self.0.iter().find(|(title, _)| title.split(' ').nth(1) == Some(name));
        let (_, entries) = of_level.unwrap_or_else(|| panic!("no lines of level {name}"));
        let is_there = entries.iter().any(|Entry { head, .. }| is_meant(head, said));
        (!is_there).then(|| format!("{name}: {said}"))
    }
}

#[test]
fn every_line_stands_on_the_page_under_its_level() {
    let page = Diagnostics::read();
    // Whoever says a text has words of his own.
    let lines = samples::every_event().into_iter().filter(|line| !matches!(line, Line::Text { .. }));
    let missing: Vec<_> = lines.filter_map(|line| page.lack(line.level(), &line.to_string())).collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn there_is_a_sample_of_every_line() {
    let known = include_str!("fields.rs").split("fn event(").nth(1).unwrap().split("\n}\n").next().unwrap();
    let mut known: Vec<_> = known.split('"').skip(1).step_by(2).collect();
    let lines = samples::every_event();
    let mut sampled: Vec<_> = lines.iter().map(fields::event).collect();
    for names in [&mut known, &mut sampled] {
        names.sort_unstable();
        names.dedup();
    }
    assert_eq!(sampled, known);
}

#[test]
fn every_text_in_the_code_stands_on_the_page_under_its_level() {
    let page = Diagnostics::read();
    let mut missing = Vec::new();
    let texts = sources::texts();
    assert!(texts.len() > 30, "{texts:?}");
    for (file, level, said) in texts {
        match said {
            Said::Words(words) => missing.extend(page.lack(level, &words)),
            Said::Value(value) => {
                match OF_VALUES.iter().find(|known| (known.0, known.1) == (&file, &value)) {
                    Some((.., heads)) => {
                        missing.extend(heads.iter().filter_map(|head| page.lack(level, head)));
                    }
                    None => missing.push(format!("{file}: {value} is not in OF_VALUES")),
                }
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn values_have_the_words_that_the_page_has() {
    for (file, value, heads) in OF_VALUES {
        for head in heads {
            let marked = marked(head);
            let longest = marked.split('\0').max_by_key(|words| words.len()).unwrap();
            assert!(sources::have(longest), "{file}: {value}: {longest:?}");
        }
    }
}

/// Whether a line can be what the page has, in which words in capitals, `door` and `...` stand for something.
fn is_meant(head: &str, said: &str) -> bool {
    let marked = marked(head);
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

/// With a letter that no line has where something stands.
fn marked(head: &str) -> String {
    let mut marked = head.replace("...", "\0");
    for word in head.split(|c: char| !c.is_alphanumeric()) {
        let is_in_capitals = !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase());
        if word == "door" || is_in_capitals && !matches!(word, "OPEN" | "SESAME") {
            marked = marked.replacen(word, "\0", 1);
        }
    }
    marked
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
