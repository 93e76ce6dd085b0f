//! What both versions of IP say of the bytes that they carry, and of themselves.

/// What an IP packet carries, as far as it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload<'a> {
    /// Its bytes, not one beyond the length in the IP header.
    pub(crate) bytes: &'a [u8],
    /// Whether neither fragmentation nor the capture has cut it.
    pub(crate) whole: bool,
    /// Whether it may be longer than a UDP length can tell, which then is 0 (RFC 2675, section 4).
    pub(crate) jumbo: bool,
}

/// How far bytes that may begin with something else make sense as an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    /// They are no IP packet: a kernel would not take them for one.
    None,
    /// They could be the beginning of an IP packet that a capture has cut.
    Doubtful,
    /// They are an IP packet: an IPv4 header with the right checksum, or IPv6 with all of its payload.
    Full,
}
