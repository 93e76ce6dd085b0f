//! The documents against the program: `docs/configuration.md` has the options of `knock`, and no others.
#![cfg(test)]

use std::{fs, path::Path};

use knock::Outcome;

#[test]
fn the_reference_has_every_option_and_no_other() {
    let chapter = chapter();
    let said: Vec<_> = chapter
        .lines()
        .filter(|line| line.starts_with("| `-"))
        .map(|row| row.split('|').nth(1).unwrap().trim().to_owned())
        .collect();
    let help = help();
    let known: Vec<_> = help.lines().filter_map(option).collect();
    assert!(known.len() > 10, "{help}");
    assert_eq!(said, known);
}

#[test]
fn the_reference_has_every_default() {
    let (chapter, help) = (chapter(), help());
    let mut current = String::new();
    let mut found = 0;
    for line in help.lines() {
        current = option(line).unwrap_or(current);
        let Some((_, default)) = line.split_once("[default: ") else { continue };
        let default = default.trim_end_matches(']');
        let row = chapter.lines().find(|row| row.starts_with(&format!("| {current} |"))).unwrap();
        assert!(row.contains(&format!(" {default} if nothing is said")), "{row}");
        found += 1;
    }
    assert_eq!(found, 3, "{help}");
}

/// What the reference says of `knock`.
fn chapter() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let reference = fs::read_to_string(path).unwrap();
    reference.split("\n## `knock`\n").nth(1).unwrap().split("\n## ").next().unwrap().to_owned()
}

fn help() -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = ["knock", "--help"].map(Into::into);
    assert_eq!(knock::run(arguments, &mut out, &mut err), Outcome::Done);
    String::from_utf8(out).unwrap()
}

/// An option as the reference writes it, from its line in the help: `-d, --delay <MS>` is `` `-d`, `--delay MS` ``.
fn option(line: &str) -> Option<String> {
    // What follows the list of options is not indented.
    let line = line.strip_prefix("  ")?.trim_start();
    let names = line.starts_with('-').then(|| line.split("  ").next())??;
    let names: Vec<_> = names.split(", ").map(|name| format!("`{}`", name.replace(['<', '>'], ""))).collect();
    Some(names.join(", "))
}
