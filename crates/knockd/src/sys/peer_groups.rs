//! The groups of who is at the other end of a Unix socket: `SO_PEERGROUPS` (`linux/include/uapi/asm-generic/socket.h`, from
//! Linux 4.13).

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

/// The most groups that a process has (`NGROUPS_MAX`, `linux/limits.h`).
const MOST: usize = 65536;

/// The supplementary groups that the peer had when it connected.
pub(crate) fn of(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut groups = vec![0_u32; 32];
    loop {
        let size = groups.len() * size_of::<u32>();
        let mut length = libc::socklen_t::try_from(size).unwrap_or(libc::socklen_t::MAX);
        // SAFETY: the buffer is valid for writes of `length` bytes, which says its size, and any bytes are numbers.
        let status = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let count = length as usize / size_of::<u32>();
        if status == 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        // The kernel says how much room it wants.
        if error.raw_os_error() != Some(libc::ERANGE) || count <= groups.len() || count > MOST {
            return Err(error);
        }
        groups.resize(count, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::{fd::AsFd, unix::net::UnixStream};

    use super::*;

    #[test]
    fn they_are_those_of_the_process() {
        let (one, _other) = UnixStream::pair().unwrap();
        let mut groups = of(one.as_fd()).unwrap();
        let mut own: Vec<u32> =
            rustix::process::getgroups().unwrap().iter().map(|group| group.as_raw()).collect();
        groups.sort_unstable();
        own.sort_unstable();
        assert_eq!(groups, own);
    }
}
