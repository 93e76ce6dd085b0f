//! Options of sockets: `getsockopt(2)`, and `packet(7)` for those of `SOL_PACKET`.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
    ptr,
};

/// Types for which all bit patterns are valid.
pub(super) trait Integers {}

impl Integers for u32 {}
impl Integers for libc::tpacket_stats {}

/// What the kernel says of one of the options of packet sockets, in the place of `value`.
pub(super) fn read<T: Integers>(socket: &impl AsFd, name: i32, mut value: T) -> io::Result<T> {
    let mut length: libc::socklen_t = narrow(size_of::<T>())?;
    // SAFETY: the value is valid for writes of its own size, and whatever is written is valid for integers.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            name,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    checked(result).map(|_| value)
}

/// Sets an option of a socket.
pub(super) fn set<T>(socket: &impl AsFd, level: i32, name: i32, value: &T) -> io::Result<()> {
    let length: libc::socklen_t = narrow(size_of::<T>())?;
    let value = ptr::from_ref(value).cast();
    // SAFETY: the value is valid for reads of its own size; a filter's instructions outlive the call in its caller.
    let result = unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, name, value, length) };
    checked(result).map(drop)
}

/// Constants and sizes come from the headers wider than the kernel takes them.
pub(super) fn narrow<W, N: TryFrom<W>>(value: W) -> io::Result<N> {
    N::try_from(value).map_err(|_| io::ErrorKind::InvalidInput.into())
}

pub(super) fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
