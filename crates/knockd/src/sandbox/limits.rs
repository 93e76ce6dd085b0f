//! What the watcher may use up.

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::sys::signals;

/// How many packet sockets the watcher can hold at once.
pub const MOST_SOCKETS: usize = 250;

/// The highest descriptor is one less: the standard ones, the channel and the alarm, the sockets, and room for those that come
/// before others go.
const DESCRIPTORS: u64 = 256;

/// Lowers the limits; true if all of them are in force.
pub(super) fn lower() -> bool {
    // Where standard error is a file, what the watcher can't write there any more is not worth its life.
    let outlives_full_file = signals::ignore(libc::SIGXFSZ).is_ok();
    let are_lower =
        [(Resource::Nofile, DESCRIPTORS), (Resource::Nproc, 0), (Resource::Core, 0), (Resource::Fsize, 0)]
            .map(|(resource, limit)| {
                setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) }).is_ok()
            })
            .iter()
            .all(|is_lower| *is_lower);
    are_lower && outlives_full_file
}
