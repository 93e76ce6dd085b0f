//! Bytes off the wire, seen through checked views: nothing here can be read that isn't there.
//!
//! A view's constructor verifies every length that its accessors rely on, so that these cannot fail. What the headers
//! claim is held against each other the way a kernel does before it hands a packet on: what it would drop is no hit.
//! Three things are left to it. Checksums, because a captured packet's may be filled in only later, by the network
//! card. The contents of options. And a length that reaches beyond the bytes, which is what a capture's snap length
//! looks like, too.

mod cooked;
mod ethernet;
pub(crate) mod ip;
mod ipv4;
mod ipv6;
mod link;
mod loopback;
mod no_hit;
pub(crate) mod payload;
mod ppp;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod tcp;
pub(crate) mod udp;

pub use link::Link;
pub use no_hit::{Header, NoHit};
