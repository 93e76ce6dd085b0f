//! Descriptors that somebody else has left open.

/// Has no program that we start inherit more than its standard descriptors, whatever we were started with.
pub(crate) fn keep_from_children() {
    // Kernels before 5.11 don't know it (close_range(2)). Our own descriptors are not inherited even there.
    // SAFETY: it takes no pointers and closes nothing; it only marks descriptors.
    let _ = unsafe { libc::close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed()) };
}
