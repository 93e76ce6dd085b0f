//! Packets for the tests of every view.

/// A TCP segment with SYN from 192.0.2.7, port 40000, to 198.51.100.1, port 7000; its sequence number is `0x0102_0304`.
pub(crate) const SYN_4: [u8; 40] = [
    0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0x4e, 0x94, 192, 0, 2, 7, 198, 51, 100, 1, //
    0x9c, 0x40, 0x1b, 0x58, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0,
];

/// The same from `2001:db8::7` to `2001:db8:1::1`.
pub(crate) const SYN_6: [u8; 60] = [
    0x60, 0, 0, 0, 0, 20, 6, 64, //
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, //
    0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, //
    0x9c, 0x40, 0x1b, 0x58, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0,
];

/// An Ethernet header without its type.
pub(crate) const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 7];

/// One part behind the other.
pub(crate) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The bytes with others in their place from `offset` on.
pub(crate) fn changed(bytes: &[u8], offset: usize, others: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[offset..offset + others.len()].copy_from_slice(others);
    bytes
}

/// An IPv4 packet with the checksum that its header of 20 bytes should have.
pub(crate) fn summed(packet: &[u8]) -> Vec<u8> {
    let blank = changed(packet, 10, &[0, 0]);
    let sum: u32 = blank[..20].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    let folded = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    changed(&blank, 10, &(!folded).to_be_bytes())
}
