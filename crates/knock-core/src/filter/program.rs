//! A finished program and what it does with a packet.

use super::instruction::Instruction;

/// How many bytes of a packet come through at most, from the IP header or an inner tag on: nothing is read behind the
/// transport header.
///
/// IPv4 needs no more than 120 bytes: two headers of 60 (RFC 791, RFC 9293). For IPv6 there is no such end. What is
/// left beside two tags, the IPv6 header and the longest TCP header are 324 bytes of extension headers, enough for a
/// segment routing header with 19 segments (RFC 8754); with more a packet is no hit, neither a right nor a wrong one.
/// With the 80 bytes that `TPACKET_V2` puts in front (`linux/if_packet.h`) it fills a frame of 512 bytes.
pub const SNAP_LENGTH: u16 = 432;

/// A filter program that the kernel accepts for a packet socket (`SO_ATTACH_FILTER` in socket(7)).
///
/// Its text is one instruction a line, in the manner of `tcpdump -d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(pub(super) Vec<Instruction>);

impl Program {
    /// The most instructions that the kernel takes, `BPF_MAXINSNS` in `linux/bpf_common.h`.
    pub const MAX: usize = 4096;

    /// The instructions, at least one, in the order that the kernel wants them.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}
