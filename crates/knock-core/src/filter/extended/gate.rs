//! The program that stays with a socket for good, in front of the one that filters.

use super::{
    super::SNAP_LENGTH,
    instruction::{Instruction, code, function, wide},
};

/// The instructions of a program that goes on with whichever program is in the only slot of a table of the kind
/// `BPF_MAP_TYPE_PROG_ARRAY` (bpf(2)) that has the descriptor `slots`. As long as there is none it takes everything.
#[must_use]
pub fn gate(slots: i32) -> [Instruction; 6] {
    let one = |code, target, source, operand| Instruction { code, target, source, offset: 0, operand };
    // The description of the packet is in register 1 from the beginning, where the function wants it.
    [
        one(code::SET_WIDE, 2, wide::TABLE, slots),
        one(0, 0, 0, 0),
        one(code::SET, 3, 0, 0),
        one(code::CALL, 0, 0, function::GO_ON),
        one(code::SET, 0, 0, SNAP_LENGTH.into()),
        one(code::EXIT, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form that the kernel's documents give of each instruction (RFC 9669).
    #[test]
    fn it_is_what_an_assembler_makes_of_it() {
        let bytes = gate(9).map(Instruction::bytes).concat();
        if cfg!(target_endian = "little") {
            let snap = SNAP_LENGTH.to_le_bytes();
            let expected: &[u8] = &[
                0x18, 0x12, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // r2 = table 9 ll
                0xb4, 3, 0, 0, 0, 0, 0, 0, // w3 = 0
                0x85, 0, 0, 0, 12, 0, 0, 0, // call 12
                0xb4, 0, 0, 0, snap[0], snap[1], 0, 0, // w0 = SNAP_LENGTH
                0x95, 0, 0, 0, 0, 0, 0, 0, // exit
            ];
            assert_eq!(bytes, expected);
        }
    }
}
