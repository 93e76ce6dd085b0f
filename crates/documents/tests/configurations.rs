//! Every configuration that is shown is one that `knockd --check` finds nothing in.
#![cfg(test)]

use documents::{
    manual::Page,
    markdown::{blocks, documents},
};
use knock_core::config;

#[test]
fn those_in_the_documents_are_sound() {
    let mut read = 0;
    for path in documents().unwrap() {
        let text = documents::text(&path).unwrap();
        for block in blocks(&text, "knockd.conf") {
            is_sound(&path.display().to_string(), block);
            read += 1;
        }
    }
    assert!(read > 3, "{read} configurations found");
}

#[test]
fn those_in_the_manual_are_sound() {
    let page = Page::read("knockd.conf.5").unwrap();
    let shown: Vec<_> = page.blocks().into_iter().filter(|block| block.starts_with('[')).collect();
    assert!(shown.len() > 3, "{shown:?}");
    for block in &shown {
        is_sound("knockd.conf.5", block);
    }
    // All in one file, too: no two have the same sequence or name.
    is_sound("knockd.conf.5", &shown.concat());
}

fn is_sound(name: &str, text: &str) {
    let checked = config::read(name, text.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let warnings: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{}", warnings.join("\n"));
    assert!(!checked.config.doors.is_empty(), "{name}: {text}");
}
