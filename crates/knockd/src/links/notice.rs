//! What one message says about interfaces and addresses.
//!
//! Only the attributes that matter are looked at: one of a driver or a kernel that is newer than this program can't make
//! the rest unreadable.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};

use knock_core::interface::InterfaceIndex;
use netlink_packet_core::{DecodeError, NlasIterator, parse_ip};
use netlink_packet_route::{
    AddressFamily,
    address::{AddressHeader, AddressHeaderFlags},
    link::{LinkFlags, LinkHeader},
};
use thiserror::Error;

use super::link::{Address, State};

/// The lengths of the headers in front of the attributes: `struct ifinfomsg` and `struct ifaddrmsg` (rtnetlink(7)).
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;

/// Something that the kernel says about this host's interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// There is an interface, and this is what it is now.
    Link { index: InterfaceIndex, name: String, state: State, loopback: bool },
    /// An interface is no longer there.
    LinkGone(InterfaceIndex),
    /// An interface has an address and can receive packets for it.
    Address { index: InterfaceIndex, address: Address, broadcast: Option<Ipv4Addr> },
    /// An interface has not got an address, or can't receive packets for it.
    AddressGone { index: InterfaceIndex, address: Address },
}

/// Why a message about the interfaces could not be read.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// The lengths in the message contradict each other.
    #[error("a message about the interfaces is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A message about no interface.
    #[error("a message about the interfaces names none")]
    NoIndex,
    /// An interface without a name.
    #[error("a message about the interface with index {} lacks its name", .0.0)]
    NoName(InterfaceIndex),
    /// An address message without a plausible address.
    #[error("a message about an address of the interface with index {} lacks the address", .0.0)]
    NoAddress(InterfaceIndex),
}

impl Notice {
    /// Reads the payload of a message of type `kind`; none if it is about something else.
    pub(super) fn parse(kind: u16, payload: &[u8]) -> Result<Option<Self>, Unreadable> {
        match kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => link(kind == libc::RTM_NEWLINK, payload),
            libc::RTM_NEWADDR | libc::RTM_DELADDR => address(kind == libc::RTM_NEWADDR, payload),
            _ => Ok(None),
        }
    }
}

fn link(there: bool, payload: &[u8]) -> Result<Option<Notice>, Unreadable> {
    let header = LinkHeader::parse(payload)?;
    // Bridges tell of their ports in the same group; a port that leaves a bridge "is deleted" in that family alone.
    if header.interface_family != AddressFamily::Unspec {
        return Ok(None);
    }
    let index = interface(header.index)?;
    if !there {
        return Ok(Some(Notice::LinkGone(index)));
    }
    let mut name = None;
    for attribute in NlasIterator::new(payload.get(LINK_HEADER..).unwrap_or_default()) {
        let attribute = attribute?;
        if attribute.kind() == libc::IFLA_IFNAME {
            name = attribute
                .value()
                .split(|byte| *byte == 0)
                .next()
                .map(String::from_utf8_lossy)
                .map(Into::into);
        }
    }
    let name = name.filter(|name: &String| !name.is_empty()).ok_or(Unreadable::NoName(index))?;
    let state = match header.flags {
        flags if !flags.contains(LinkFlags::Up) => State::Down,
        flags if !flags.contains(LinkFlags::Running) => State::NoCarrier,
        _ => State::Running,
    };
    Ok(Some(Notice::Link { index, name, state, loopback: header.flags.contains(LinkFlags::Loopback) }))
}

fn address(there: bool, payload: &[u8]) -> Result<Option<Notice>, Unreadable> {
    let header = AddressHeader::parse(payload)?;
    if !matches!(header.family, AddressFamily::Inet | AddressFamily::Inet6) {
        return Ok(None);
    }
    let index = interface(header.index)?;
    let (mut local, mut network, mut broadcast) = (None, None, None);
    for attribute in NlasIterator::new(payload.get(ADDRESS_HEADER..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind() {
            libc::IFA_LOCAL => local = Some(parse_ip(attribute.value())?),
            libc::IFA_ADDRESS => network = Some(parse_ip(attribute.value())?),
            libc::IFA_BROADCAST => broadcast = Some(parse_ip(attribute.value())?),
            _ => {}
        }
    }
    // With a peer, the address proper is "local" and the peer is "address"; without one, IPv6 leaves "local" out
    // (linux/if_addr.h).
    let local = local.or(network).ok_or(Unreadable::NoAddress(index))?;
    let address = match (&header.family, local, network.unwrap_or(local)) {
        (AddressFamily::Inet, IpAddr::V4(local), IpAddr::V4(network)) => {
            Address::v4(local, network, header.prefix_len)
        }
        (AddressFamily::Inet6, IpAddr::V6(local), IpAddr::V6(_)) => Some(Address::v6(local)),
        _ => None,
    };
    let address = address.ok_or(Unreadable::NoAddress(index))?;
    if !there || !receives(header.flags) {
        return Ok(Some(Notice::AddressGone { index, address }));
    }
    let broadcast = match broadcast {
        Some(IpAddr::V4(broadcast)) => Some(broadcast),
        _ => None,
    };
    Ok(Some(Notice::Address { index, address, broadcast }))
}

/// Whether packets to an address with these flags are taken in: not while somebody else may have it (RFC 4862, section
/// 5.4) unless it is used in good faith (RFC 4429), and not when somebody else has it.
fn receives(flags: AddressHeaderFlags) -> bool {
    let unsure =
        flags.contains(AddressHeaderFlags::Tentative) && !flags.contains(AddressHeaderFlags::Optimistic);
    !unsure && !flags.contains(AddressHeaderFlags::Dadfailed)
}

fn interface(index: u32) -> Result<InterfaceIndex, Unreadable> {
    if index == 0 {
        return Err(Unreadable::NoIndex);
    }
    Ok(InterfaceIndex(index))
}
