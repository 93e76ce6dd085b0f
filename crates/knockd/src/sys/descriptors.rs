//! What is open in this process: `close_range(2)`.

use std::io;

use rustix::stdio;

/// Keeps every open descriptor but the three standard ones from the programs that this process executes from now on.
///
/// Fails on kernels before 5.11, which don't know how.
pub(crate) fn keep_to_ourselves() -> io::Result<()> {
    // SAFETY: the call takes no pointers, and with this flag it closes nothing that this process uses.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes everything that we were started with but standard input and standard error; standard output is the same as
/// standard error from now on.
///
/// To be called before the program has opened anything itself.
pub(crate) fn keep_two() -> io::Result<()> {
    // Kernels before 5.9 don't know it. What a monitor starts has nothing more by its own care.
    // SAFETY: it takes no pointers. Nothing in this program owns a descriptor from 3 on: it has opened none yet.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
    stdio::dup2_stdout(io::stderr())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::io::{FdFlags, dup, fcntl_getfd};

    use super::*;

    #[test]
    fn what_was_left_open_for_programs_is_so_no_more() {
        let open = dup(io::stdin()).unwrap();
        assert!(!fcntl_getfd(&open).unwrap().contains(FdFlags::CLOEXEC));
        keep_to_ourselves().unwrap();
        assert!(fcntl_getfd(&open).unwrap().contains(FdFlags::CLOEXEC));
        assert!(!fcntl_getfd(io::stdin()).unwrap().contains(FdFlags::CLOEXEC));
    }
}
