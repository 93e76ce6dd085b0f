//! Descriptors that somebody else has left open.

use std::io;

use rustix::stdio;

/// Has no program that we start inherit more than its standard descriptors, whatever we were started with.
pub(crate) fn keep_from_children() {
    // Kernels before 5.11 don't know it (close_range(2)). Our own descriptors are not inherited even there.
    // SAFETY: it takes no pointers and closes nothing; it only marks descriptors.
    let _ = unsafe { libc::close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed()) };
}

/// Closes everything that we were started with but standard input and standard error; standard output is the same as
/// standard error from now on.
///
/// To be called before the program has opened anything itself.
pub(crate) fn keep_two() -> io::Result<()> {
    // Kernels before 5.9 don't know it. What a monitor starts has nothing more by its own care.
    // SAFETY: it takes no pointers. Nothing in this program owns a descriptor from 3 on: it has opened none yet.
    let _ = unsafe { libc::close_range(3, u32::MAX, 0) };
    stdio::dup2_stdout(io::stderr())?;
    Ok(())
}
