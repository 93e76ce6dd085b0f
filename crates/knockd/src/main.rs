//! The port-knock server.
#![forbid(unsafe_code)]

fn main() {}
