//! Texts of configuration files and what is made of them.

mod classic;
mod doubts;
mod examples;
mod mistakes;
mod opens;
mod properties;
mod values;

use super::{Checked, Config, DoorConfig, Doubt, Mistakes, Warning, Wrong, read};

fn checked(text: &str) -> Checked {
    read("knockd.conf", text.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn config(text: &str) -> Config {
    checked(text).config
}

/// The only door of a file with these lines in its section, above a sequence and a command.
fn door(lines: &str) -> DoorConfig {
    let mut doors = config(&format!("[d]\nSequence = 7,9,8\nCommand = x\n{lines}")).doors;
    assert_eq!(doors.len(), 1);
    doors.remove(0)
}

fn refused(text: &str) -> Mistakes {
    read("knockd.conf", text.as_bytes()).unwrap_err()
}

/// What is wrong, with line, column and width.
fn wrongs(text: &str) -> Vec<(usize, usize, usize, Wrong)> {
    let at = |mistake: &super::Mistake| {
        let place = mistake.at.place.clone().unwrap();
        (place.line, place.column, place.width, mistake.wrong.clone())
    };
    refused(text).mistakes().iter().map(at).collect()
}

/// The only thing that is wrong with these lines in a door of a sound file.
fn wrong(lines: &str) -> (usize, usize, usize, Wrong) {
    let mut wrongs = wrongs(&format!("[d]\nSequence = 7,9,8\nCommand = x\n{lines}"));
    assert_eq!(wrongs.len(), 1, "{wrongs:?}");
    wrongs.remove(0)
}

/// What is doubtful, with line, column and width.
fn doubts(text: &str) -> Vec<(usize, usize, usize, Doubt)> {
    let at = |warning: &Warning| {
        let place = warning.at.place.clone().unwrap();
        (place.line, place.column, place.width, warning.doubt.clone())
    };
    checked(text).warnings.iter().map(at).collect()
}

/// What is doubtful about these lines in a door that has a sequence and a start command.
fn door_doubts(lines: &str) -> Vec<(usize, usize, usize, Doubt)> {
    doubts(&format!("[d]\nSequence = 7,9,8\nCommand = x\n{lines}"))
}
