//! What the kernel calls a network interface.

/// The kernel's number for a network interface (`netdevice(7)`); 0 stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceIndex(pub u32);
