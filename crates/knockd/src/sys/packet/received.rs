//! What a packet socket gives out.

use knock_core::interface::InterfaceIndex;

/// What came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// How many bytes of the buffer are the packet.
    pub(crate) length: usize,
    /// The interface that it came in on.
    pub(crate) interface: InterfaceIndex,
}
