//! What sockets can be filtered by.

use std::sync::Arc;

use knock_core::filter::Program;

use super::bpf::Gate;

/// A filter that the kernel can be given for a packet socket.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// Classic BPF, which every kernel knows. It stays what it is.
    Classic(Arc<Program>),
    /// Extended BPF, which remembers who has an attempt under way. What it lets through can change under the sockets that
    /// have it.
    Exact(Arc<Gate>),
}

impl From<Program> for Filter {
    fn from(program: Program) -> Self {
        Self::Classic(Arc::new(program))
    }
}
