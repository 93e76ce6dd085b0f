//! Who lets in.

/// Who lets somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The kernel, which was told to.
    Kernel,
    /// A command, which was started.
    Command,
}
