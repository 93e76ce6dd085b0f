//! Any text is read or refused, and what is said about it is harmless to a terminal.
#![no_main]

use knock_core::config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let said: Vec<String> = match config::read("knockd.conf", text) {
        Ok(checked) => checked.warnings.iter().map(ToString::to_string).collect(),
        Err(mistakes) => vec![mistakes.to_string()],
    };
    for line in said {
        assert!(line.chars().all(|character| matches!(character, '\n' | '\t') || !character.is_control()));
    }
});
