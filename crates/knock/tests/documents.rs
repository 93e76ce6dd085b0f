//! The documents against the program: `docs/configuration.md` has the options of `knock`, and no others;
//! `docs/client.md` the keys of a profile; profiles that are shown anywhere are taken.
#![cfg(test)]

use std::{fs, io::Write, path::Path};

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

#[test]
fn the_page_has_every_key_of_a_profile_and_no_other() {
    let page = document("docs/client.md");
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(|row| row.split('|').nth(1).unwrap());
    let said: Vec<_> = rows.flat_map(|keys| keys.split(", ")).map(str::trim).collect();
    let complaint = complaint_of("[door]\nno-such-key = 1\n");
    let (_, known) = complaint.split_once(", expected one of ").unwrap();
    assert_eq!(said, known.trim().split(", ").collect::<Vec<_>>());
}

#[test]
fn profiles_that_are_shown_are_taken() {
    let mut shown = vec![document("examples/knock.toml"), help()];
    for name in ["README.md", "docs/client.md"] {
        let page = document(name);
        let blocks =
            page.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned());
        shown.extend(blocks);
    }
    assert_eq!(shown.len(), 4);
    for text in &mut shown {
        // In the help it stands among other things.
        let start = text.find("\n  [server]").unwrap_or_default();
        let profiles = text[start..].split("\n\nIts keys").next().unwrap();
        let complaint = complaint_of(profiles);
        assert!(complaint.contains(", which has ") && complaint.contains("server"), "{profiles}{complaint}");
    }
}

/// What is said when a profile is looked for that this configuration hasn't got.
fn complaint_of(config: &str) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(config.as_bytes()).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let path = file.path().display().to_string();
    let arguments = ["knock", "--config", &path, "no such profile"].map(Into::into);
    assert_eq!(knock::run(arguments, &mut out, &mut err, false), Outcome::Usage);
    String::from_utf8(err).unwrap()
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    fs::read_to_string(path).unwrap()
}

/// What the reference says of `knock`.
fn chapter() -> String {
    let reference = document("docs/configuration.md");
    reference.split("\n## `knock`\n").nth(1).unwrap().split("\n## ").next().unwrap().to_owned()
}

fn help() -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = ["knock", "--help"].map(Into::into);
    assert_eq!(knock::run(arguments, &mut out, &mut err, false), Outcome::Done);
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
