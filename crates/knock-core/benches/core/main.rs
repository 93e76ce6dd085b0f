//! What the core's work costs: `cargo bench -p knock-core`, or with a word for those whose name has it.
//!
//! Two figures of one run may be compared, those of two runs hardly: machines are noisy.

mod doors;
mod draw;
mod engine;
mod filter;
mod memory;
mod parse;

fn main() {
    divan::main();
}
