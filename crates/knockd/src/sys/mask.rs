//! Which signals reach this process: `sigprocmask(2)`.

use std::{io, mem, ptr};

/// Has these signals reach us, whatever we were started with. Children inherit that.
pub(crate) fn unblock(signals: &[i32]) -> io::Result<()> {
    change(libc::SIG_UNBLOCK, signals)
}

/// Keeps these signals from us.
#[cfg(test)]
pub(crate) fn block(signals: &[i32]) -> io::Result<()> {
    change(libc::SIG_BLOCK, signals)
}

fn change(how: i32, signals: &[i32]) -> io::Result<()> {
    // SAFETY: all bit patterns are valid for a signal set, and sigemptyset makes it an empty one.
    let mut set: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: the set is valid for writes.
    unsafe { libc::sigemptyset(&raw mut set) };
    for signal in signals {
        // SAFETY: the set is valid for writes; an unknown number is refused.
        unsafe { libc::sigaddset(&raw mut set, *signal) };
    }
    // SAFETY: the set is valid for reads; the old mask is not asked for.
    let error = unsafe { libc::pthread_sigmask(how, &raw const set, ptr::null_mut()) };
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}
