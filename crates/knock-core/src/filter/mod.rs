//! The kernel filter made from doors: what no door needs doesn't even wake the daemon.
//!
//! A [`Program`] is classic BPF for a packet socket of the kind `SOCK_DGRAM` that is bound to `ETH_P_ALL`
//! (packet(7)), so that the data begin behind the link header. It takes at least every packet that can be a hit for
//! some door and change something there; the engine decides on what it takes.
//!
//! A door that discards attempts at wrong ports needs every port of the protocols in its sequence, a door that
//! overlooks them only its own.
//!
//! An [`ExactProgram`] is the same for the extended machine. It remembers who has made a first knock, and takes from
//! nobody else what only matters to an attempt.

mod assembler;
mod extended;
mod headers;
mod instruction;
mod listing;
mod needs;
mod program;
mod tree;

pub use self::{
    extended::{ExactProgram, Instruction as ExtendedInstruction, Key, LATENESS, TABLE_BYTES, gate},
    instruction::Instruction,
    needs::{Attention, Families},
    program::{Program, SNAP_LENGTH},
};

use self::{headers::Machine, needs::Needs, tree::Detail};
use crate::door::Door;

/// The program that takes what these doors need and what is to be explained and, as far as possible, nothing else.
///
/// It has at most `limit` instructions, or the fewest that tell flags and addresses apart, always below 500: where the
/// ports are too many, ranges stand for them. Limits above [`Program::MAX`] mean that.
///
/// A kernel that refuses a program with `ENOMEM` has too little `net.core.optmem_max` for it and wants a lower limit.
/// 20,480 bytes, the default of older kernels, hold 2,000 instructions; a program that the socket has already counts
/// until it is gone.
#[must_use]
pub fn program<'a, 'b>(
    doors: impl IntoIterator<Item = &'a Door>,
    attention: impl Into<Attention<'b>>,
    limit: usize,
) -> Program {
    let needs = Needs::of(doors, attention);
    let mut detail = Detail::FINEST;
    loop {
        let instructions = headers::assemble(&needs, detail, Machine::Classic);
        match detail.coarser() {
            Some(coarser) if instructions.len() > limit.min(Program::MAX) => detail = coarser,
            _ => return Program(instructions),
        }
    }
}

/// The same for the extended machine; none if the jumps of every program would be too long, which these doors would have
/// to be very strange for.
///
/// The programs of all sockets that hear the same attempts, and those that follow them, have to share a table and the
/// key.
#[must_use]
pub fn exact_program<'a, 'b>(
    doors: impl IntoIterator<Item = &'a Door>,
    attention: impl Into<Attention<'b>>,
    limit: usize,
    key: &Key,
) -> Option<ExactProgram> {
    let needs = Needs::of(doors, attention);
    let mut detail = Detail::FINEST;
    loop {
        let steps = headers::assemble(&needs, detail, Machine::Extended);
        let program = ExactProgram::new(&steps, key, needs.longest);
        let is_too_long = program.as_ref().is_none_or(|program| program.len() > limit.min(Program::MAX));
        match detail.coarser() {
            Some(coarser) if is_too_long => detail = coarser,
            _ => return program,
        }
    }
}

/// The program that takes everything that can be a hit, whatever the doors are: for those who want to know why one did
/// nothing.
#[must_use]
pub fn any_hit(families: Families) -> Program {
    Program(headers::assemble(&Needs::everything(families), Detail::FINEST, Machine::Classic))
}

#[cfg(test)]
mod interpreter;
#[cfg(test)]
mod tests;
