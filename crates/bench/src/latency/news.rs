//! What the kernel tells of its firewall.

use std::{
    io::Read,
    net::Ipv4Addr,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket},
};
use trials::{
    net::Lab,
    trouble::{Outcome, While},
};

/// `1 << (NFNLGRP_NFTABLES - 1)` (`linux/netfilter/nfnetlink.h`).
const NFTABLES: u32 = 1 << 6;

/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM` (`linux/netfilter/nfnetlink.h`, `linux/netfilter/nf_tables.h`).
const ELEMENT_CAME: u16 = 0xa << 8 | 0xc;

/// Hears of every change.
pub(super) struct News(std::fs::File);

impl News {
    /// Of the firewall of a laboratory's server.
    pub(super) fn of(lab: &Lab) -> Outcome<Self> {
        let fd = lab.server().inside(|| {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkNetFilter)
                .while_("opening a socket of netfilter")?;
            bind(fd.as_raw_fd(), &NetlinkAddr::new(0, NFTABLES)).while_("listening to nftables")?;
            Ok(fd)
        })?;
        Ok(Self(fd.into()))
    }

    /// Waits until a source has come into some set; whether one has in time.
    pub(super) fn await_source(&mut self, source: Ipv4Addr, limit: Duration) -> Outcome<bool> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut told = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            if poll(&mut told, left).while_("waiting for news of the firewall")? == 0 {
                return Ok(false);
            }
            let mut buffer = [0; 8192];
            let length = self.0.read(&mut buffer)?;
            if tells_of(buffer.get(..length).unwrap_or_default(), source) {
                return Ok(true);
            }
        }
    }
}

impl AsFd for News {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether this is a message that an element with this address was added; the kind stands in bytes 4 and 5
/// (`struct nlmsghdr` of `linux/netlink.h`).
fn tells_of(message: &[u8], source: Ipv4Addr) -> bool {
    let kind = message.get(4..6).and_then(|kind| kind.try_into().ok()).map(u16::from_ne_bytes);
    kind == Some(ELEMENT_CAME) && message.windows(4).any(|part| part == source.octets())
}
