//! Who is at the other end.

use std::os::fd::AsFd;

use rustix::{net::sockopt::socket_peercred, process::geteuid};

use super::{
    group,
    protocol::{GROUP, Rights},
};
use crate::sys::peer_groups;

/// A process that has connected, as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its user.
    pub user: u32,
    /// Its process number.
    pub process: i32,
    /// What it may do.
    pub rights: Rights,
}

impl Peer {
    /// Asks the kernel who has connected; none if it may do nothing.
    ///
    /// Root and the daemon's own user may do everything, members of the group `knockd` may watch.
    pub(super) fn of(stream: impl AsFd) -> Option<Self> {
        let stream = stream.as_fd();
        let credentials = socket_peercred(stream).ok()?;
        let user = credentials.uid.as_raw();
        let rights = if user == 0 || user == geteuid().as_raw() {
            Rights::All
        } else {
            let group = group::number(GROUP)?;
            let is_member = credentials.gid.as_raw() == group
                || peer_groups::of(stream).is_ok_and(|groups| groups.contains(&group));
            is_member.then_some(Rights::Watch)?
        };
        Some(Self { user, process: credentials.pid.as_raw_nonzero().get(), rights })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn our_own_user_may_do_everything() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!(peer.user, geteuid().as_raw());
        assert_eq!(u32::try_from(peer.process).unwrap(), std::process::id());
        assert_eq!(peer.rights, Rights::All);
    }
}
