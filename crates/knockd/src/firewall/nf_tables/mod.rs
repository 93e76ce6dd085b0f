//! The kernel's `nf_tables` by netlink: what its messages are made of, and the socket for them.
//!
//! Headers and attributes are read by `netlink-packet-core`.

pub(super) mod attributes;
pub(super) mod batch;
pub(super) mod constants;
pub(super) mod expression;
pub(super) mod message;
pub(super) mod socket;
