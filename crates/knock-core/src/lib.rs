//! Port knocking as pure logic.
//!
//! Bytes become a [`Hit`](hit::Hit) ([`hit`], on the packet views of [`wire`]), hits go through the
//! [`Engine`](engine::Engine), which answers with [`Event`](event::Event)s. Beside that way stand the texts that
//! people write ([`config`], [`one_time`]) and the kernel filter made from doors ([`filter`]).
//!
//! Nothing here reads a clock, a file or a socket: time is an argument, and what is to be done is returned.
#![forbid(unsafe_code)]

mod attempts;
mod printable;
mod written;

pub mod config;
pub mod door;
pub mod engine;
pub mod errors;
pub mod event;
pub mod explanation;
pub mod filter;
pub mod hit;
pub mod host;
pub mod interface;
pub mod moment;
pub mod one_time;
pub mod ports;
pub mod sequence;
pub mod set_address;
pub mod wire;
