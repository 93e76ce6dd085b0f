//! Memory that is shared with the kernel: `mmap(2)`.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
    ptr::{self, NonNull},
};

/// Memory of which the kernel has the other end. Unmapped when this value goes.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

impl Mapping {
    /// The first `length` bytes of what a descriptor stands for, to be read and written, never run.
    pub(crate) fn shared(fd: &impl AsFd, length: usize) -> io::Result<Self> {
        Self::new(fd, length, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED)
    }

    /// Mapped in a way that nobody here needs, to see whether it is denied.
    #[cfg(test)]
    pub(crate) fn otherwise(fd: &impl AsFd, protection: i32, flags: i32) -> io::Result<Self> {
        Self::new(fd, 4096, protection, flags)
    }

    fn new(fd: &impl AsFd, length: usize, protection: i32, flags: i32) -> io::Result<Self> {
        let fd = fd.as_fd().as_raw_fd();
        // SAFETY: without an address the kernel chooses one where nothing is.
        let start = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, fd, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { start, length })
    }

    /// Where `length` bytes from `offset` on are, if all of them are within. Valid as long as this value is.
    pub(super) fn at(&self, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(length)?;
        // SAFETY: the end is within the mapping, and so is the offset.
        (end <= self.length).then(|| unsafe { self.start.add(offset) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it is mapped, ours alone, and nobody has a reference into it. It fails for no mapping that there is.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
