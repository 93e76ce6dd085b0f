//! The documents against the program: `docs/configuration.md` has the options of `knockd`, and no others.
#![cfg(test)]

use std::{fs, path::Path, process::Command};

#[test]
fn the_reference_has_every_option_and_no_other() {
    let reference = reference();
    let chapter = reference.split("\n## `knockd`\n").nth(1).unwrap().split("\n## ").next().unwrap();
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
fn the_reference_has_the_defaults_that_the_help_tells() {
    let reference = reference();
    let help = help();
    for default in ["/etc/knockd.conf", "/var/run/knockd.pid", "eth0"] {
        assert!(help.contains(default), "{default} in {help}");
        assert!(reference.contains(&format!("`{default}`")), "{default}");
    }
}

fn reference() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    fs::read_to_string(path).unwrap()
}

fn help() -> String {
    let help = Command::new(env!("CARGO_BIN_EXE_knockd")).arg("--help").output().unwrap();
    String::from_utf8(help.stdout).unwrap()
}

/// An option as the reference writes it, from its line in the help: `-c, --config <FILE>` is `` `-c`, `--config FILE` ``.
fn option(line: &str) -> Option<String> {
    // What follows the list of options is not indented.
    let line = line.strip_prefix("  ")?.trim_start();
    let names = line.starts_with('-').then(|| line.split("  ").next())??;
    let names: Vec<_> = names.split(", ").map(|name| format!("`{}`", name.replace(['<', '>'], ""))).collect();
    Some(names.join(", "))
}
