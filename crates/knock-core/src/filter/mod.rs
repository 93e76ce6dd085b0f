//! The kernel filter made from doors: what no door needs doesn't even wake the daemon.
//!
//! A [`Program`] is classic BPF for a packet socket of the kind `SOCK_DGRAM` that is bound to `ETH_P_ALL`
//! (packet(7)), so that the data begin behind the link header. It takes at least every packet that can be a hit for
//! some door and change something there; the engine decides on what it takes.
//!
//! A door that discards attempts at wrong ports needs every port of the protocols in its sequence, a door that
//! overlooks them only its own.

mod assembler;
mod headers;
mod instruction;
mod listing;
mod needs;
mod program;
mod tree;

pub use self::{
    instruction::Instruction,
    needs::Families,
    program::{Program, SNAP_LENGTH},
};

use self::{needs::Needs, tree::Detail};
use crate::door::Door;

/// The program that takes what these doors need and, as far as possible, nothing else.
///
/// It has at most `limit` instructions, or the fewest that tell flags and addresses apart, always below 500: where the
/// ports are too many, ranges stand for them. Limits above [`Program::MAX`] mean that.
///
/// A kernel that refuses a program with `ENOMEM` has too little `net.core.optmem_max` for it and wants a lower limit.
/// 20,480 bytes, the default of older kernels, hold 2,000 instructions; a program that the socket has already counts
/// until it is gone.
#[must_use]
pub fn program<'a>(doors: impl IntoIterator<Item = &'a Door>, families: Families, limit: usize) -> Program {
    let needs = Needs::of(doors, families);
    let mut detail = Detail::FINEST;
    loop {
        let instructions = headers::assemble(&needs, detail);
        match detail.coarser() {
            Some(coarser) if instructions.len() > limit.min(Program::MAX) => detail = coarser,
            _ => return Program(instructions),
        }
    }
}

/// The program that takes everything that can be a hit, whatever the doors are: for those who want to know why one did
/// nothing.
#[must_use]
pub fn any_hit(families: Families) -> Program {
    Program(headers::assemble(&Needs::everything(families), Detail::FINEST))
}

#[cfg(test)]
mod interpreter;
#[cfg(test)]
mod tests;
