//! What the monitor and the watcher say to each other: small typed messages, one datagram each.
//!
//! Every message is a frame of [`LENGTH`] bytes: its kind, its fields one after the other in little-endian
//! order, and zeros. A reader takes nothing for granted: a frame of another length, an unknown kind, a value out of
//! its range or a byte behind the last field that isn't zero is a [`Malformed`] message, never a guess. What is well
//! formed may still be out of turn, impossible or too much: [`Conduct`] tells.
//!
//! Public so that it can be fuzzed; nothing of it is meant for other programs.

pub mod channel;
mod conduct;
mod frame;
mod order;
pub mod pace;
mod report;
#[cfg(test)]
mod seeds;

pub use self::{
    conduct::{Conduct, Misconduct},
    frame::{Frame, LENGTH, Malformed},
    order::{AddressKind, Order, SocketNumber},
    report::{Load, Report},
};
