//! A process, seen through /proc (proc(5)).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::trouble::{Outcome, Trouble, While};

/// What was known of a process when it was looked at; it may have ended since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: i32,
    /// What it calls itself, at most 15 bytes.
    pub name: String,
    /// Whether it has ended and its parent has taken no notice yet.
    pub is_zombie: bool,
    /// Whether it waits for something.
    pub is_asleep: bool,
    /// Whether a signal has stopped it.
    pub is_stopped: bool,
    /// Its parent's number.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
}

impl Process {
    /// All that there are.
    pub fn all() -> Outcome<Vec<Self>> {
        let entries = fs::read_dir("/proc").while_("/proc")?.flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Ok(numbers.filter_map(Self::find).collect())
    }

    /// The one with this number.
    #[must_use]
    pub fn find(id: i32) -> Option<Self> {
        let text = fs::read(format!("/proc/{id}/stat")).ok()?;
        let text = String::from_utf8_lossy(&text);
        let (name, rest) = text.split_once('(')?.1.rsplit_once(") ")?;
        let mut words = rest.split(' ');
        let state = words.next()?;
        let mut number = || words.next()?.parse().ok();
        Some(Self {
            id,
            name: name.to_owned(),
            is_zombie: state == "Z",
            is_asleep: state == "S",
            is_stopped: state == "T",
            parent: number()?,
            group: number()?,
            session: number()?,
        })
    }

    /// Where a link such as `cwd`, `exe` or `fd/1` leads.
    pub fn link(&self, name: &str) -> Outcome<PathBuf> {
        fs::read_link(self.path(name)).while_(self.path(name).display())
    }

    /// Its descriptors and where they lead.
    pub fn descriptors(&self) -> Outcome<BTreeMap<u32, PathBuf>> {
        let entries = fs::read_dir(self.path("fd")).while_(self.path("fd").display())?.flatten();
        let found = entries.filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse().ok()?, fs::read_link(entry.path()).ok()?))
        });
        Ok(found.collect())
    }

    /// A field of its `status`, such as `SigIgn`.
    pub fn status(&self, field: &str) -> Outcome<String> {
        let text = fs::read_to_string(self.path("status")).while_(self.path("status").display())?;
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let value = value.ok_or_else(|| Trouble::new(format!("a process has no {field}:\n{text}")))?;
        Ok(value.trim().to_owned())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Outcome {
        kill(Pid::from_raw(self.id), signal).while_(format!("sending {signal} to {}", self.name))
    }

    /// Its network namespace, if it still runs.
    pub(super) fn network(&self) -> Option<PathBuf> {
        fs::read_link(self.path("ns/net")).ok()
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.id.to_string()).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_among_the_processes() {
        let id = i32::try_from(std::process::id()).unwrap();
        let own = Process::all().unwrap().into_iter().find(|process| process.id == id).unwrap();
        assert!(!own.is_zombie);
        assert_eq!(own.status("Pid").unwrap(), id.to_string());
        assert!(own.descriptors().unwrap().contains_key(&0));
        assert_eq!(own.link("cwd").unwrap(), std::env::current_dir().unwrap());
        assert_eq!(Process::find(i32::MAX), None);
    }
}
