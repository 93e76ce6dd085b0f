//! The instructions of extended BPF, as the kernel takes them.

/// One instruction (`struct bpf_insn` in `linux/bpf.h`; RFC 9669).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// What to do.
    pub code: u8,
    /// The register that it is done to, 0-10.
    pub target: u8,
    /// The register that it is done with, 0-10, or what an address means.
    pub source: u8,
    /// In a jump, how many instructions to skip; in an access to memory, where behind the address.
    pub offset: i16,
    /// The operand.
    pub operand: i32,
}

impl Instruction {
    /// The instruction as it lies in memory.
    #[must_use]
    pub fn bytes(self) -> [u8; 8] {
        // Two bit fields of C, which begin at the end of the byte where the machine's numbers begin.
        let registers = if cfg!(target_endian = "little") {
            self.source << 4 | self.target & 0x0f
        } else {
            self.target << 4 | self.source & 0x0f
        };
        let [offset, operand] = [self.offset.into(), self.operand].map(i32::to_ne_bytes);
        let [o0, o1] =
            if cfg!(target_endian = "little") { [offset[0], offset[1]] } else { [offset[2], offset[3]] };
        let [i0, i1, i2, i3] = operand;
        [self.code, registers, o0, o1, i0, i1, i2, i3]
    }
}

/// The instructions that our programs are made of: sums of the constants in `linux/bpf_common.h` and `linux/bpf.h`.
pub(in crate::filter) mod code {
    // Loads from the packet into register 0. A packet that doesn't have what is asked for is dropped.

    /// `BPF_LD | BPF_W | BPF_ABS`: the 32-bit word at the operand.
    pub(in crate::filter) const PACKET_WORD: u8 = 0x20;
    /// `BPF_LD | BPF_H | BPF_ABS`: the 16-bit word at the operand.
    pub(in crate::filter) const PACKET_HALF: u8 = 0x28;
    /// `BPF_LD | BPF_B | BPF_ABS`: the byte at the operand.
    pub(in crate::filter) const PACKET_BYTE: u8 = 0x30;
    /// `BPF_LD | BPF_W | BPF_IND`: the 32-bit word at source + operand.
    pub(in crate::filter) const PACKET_WORD_AT: u8 = 0x40;
    /// `BPF_LD | BPF_H | BPF_IND`: the 16-bit word at source + operand.
    pub(in crate::filter) const PACKET_HALF_AT: u8 = 0x48;
    /// `BPF_LD | BPF_B | BPF_IND`: the byte at source + operand.
    pub(in crate::filter) const PACKET_BYTE_AT: u8 = 0x50;

    /// `BPF_LD | BPF_DW | BPF_IMM`: target is a number of 64 bits, the upper half in the next instruction's operand.
    pub(in crate::filter) const SET_WIDE: u8 = 0x18;
    /// `BPF_LDX | BPF_W | BPF_MEM`: target is the 32-bit word at source + offset.
    pub(in crate::filter) const LOAD_WORD: u8 = 0x61;
    /// `BPF_LDX | BPF_H | BPF_MEM`: target is the 16-bit word at source + offset.
    pub(in crate::filter) const LOAD_HALF: u8 = 0x69;
    /// `BPF_LDX | BPF_B | BPF_MEM`: target is the byte at source + offset.
    pub(in crate::filter) const LOAD_BYTE: u8 = 0x71;
    /// `BPF_STX | BPF_W | BPF_MEM`: the 32-bit word at target + offset becomes source.
    pub(in crate::filter) const STORE_WORD: u8 = 0x63;
    /// `BPF_ALU | BPF_END | BPF_TO_BE`: as many bits of target as the operand says, in the order of the network.
    pub(in crate::filter) const FROM_NETWORK: u8 = 0xdc;
    /// `BPF_ALU | BPF_MOV | BPF_K`
    pub(in crate::filter) const SET: u8 = 0xb4;
    /// `BPF_ALU | BPF_ADD | BPF_K`
    pub(in crate::filter) const ADD: u8 = 0x04;
    /// `BPF_ALU | BPF_AND | BPF_K`
    pub(in crate::filter) const AND: u8 = 0x54;
    /// `BPF_ALU | BPF_LSH | BPF_K`
    pub(in crate::filter) const SHIFT_LEFT: u8 = 0x64;
    /// `BPF_ALU64 | BPF_MOV | BPF_X`
    pub(in crate::filter) const COPY: u8 = 0xbf;
    /// `BPF_ALU64 | BPF_ADD | BPF_K`
    pub(in crate::filter) const ADD_WIDE: u8 = 0x07;
    /// `BPF_ALU64 | BPF_ADD | BPF_X`
    pub(in crate::filter) const ADD_REGISTER: u8 = 0x0f;
    /// `BPF_ALU64 | BPF_MUL | BPF_X`
    pub(in crate::filter) const MULTIPLY: u8 = 0x2f;
    /// `BPF_ALU64 | BPF_RSH | BPF_K`
    pub(in crate::filter) const SHIFT_RIGHT_WIDE: u8 = 0x77;
    /// `BPF_JMP | BPF_JA`
    pub(in crate::filter) const JUMP: u8 = 0x05;
    /// `BPF_JMP | BPF_CALL`: the function whose number is the operand; what it returns is in register 0.
    pub(in crate::filter) const CALL: u8 = 0x85;
    /// `BPF_JMP | BPF_EXIT`: ends with register 0.
    pub(in crate::filter) const EXIT: u8 = 0x95;

