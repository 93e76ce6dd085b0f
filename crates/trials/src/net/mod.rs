//! The laboratory: hosts in network namespaces of their own, cables between them, programs that run on them.

mod daemon;
mod lab;
mod log;
mod namespace;
mod process;
mod program;
mod wire;

pub use daemon::{Daemon, Ended, Setup};
pub use lab::Lab;
pub use log::Log;
pub use namespace::Namespace;
pub use process::Process;
pub use program::Program;
pub use wire::Wire;

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a condition is awaited before a test gives up: far longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What is left of these lines without the one that says that the watcher keeps its user, where it has to: the
/// namespace of an ordinary user has no other.
#[must_use]
pub fn without_lack_of_users(text: &str) -> String {
    let users = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_alone = users.split_ascii_whitespace().nth(2) == Some("1");
    let lack = "not fully confined: it keeps the user that knockd was started by";
    let lines = text.split_inclusive('\n').filter(|line| !(is_alone && line.trim_end().ends_with(lack)));
    lines.collect()
}

/// Asks `condition` until it has an answer, or for `limit`.
pub fn await_some<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = condition() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
