//! What sockets can be filtered by.

use knock_core::filter::{ExactProgram, Program};

use super::bpf::Loaded;

/// A filter that the kernel can be given for a packet socket.
#[derive(Debug, PartialEq)]
pub(crate) enum Filter {
    /// Classic BPF, which every kernel knows.
    Classic(Program),
    /// Extended BPF, which remembers who has an attempt under way.
    Exact(Loaded),
}

impl Filter {
    /// Whether it is this program.
    pub(crate) fn is(&self, wanted: &ExactProgram) -> bool {
        matches!(self, Self::Exact(loaded) if loaded.program == *wanted)
    }
}

impl From<Program> for Filter {
    fn from(program: Program) -> Self {
        Self::Classic(program)
    }
}
