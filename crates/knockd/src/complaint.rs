//! What is said on standard error, by whichever half has to say it.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Tells who started us; unlike `eprintln!` it survives that nobody listens any more.
pub fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "{what}");
}
