//! The lines of the log that are only a text, as they stand in the code of this crate; for tests.

use std::{fs, path::Path};

use super::Level;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// These words, with a 9 wherever a value stands.
    Words(String),
    /// The text of this expression.
    Value(String),
}

/// All of them outside tests: the file below `src`, the level, and what is said.
pub(super) fn texts() -> Vec<(String, Level, Said)> {
    let of_file = |(name, code): (String, String)| {
        of_code(&code).into_iter().map(move |(level, said)| (name.clone(), level, said)).collect::<Vec<_>>()
    };
    // The log itself only makes such lines.
    files().into_iter().filter(|(name, _)| !name.starts_with("log/")).flat_map(of_file).collect()
}

/// Whether these words stand somewhere in a text of ours, in one piece or over the end of a line.
pub(super) fn have(words: &str) -> bool {
    let core = below(concat!(env!("CARGO_MANIFEST_DIR"), "/../knock-core/src"));
    files().iter().chain(&core).any(|(_, code)| {
        let lines = code.split("\\\n").map(str::trim_start);
        lines.collect::<String>().contains(words)
    })
}

/// The code of this crate outside tests, by the path of its file.
fn files() -> Vec<(String, String)> {
    below(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

fn below(root: &str) -> Vec<(String, String)> {
    let root = Path::new(root);
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                let code = fs::read_to_string(&path).unwrap();
                files.push((name, code.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned()));
            }
        }
    }
    files
}

fn of_code(code: &str) -> Vec<(Level, Said)> {
    let makers =
        [("Line::note(", Level::Info), ("Line::warning(", Level::Warning), ("Line::error(", Level::Error)];
    let calls = makers.into_iter().flat_map(|(maker, level)| {
        code.split(maker).skip(1).map(move |rest| (level, said(rest.trim_start())))
    });
    calls.collect()
}

/// What the argument says that the code goes on with.
fn said(rest: &str) -> Said {
    let literal = rest.strip_prefix("format!(").unwrap_or(rest).trim_start().strip_prefix('"');
    match literal {
        Some(literal) => Said::Words(words(literal)),
        None => Said::Value(expression(rest)),
    }
}

/// The words of a literal up to its end.
fn words(literal: &str) -> String {
    let mut words = String::new();
    let mut rest = literal.chars();
    while let Some(one) = rest.next() {
        match one {
            '"' => break,
            '\\' => rest = rest.as_str().trim_start().chars(),
            '{' => {
                words.push('9');
                rest = rest.as_str().split_once('}').map_or("", |(_, rest)| rest).chars();
            }
            one => words.push(one),
        }
    }
    words
}

/// The expression in front of the bracket that closes the call.
fn expression(rest: &str) -> String {
    let mut depth = 0_usize;
    let is_end = |one: char| {
        match one {
            '(' => depth += 1,
            ')' if depth == 0 => return true,
            ')' => depth -= 1,
            _ => {}
        }
        false
    };
    rest.split(is_end).next().unwrap_or_default().to_owned()
}

#[test]
fn calls_are_read_with_their_words() {
    let code = r#"
        log.say(Line::note("all is well"));
        log.say(Line::warning(format!(
            "no {what}: {} \
             at all", error.count()
        )));
        log.say(Line::error(error.to_string()));
    "#;
    let words = |text: &str| Said::Words(text.to_owned());
    assert_eq!(
        of_code(code),
        [
            (Level::Info, words("all is well")),
            (Level::Warning, words("no 9: 9 at all")),
            (Level::Error, Said::Value("error.to_string()".to_owned())),
        ]
    );
}
