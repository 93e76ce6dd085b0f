//! What becomes of signals.

/// Has a write past the greatest size of files fail, as others do, instead of ending the process.
pub(crate) fn ignore_file_size() {
    // SAFETY: no handler is installed: the kernel drops the signal. It can't fail: the signal exists and may be ignored.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}
