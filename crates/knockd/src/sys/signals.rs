//! What becomes of signals: `signal(2)`.

use std::{io, mem, ptr};

/// Has the kernel drop this signal (`signal(7)`) from now on, instead of ending the process.
///
/// Fails for those that can't be ignored, `SIGKILL` and `SIGSTOP`, and for what is no signal.
pub(crate) fn ignore(signal: i32) -> io::Result<()> {
    set(signal, libc::SIG_IGN)
}

/// Has this signal do from now on what it does by itself (`signal(7)`), whatever we were started with or a library has
/// arranged.
///
/// Fails for `SIGKILL` and `SIGSTOP`, with which nothing else can be done, and for what is no signal.
pub(crate) fn leave_alone(signal: i32) -> io::Result<()> {
    set(signal, libc::SIG_DFL)
}

/// Whether the kernel drops this signal. Nobody can tell of what is no signal, or one that the C library keeps for itself.
pub(crate) fn is_ignored(signal: i32) -> bool {
    // SAFETY: all bit patterns are valid for this structure of integers.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: nothing is changed, and the action is valid for writes.
    let result = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    result == 0 && action.sa_sigaction == libc::SIG_IGN
}

fn set(signal: i32, disposition: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: no handler is installed, so no code of ours runs at a time that it isn't made for.
    let before = unsafe { libc::signal(signal, disposition) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_changes_nothing() {
        assert!(!is_ignored(libc::SIGUSR2) && !is_ignored(1000));
        ignore(libc::SIGUSR2).unwrap();
        assert!(is_ignored(libc::SIGUSR2));
        // Would end the tests. Sent to the process it would wait for the main thread, should that be blocking it just now.
        // SAFETY: raise(3) takes no pointers.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR2) }, 0);
        leave_alone(libc::SIGUSR2).unwrap();
        assert!(!is_ignored(libc::SIGUSR2));
    }

    #[test]
    fn what_cannot_be_ignored_is_told() {
        for signal in [libc::SIGKILL, libc::SIGSTOP, 0, 1000] {
            assert!(ignore(signal).is_err(), "{signal}");
            assert!(leave_alone(signal).is_err(), "{signal}");
        }
    }
}
