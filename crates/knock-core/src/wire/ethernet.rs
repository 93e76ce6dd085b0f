//! Ethernet and the tags of IEEE 802.1Q, and types of what is behind either
//! (<https://www.iana.org/assignments/ieee-802-numbers/ieee-802-numbers.xhtml>).

use super::{
    Header, NoHit,
    ip::{self, Packet},
    payload::Sense,
    ppp,
};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const PPPOE_SESSION: u16 = 0x8864;
/// 802.1Q and 802.1ad, the two that Linux takes for tags (`eth_type_vlan` in `linux/if_vlan.h`).
const TAGS: [u16; 2] = [0x8100, 0x88a8];

/// The IP packet in an Ethernet frame.
#[inline]
pub(crate) fn packet(frame: &[u8]) -> Result<Packet<'_>, NoHit> {
    let (header, rest) = frame.split_first_chunk::<14>().ok_or(NoHit::Truncated(Header::Ethernet))?;
    // A group address, broadcast being one of them. Which address would be ours the frame doesn't tell.
    if header[0] & 1 != 0 {
        return Err(NoHit::NotToUs);
    }
    carried(u16::from_be_bytes([header[12], header[13]]), rest)
}

/// The IP packet in bytes of this type, behind any number of tags.
#[inline]
pub(crate) fn carried(ethertype: u16, bytes: &[u8]) -> Result<Packet<'_>, NoHit> {
    let (ethertype, bytes) = untagged(ethertype, bytes)?;
    match ethertype {
        IPV4 => Packet::v4(bytes),
        IPV6 => Packet::v6(bytes),
        PPPOE_SESSION => ppp::session(bytes),
        _ => Err(NoHit::NotIp),
    }
}

/// The IP packet in what a packet socket calls IP, which may have a tag in front.
///
/// A tag with priority 2 or 3 begins like IPv4 or IPv6, and its type is where these have their total length or flow
/// label. So bytes that name such a type are held against both readings. A sound IP packet is one, whatever its length
/// or label. Where IP makes no sense the tag is read. Between the beginning of an IP packet that a capture cut and a
/// tag with a sound IP packet behind it the tag wins, because the IP packet would have to be a giant or cut within
/// its header, and to hold another by chance; and where both are but cut, nothing can be told.
#[inline]
pub(crate) fn maybe_tagged(bytes: &[u8]) -> Result<Packet<'_>, NoHit> {
    let Some(inner) = behind_tags(bytes) else { return Packet::new(bytes) };
    match (ip::sense(bytes), ip::sense(inner)) {
        (Sense::Full, _) | (Sense::Doubtful, Sense::None) => Packet::new(bytes),
        (Sense::None, _) | (Sense::Doubtful, Sense::Full) => Packet::new(inner),
        (Sense::Doubtful, Sense::Doubtful) => Err(NoHit::Truncated(Header::Ip)),
    }
}

/// What is behind the tags that these bytes may begin with, if it has the version that the last tag tells.
#[inline]
fn behind_tags(bytes: &[u8]) -> Option<&[u8]> {
    let (tag, rest) = bytes.split_first_chunk::<4>()?;
    let (ethertype, inner) = untagged(u16::from_be_bytes([tag[2], tag[3]]), rest).ok()?;
    let version = match ethertype {
        IPV4 => 4,
        IPV6 => 6,
        _ => return None,
    };
    (ip::version(inner) == Some(version)).then_some(inner)
}

/// The type and the bytes behind all tags. Each takes 4 bytes, so that the bytes bound their number.
#[inline]
fn untagged(mut ethertype: u16, mut bytes: &[u8]) -> Result<(u16, &[u8]), NoHit> {
    while TAGS.contains(&ethertype) {
        let ([_, _, high, low], rest) = bytes.split_first_chunk().ok_or(NoHit::Truncated(Header::VlanTag))?;
        ethertype = u16::from_be_bytes([*high, *low]);
        bytes = rest;
    }
    Ok((ethertype, bytes))
}

#[cfg(test)]
mod tests;
