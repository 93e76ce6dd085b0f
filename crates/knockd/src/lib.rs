//! The port-knock server: the monitor that acts and the watcher that listens.
#![deny(unsafe_code)]

pub mod limit;
pub mod links;
pub mod log;
