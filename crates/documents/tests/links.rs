//! What the documents name is there: other documents, tests, manual pages.
#![cfg(test)]

use std::{fs, path::Path};

use documents::{
    files_below,
    markdown::{anchors, documents, links},
    text,
};

#[test]
fn links_between_the_documents_lead_somewhere() {
    let mut followed = 0;
    for path in documents().unwrap() {
        for target in links(&text(&path).unwrap()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.contains(':') {
                continue;
            }
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(file.exists(), "{}: {target}", path.display());
            if !anchor.is_empty() {
                let found = anchors(&text(&file).unwrap()).any(|there| there == anchor);
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
    let model = text("docs/threat-model.md").unwrap();
    let files = ["crates", "fuzz/fuzz_targets"].map(|folder| files_below(folder).unwrap()).concat();
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
