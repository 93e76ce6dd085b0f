//! The system calls that no library wraps for us, and with them all of our unsafe code.

#[cfg(test)]
pub(crate) mod allocations;
pub(crate) mod bpf;
pub(crate) mod descriptors;
pub(crate) mod filter;
pub(crate) mod forbidden;
pub(crate) mod mapping;
pub(crate) mod mask;
pub(crate) mod netlink;
pub(crate) mod packet;
pub(crate) mod peer_groups;
pub(crate) mod signals;
pub(crate) mod slice;
