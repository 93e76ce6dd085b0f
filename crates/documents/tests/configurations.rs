//! Every configuration that is shown is one that `knockd --check` finds nothing in.
#![cfg(test)]

use documents::{
    manual::Page,
    markdown::{blocks, documents},
};
use knock_core::config::{self, DIRECTIVES, SectionKind};

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

/// Of the examples the tests of `knock-core` say so.
#[test]
fn the_one_that_packages_bring_is_sound() {
    let text = documents::text("packaging/etc/knockd.conf").unwrap();
    config::read("knockd.conf", text.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let door = text.split("\n#[").nth(1).unwrap().replace("\n#", "\n");
    is_sound("knockd.conf", &format!("[{door}"));
}

/// What the classic daemon knows, so that somebody who goes back has to leave out the rest.
#[test]
fn the_way_back_leaves_out_what_the_classic_daemon_does_not_know() {
    const CLASSIC: [&str; 14] = [
        "UseSyslog",
        "LogFile",
        "PidFile",
        "Interface",
        "Sequence",
        "One_Time_Sequences",
        "Seq_Timeout",
        "TCPFlags",
        "Target",
        "Start_Command",
        "Start_Command_6",
        "Cmd_Timeout",
        "Stop_Command",
        "Stop_Command_6",
    ];
    let page = documents::text("docs/migration.md").unwrap();
    let said = page.split("**The way back**").nth(1).unwrap().split("\n\n").next().unwrap();
    for directive in DIRECTIVES {
        let is_classic = CLASSIC.contains(&directive.name);
        let is_named = said.contains(&format!("`{}`", directive.name));
        let expected = match directive.section() {
            SectionKind::Options => is_classic,
            SectionKind::Door => !is_classic,
        };
        assert_eq!(is_named, expected, "{}", directive.name);
    }
}

fn is_sound(name: &str, text: &str) {
    let checked = config::read(name, text.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let warnings: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{}", warnings.join("\n"));
    assert!(!checked.config.doors.is_empty(), "{name}: {text}");
}
