//! What a program for the extended machine is written with beside the instructions of classic BPF: steps that the
//! [`translation`](super::translation) spells out.

/// An IPv4 header begins at the operand.
pub(in crate::filter) const V4: u16 = 0x0101;
/// An IPv6 header begins at the operand.
pub(in crate::filter) const V6: u16 = 0x0102;
/// The source in that header may begin an attempt. X is lost.
pub(in crate::filter) const BEGIN: u16 = 0x0103;
/// Whoever it is may begin an attempt: nobody can tell from the headers that were walked.
pub(in crate::filter) const ANYBODY_BEGINS: u16 = 0x0104;
/// A is 1 if the source in that header may have an attempt under way, and 0 if not. X is lost.
pub(in crate::filter) const ASK: u16 = 0x0105;
