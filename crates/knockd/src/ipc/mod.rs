//! What the monitor and the watcher say to each other: small typed messages, one datagram each.
//!
//! Every message is a frame of [`frame::LENGTH`] bytes: its kind, its fields one after the other in little-endian
//! order, and zeros. A reader takes nothing for granted: a frame of another length, an unknown kind, a value out of
//! its range or a byte behind the last field that isn't zero is a [`Malformed`] message, never a guess.

pub mod channel;
mod frame;
mod order;
mod report;

pub use self::{
    frame::{LENGTH, Malformed},
    order::{AddressKind, Order, SocketNumber},
    report::Report,
};
