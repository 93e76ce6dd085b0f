//! What a netlink socket can be asked to do (`netlink(7)`) and no library asks it.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
    ptr,
};

/// Has the kernel say in its own words what it does not like (`NETLINK_EXT_ACK`), without sending the request back
/// (`NETLINK_CAP_ACK`).
pub(crate) fn explain_refusals(socket: impl AsFd) -> io::Result<()> {
    for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_CAP_ACK] {
        let on: libc::c_int = 1;
        let length = libc::socklen_t::try_from(size_of_val(&on)).map_err(io::Error::other)?;
        let fd = socket.as_fd().as_raw_fd();
        // SAFETY: the value is valid for reads of its own size, and the kernel keeps no pointer to it.
        let result =
            unsafe { libc::setsockopt(fd, libc::SOL_NETLINK, option, ptr::from_ref(&on).cast(), length) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
