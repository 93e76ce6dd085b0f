//! Programs of extended BPF, which remember who has an attempt under way.

mod gate;
mod instruction;
pub(super) mod step;
mod table;
mod translation;

pub use self::{
    gate::gate,
    instruction::Instruction,
    table::{Key, LATENESS, TABLE_BYTES},
};

use std::time::Duration;

use self::instruction::{code, wide};
use super::instruction::Instruction as Step;

/// An exact filter for a packet socket (`SO_ATTACH_BPF` in socket(7)), of the kind `BPF_PROG_TYPE_SOCKET_FILTER`, with a
/// table of the kind `BPF_MAP_TYPE_ARRAY` (bpf(2)) that has one value of [`TABLE_BYTES`].
///
/// Whatever can begin an attempt it takes, and writes into the table until when its source may have one. Of the rest it
/// takes what can move or end an attempt only from sources that may have one. It needs Linux 5.8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactProgram(Vec<Instruction>);

impl ExactProgram {
    /// What these steps do, where no attempt lives for more than `longest`.
    pub(super) fn new(steps: &[Step], key: &Key, longest: Duration) -> Option<Self> {
        translation::translate(steps, key, table::units(longest)).map(Self)
    }

    /// How many instructions it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The instructions in the order that the kernel wants them, for the table that has this descriptor.
    pub fn instructions(&self, table: i32) -> impl Iterator<Item = Instruction> {
        self.0.iter().map(move |one| match (one.code, one.source) {
            (code::SET_WIDE, wide::PLACE_IN_VALUE) => Instruction { operand: table, ..*one },
            _ => *one,
        })
    }
}

#[cfg(test)]
pub(super) mod interpreter;
