//! The documents against the code: what they say of configurations is what the code reads.
#![cfg(test)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use knock_core::config::{self, DIRECTIVES, Directive, SectionKind};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn reference() -> String {
    fs::read_to_string(root().join("docs/configuration.md")).unwrap()
}

/// The documents that people read: those at the root and in `docs`.
fn documents() -> Vec<PathBuf> {
    let files = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = files(root()).chain(files(root().join("docs"))).collect();
    found.retain(|path| path.extension().is_some_and(|kind| kind == "md"));
    found.sort();
    found
}

/// The sections of a text: what stands between headings of this rank, each heading with its body.
fn sections<'a>(text: &'a str, rank: &str) -> Vec<(&'a str, &'a str)> {
    let mark = format!("\n{rank} ");
    text.split(&mark).skip(1).map(|section| section.split_once('\n').unwrap()).collect()
}

/// The entry of a directive as the reference has to begin it: a heading with its names, then its value and default.
fn entry(directive: &Directive) -> (String, String) {
    let names: Vec<_> = directive.names().map(|name| format!("`{name}`")).collect();
    let value = match directive.expects {
        None => "No value: it stands alone.".to_owned(),
        Some(expects) => format!("Value: {expects}."),
    };
    let default = directive.default.map(|default| format!(" Default: `{default}`.")).unwrap_or_default();
    (names.join(", also "), value + &default)
}

#[test]
fn the_reference_has_every_directive_and_no_other() {
    let reference = reference();
    for (chapter, kind) in
        [("Directives of `[options]`", SectionKind::Options), ("Directives of a door", SectionKind::Door)]
    {
        let (_, body) =
            sections(&reference, "##").into_iter().find(|(heading, _)| *heading == chapter).unwrap();
        let said: Vec<_> = sections(body, "###")
            .into_iter()
            .map(|(heading, body)| (heading.to_owned(), body.trim_start().lines().next().unwrap().to_owned()))
            .collect();
        let is_here = |directive: &&Directive| directive.section() == kind;
        let known: Vec<_> = DIRECTIVES.iter().filter(is_here).map(entry).collect();
        assert_eq!(said, known, "{chapter}");
    }
}

#[test]
fn every_configuration_in_the_documents_is_sound() {
    let mut read = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for block in text.split("```knockd.conf\n").skip(1) {
            let (block, _) = block.split_once("```").unwrap();
            let name = path.file_name().unwrap().to_string_lossy();
            let checked =
                config::read(&name, block.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
            let warnings: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
            assert!(warnings.is_empty(), "{}", warnings.join("\n"));
            assert!(!checked.config.doors.is_empty(), "{name}: {block}");
            read += 1;
        }
    }
    assert!(read > 3, "{read} configurations found");
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let mut followed = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.contains(':') {
                continue;
            }
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(file.exists(), "{}: {target}", path.display());
            if !anchor.is_empty() {
                let there = fs::read_to_string(&file).unwrap();
                let found = there.lines().any(|line| line.starts_with('#') && self::anchor(line) == anchor);
                assert!(found, "{}: {target}", path.display());
            }
            followed += 1;
        }
    }
    assert!(followed > 10, "{followed} links found");
}

/// A test is named by the end of its file's path and its name, `` `FILE.rs: NAME` ``; a case or a fuzz target by the end
/// of its file's path.
#[test]
fn every_test_that_the_threat_model_names_exists() {
    let model = fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let files: Vec<_> =
        ["crates", "fuzz/fuzz_targets"].map(|folder| files_below(&root().join(folder))).concat();
    let mut found = 0;
    for named in model.split('`').skip(1).step_by(2) {
        let (end, test) = named.split_once(": ").map_or((named, None), |(end, test)| (end, Some(test)));
        let kind = Path::new(end).extension().unwrap_or_default();
        if kind != "rs" && kind != "case" {
            continue;
        }
        let meant: Vec<_> = files.iter().filter(|path| path.ends_with(end)).collect();
        let [path] = meant[..] else { panic!("{named}: {} files end so: {meant:?}", meant.len()) };
        let is_test = match test {
            Some(test) => has_test(&fs::read_to_string(path).unwrap(), test),
            None => kind == "case" || end.starts_with("fuzz_targets/"),
        };
        assert!(is_test, "docs/threat-model.md names {named}, and there is no such test");
        found += 1;
    }
    assert!(found > 100, "{found} tests named");
}

#[test]
fn a_test_is_what_the_harness_would_run() {
    let text = "#[test]\nfn one() {}\nfn helper() {}\n#[test]\n#[ignore]\nfn asleep() {}\n\
        #[test]\n/// Two.\nfn two(\n) {}\ntrial(\"part::three\", four), trial(\n    \"five\", || helper())";
    for name in ["one", "two", "three", "five"] {
        assert!(has_test(text, name), "{name}");
    }
    for name in ["helper", "asleep", "four", "part::three", "ree", "on"] {
        assert!(!has_test(text, name), "{name}");
    }
}

/// Whether a source has a test of this name: a function marked as one that is not left out, or a trial, which may have
/// the name of its module in front.
fn has_test(text: &str, name: &str) -> bool {
    let is_marked = |before: &str| {
        let own = before.rsplit("fn ").next().unwrap();
        own.contains("#[test]") && !own.contains("#[ignore")
    };
    let function = format!("fn {name}(");
    let is_function = text.match_indices(&function).any(|(place, _)| is_marked(&text[..place]));
    let is_trial = text.split("trial(").skip(1).any(|rest| {
        let called = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
        called.is_some_and(|called| called.rsplit("::").next() == Some(name))
    });
    is_function || is_trial
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// What a heading is called in a link: its words in small letters with hyphens between them.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " _-".contains(*c);
    let name: String = heading.trim_start_matches('#').trim().chars().filter(kept).collect();
    name.to_lowercase().replace(' ', "-")
}
