//! The instructions of classic BPF, as the kernel takes them.

/// One instruction, laid out as `struct sock_filter` (`linux/filter.h`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// In a conditional jump, how many instructions to skip if the condition holds.
    pub jt: u8,
    /// In a conditional jump, how many instructions to skip if it doesn't hold.
    pub jf: u8,
    /// The operand: an offset, a constant, or how many instructions an unconditional jump skips.
    pub k: u32,
}

/// The instructions that our programs are made of: sums of the constants in `linux/bpf_common.h` and `linux/filter.h`.
pub(super) mod code {
    /// `BPF_LD | BPF_W | BPF_ABS`: A is the 32-bit word at `k`.
    pub(in crate::filter) const LOAD_WORD: u16 = 0x20;
    /// `BPF_LD | BPF_H | BPF_ABS`: A is the 16-bit word at `k`.
    pub(in crate::filter) const LOAD_HALF: u16 = 0x28;
    /// `BPF_LD | BPF_B | BPF_ABS`: A is the byte at `k`.
    pub(in crate::filter) const LOAD_BYTE: u16 = 0x30;
    /// `BPF_LD | BPF_H | BPF_IND`: A is the 16-bit word at X + `k`.
    pub(in crate::filter) const LOAD_HALF_AT_X: u16 = 0x48;
    /// `BPF_LD | BPF_B | BPF_IND`: A is the byte at X + `k`.
    pub(in crate::filter) const LOAD_BYTE_AT_X: u16 = 0x50;
    /// `BPF_LDX | BPF_W | BPF_IMM`: X is `k`.
    pub(in crate::filter) const SET_X: u16 = 0x01;
    /// `BPF_LDX | BPF_B | BPF_MSH`: X is four times the lower half of the byte at `k`.
    pub(in crate::filter) const SET_X_TO_IHL: u16 = 0xb1;
    /// `BPF_MISC | BPF_TAX`: X is A.
    pub(in crate::filter) const A_TO_X: u16 = 0x07;
    /// `BPF_MISC | BPF_TXA`: A is X.
    pub(in crate::filter) const X_TO_A: u16 = 0x87;
    /// `BPF_ALU | BPF_ADD | BPF_K`: A grows by `k`.
    pub(in crate::filter) const ADD: u16 = 0x04;
    /// `BPF_ALU | BPF_AND | BPF_K`: A keeps the bits of `k`.
    pub(in crate::filter) const AND: u16 = 0x54;
    /// `BPF_JMP | BPF_JA`: skip `k` instructions.
    pub(in crate::filter) const JUMP: u16 = 0x05;
    /// `BPF_JMP | BPF_JEQ | BPF_K`: whether A is `k`.
    pub(in crate::filter) const IF_EQUAL: u16 = 0x15;
    /// `BPF_JMP | BPF_JGT | BPF_K`: whether A is above `k`.
    pub(in crate::filter) const IF_ABOVE: u16 = 0x25;
    /// `BPF_JMP | BPF_JGE | BPF_K`: whether A is `k` or above.
    pub(in crate::filter) const IF_AT_LEAST: u16 = 0x35;
    /// `BPF_JMP | BPF_JSET | BPF_K`: whether A has a bit of `k`.
    pub(in crate::filter) const IF_ANY_BIT: u16 = 0x45;
    /// `BPF_RET | BPF_K`: take the first `k` bytes of the packet, 0 for dropping it.
    pub(in crate::filter) const RETURN: u16 = 0x06;
}

/// Offsets that stand for what the kernel knows of a packet (`linux/filter.h`).
pub(super) mod ancillary {
    /// `SKF_AD_OFF + SKF_AD_PROTOCOL`: the Ethernet protocol number of what the data begin with.
    pub(in crate::filter) const PROTOCOL: u32 = 0xffff_f000;
    /// `SKF_AD_OFF + SKF_AD_PKTTYPE`: whom the link layer addressed.
    pub(in crate::filter) const PACKET_TYPE: u32 = 0xffff_f004;
}
