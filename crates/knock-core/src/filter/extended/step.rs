//! What a program for the extended machine is written with beside the instructions of classic BPF: steps that the
//! [`translation`](super::translation) spells out.

/// An IPv4 header begins at the operand.
pub(in crate::filter) const V4: u16 = 0x0101;
/// An IPv6 header begins at the operand.
pub(in crate::filter) const V6: u16 = 0x0102;
/// Copies the first [`COPIED`] bytes of the packet; A is 0 if it has as many.
pub(in crate::filter) const COPY: u16 = 0x0106;
/// A is the 32-bit word at the operand in the copy, a multiple of its size like those of the next.
pub(in crate::filter) const COPIED_WORD: u16 = 0x0107;
/// A is the 16-bit word at the operand in the copy.
pub(in crate::filter) const COPIED_HALF: u16 = 0x0108;
/// A is the byte at the operand in the copy.
pub(in crate::filter) const COPIED_BYTE: u16 = 0x0109;
/// The copy begins with an IPv4 header.
pub(in crate::filter) const COPIED_V4: u16 = 0x010a;
/// How long the copy is. For 32 bytes the kernel's function is faster than for other lengths (AMD EPYC: 25 ns, where 20, 36
/// or 40 bytes take up to 50 more, and each load of its own 10 to 15).
pub(in crate::filter) const COPIED: u16 = 32;

/// The source in that header may begin an attempt. X is lost.
pub(in crate::filter) const BEGIN: u16 = 0x0103;
/// Whoever it is may begin an attempt: nobody can tell from the headers that were walked.
pub(in crate::filter) const ANYBODY_BEGINS: u16 = 0x0104;
/// A is 1 if the source in that header may have an attempt under way, and 0 if not. X is lost.
pub(in crate::filter) const ASK: u16 = 0x0105;
