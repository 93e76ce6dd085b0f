//! Numbers and addresses in no order that a cache could guess.

use std::net::{IpAddr, Ipv4Addr};

/// The next of so many numbers: a generator modulo 2^32 (Numerical Recipes), its better half scaled to the range.
pub(crate) fn draw(state: &mut u32, numbers: u32) -> u32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    u32::try_from((u64::from(*state) * u64::from(numbers)) >> 32).unwrap_or_default()
}

/// The address of a source with this number.
pub(crate) fn address(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0b00_0000 + number).into()
}
