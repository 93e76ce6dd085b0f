//! What a configuration needs of the machine and doesn't find there, as far as one can tell without a start.

use std::io;

use knock_core::config::{Config, DoorConfig, Opens};

use super::{
    doors::Doors,
    guard::{Guard, GuardError},
    leftover::leftover,
    listening::{self, ListenError, Listening},
};
use crate::{
    cli::Arguments,
    journal::{self, DirectoryError},
    links::Links,
    settings::Settings,
};

/// What becomes of a door without its file.
const REFUSED: &str = "knockd would not start, and a reload would be refused";

/// What the configuration needs to start and this machine doesn't have now, a line each with what a start or a reload
/// would make of it; and what they would say of one-time files.
#[must_use]
pub fn lacking(arguments: &Arguments, config: &Config) -> Vec<String> {
    let directory = std::env::current_dir().unwrap_or_default();
    let settings = Settings::new(arguments, &config.options, &directory);
    let mut lacking = interfaces(&settings, config);
    lacking.extend(state_directory(&settings, config));
    lacking.extend(one_time_files(Doors::new(directory), config));
    lacking.extend(firewall(config));
    lacking
}

fn interfaces(settings: &Settings, config: &Config) -> Vec<String> {
    let links = match Links::open() {
        Ok(links) => links,
        Err(error) => return vec![error.to_string()],
    };
    let outcome = match (config.options.interface_wait, settings.waits) {
        (_, true) => "knockd would wait for it",
        (Some(_), false) => "knockd would not start",
        (None, false) => {
            "knockd would not start; as a service of systemd, or with InterfaceWait = yes, it would wait for it"
        }
    };
    let refused = Listening::require(settings, &links).err();
    let too_many = refused.filter(|refused| matches!(refused, ListenError::TooMany(_)));
    let missing = listening::missing(&settings.interfaces, &links);
    let missing = missing.map(|missing| format!("{missing}; {outcome}"));
    too_many.iter().map(ToString::to_string).chain(missing).collect()
}

fn state_directory(settings: &Settings, config: &Config) -> Option<String> {
    if !config.doors.iter().any(DoorConfig::closes) {
        return None;
    }
    let error = journal::check_state_directory(&settings.state_dir).err()?;
    Some(match &error {
        DirectoryError::File { error: cause, .. } if is_ours_alone(cause) => error.to_string(),
        _ => format!("{error}; knockd would not start"),
    })
}

fn one_time_files(mut doors: Doors, config: &Config) -> Vec<String> {
    let mut lacking = Vec::new();
    for door in config.doors.iter().filter(|door| door.one_time_file().is_some()) {
        match doors.prepare(vec![door.clone()]) {
            Ok(prepared) => lacking.extend(prepared.into_lines().iter().map(ToString::to_string)),
            Err(unreadable) if is_ours_alone(&unreadable.error) => lacking.push(unreadable.to_string()),
            Err(unreadable) => lacking.push(format!("{unreadable}; {REFUSED}")),
        }
    }
    lacking
}

fn firewall(config: &Config) -> Vec<String> {
    let unopened = Guard::default().prepare(&config.doors).err().map(|error| match error {
        GuardError::Sets(_) => {
            format!("{error}; the door would stay shut after a start, and a reload would be refused")
        }
        // Who may not look can't be told.
        error => error.to_string(),
    });
    let guards = config.doors.iter().any(|door| matches!(door.opens, Opens::Ports(_)));
    let leftover = if guards { None } else { leftover().ok().flatten().map(str::to_owned) };
    unopened.into_iter().chain(leftover).collect()
}

/// Whether it is only that whoever asks has no right, which knockd as root may have.
fn is_ours_alone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use clap::Parser;
    use knock_core::config;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        let arguments = Arguments::parse_from(["knockd", "--check"]);
        lacking(
            &arguments,
            &config::read("f", format!("[options]\nInterface = lo\n{text}").as_bytes()).unwrap().config,
        )
    }

    #[test]
    fn every_one_time_file_is_looked_at_as_a_start_would() {
        let folder = tempfile::tempdir().unwrap();
        let here = |name: &str| folder.path().join(name);
        let door = |name: &str, path: &Path| {
            format!("[{name}]\nOne_Time_Sequences = {}\nCommand = x\n", path.display())
        };
        fs::write(here("c"), "1,2,3\nfoo\n").unwrap();
        fs::write(here("d"), "#1,2,3\n").unwrap();
        let told = told(&["a", "b", "c", "d"].map(|name| door(name, &here(name))).concat());
        assert_eq!(told.len(), 4, "{told:?}");
        for (told, name) in told.iter().zip(["a", "b"]) {
            assert!(told.starts_with(&format!("{name}: cannot read the one-time sequences in /")), "{told}");
            let end = "/a: No such file or directory (os error 2); knockd would not start, and a reload would be refused";
            assert!(told.ends_with(&end.replace("/a", &format!("/{name}"))), "{told}");
        }
        assert!(told[2].contains("line 2 is no sequence and is skipped"), "{told:?}");
        assert_eq!(told[3], "d: no one-time sequence left: the door stays shut");
    }
}