    // Jumps by the lower 32 bits, with `BPF_JMP32` (Linux 5.1).

    /// `BPF_JEQ | BPF_K`
    pub(in crate::filter) const IF_EQUAL: u8 = 0x16;
    /// `BPF_JNE | BPF_K`
    pub(in crate::filter) const IF_NOT_EQUAL: u8 = 0x56;
    /// `BPF_JGT | BPF_K`
    pub(in crate::filter) const IF_ABOVE: u8 = 0x26;
    /// `BPF_JLE | BPF_K`
    pub(in crate::filter) const IF_AT_MOST: u8 = 0xb6;
    /// `BPF_JGE | BPF_K`
    pub(in crate::filter) const IF_AT_LEAST: u8 = 0x36;
    /// `BPF_JLT | BPF_K`
    pub(in crate::filter) const IF_BELOW: u8 = 0xa6;
    /// `BPF_JSET | BPF_K`
    pub(in crate::filter) const IF_ANY_BIT: u8 = 0x46;
    /// `BPF_JGT | BPF_X`
    pub(in crate::filter) const IF_ABOVE_REGISTER: u8 = 0x2e;
    /// `BPF_JGE | BPF_X`
    pub(in crate::filter) const IF_AT_LEAST_REGISTER: u8 = 0x3e;
}

/// What [`code::SET_WIDE`] sets, by its source.
pub(in crate::filter) mod wide {
    /// The number itself.
    pub(in crate::filter) const NUMBER: u8 = 0;
    /// `BPF_PSEUDO_MAP_FD`: a table; the operand is its descriptor.
    pub(in crate::filter) const TABLE: u8 = 1;
    /// `BPF_PSEUDO_MAP_VALUE`: where in memory the value of an array with one value is; the operand is the array's
    /// descriptor, the next instruction's operand where in the value (Linux 5.2).
    pub(in crate::filter) const PLACE_IN_VALUE: u8 = 2;
}

/// Functions of the kernel, by their numbers in `linux/bpf.h`.
pub(in crate::filter) mod function {
    /// `bpf_ktime_get_boot_ns`: `CLOCK_BOOTTIME` in nanoseconds (Linux 5.8).
    pub(in crate::filter) const CLOCK: i32 = 125;
    /// `bpf_skb_load_bytes`: copies so many bytes as register 4 says from the place in the packet that register 2 says to
    /// the address in register 3, and returns 0, if the packet described by register 1 has as many.
    pub(in crate::filter) const COPY_PACKET: i32 = 26;
    /// `bpf_tail_call`: goes on with the program in slot register 3 of the table in register 2, and does not come back;
    /// without such a program nothing happens.
    pub(in crate::filter) const GO_ON: i32 = 12;
}

/// Where the fields of a packet's description are (`struct __sk_buff` in `linux/bpf.h`).
pub(in crate::filter) mod field {
    /// Whom the link layer addressed.
    pub(in crate::filter) const PACKET_TYPE: i16 = 4;
    /// The Ethernet protocol number, in the order of the network.
    pub(in crate::filter) const PROTOCOL: i16 = 16;
}
