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
