//! A log file that somebody else writes.

use std::{fs, path::PathBuf};

use super::{PATIENCE, await_some};
use crate::trouble::{Outcome, Trouble};

/// A log file, which need not exist yet.
#[derive(Clone, Debug)]
pub struct Log(PathBuf);

impl Log {
    /// The one at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its whole lines so far, without the time in brackets that each begins with.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let text = fs::read(&self.0).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| without_time(line).to_owned()).collect()
    }

    /// Waits for a line that is `line`.
    pub fn await_line(&self, line: &str) -> Outcome {
        self.await_that(line, |found| found == line)
    }

    /// Waits for a line that has `part` in it.
    pub fn await_part(&self, part: &str) -> Outcome {
        self.await_that(part, |found| found.contains(part))
    }

    /// Waits until at least `count` lines have `part` in them.
    pub fn await_count(&self, count: usize, part: &str) -> Outcome {
        let found = await_some(PATIENCE, || (self.count(part) >= count).then_some(()));
        found.ok_or_else(|| {
            let lines = self.lines().join("\n");
            Trouble::new(format!("{} lines with {part:?} instead of {count}:\n{lines}", self.count(part)))
        })
    }

    /// How many lines have `part` in them.
    #[must_use]
    pub fn count(&self, part: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(part)).count()
    }

    fn await_that(&self, what: &str, is_it: impl Fn(&str) -> bool) -> Outcome {
        let found = await_some(PATIENCE, || self.lines().iter().any(|line| is_it(line)).then_some(()));
        found
            .ok_or_else(|| Trouble::new(format!("no line {what:?} in the log:\n{}", self.lines().join("\n"))))
    }
}

fn without_time(line: &str) -> &str {
    line.strip_prefix('[').and_then(|line| line.split_once("] ")).map_or(line, |(_, line)| line)
}
