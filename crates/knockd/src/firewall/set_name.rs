//! What the sets of a door are called.

use std::fmt::Write;

use knock_core::{config::DoorName, set_address::SetAddress};

use super::ip_version::IpVersion;

/// The name of the set with the sources of one version that are let in at a door: `ssh_ip` and `ssh_ip6`.
///
/// nft(8) can write it, whatever the door is called, and no two doors have the same: what a name in nft can't have is a
/// dot and two hexadecimal digits for each byte, and so is the dot itself. If that is too long for the kernel, two dots
/// and the whole name in an alphabet of 64 stand for it.
pub(super) fn set_name(door: &DoorName, version: IpVersion) -> String {
    let suffix = match version {
        IpVersion::V4 => "_ip",
        IpVersion::V6 => "_ip6",
    };
    let escaped = escaped(door.as_str());
    if escaped.len() + suffix.len() <= SetAddress::LONGEST_NAME {
        return escaped + suffix;
    }
    format!("..{}{suffix}", in_64_letters(door.as_str().as_bytes()))
}

fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for (place, byte) in name.bytes().enumerate() {
        // A name in nft has no digit and no dash in front.
        let may_stand = byte.is_ascii_alphabetic()
            || byte == b'_'
            || place > 0 && (byte.is_ascii_digit() || byte == b'-');
        if may_stand {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text can't fail.
            let _ = write!(escaped, ".{byte:02x}");
        }
    }
    escaped
}

/// Three bytes in four letters (base64url of RFC 4648, section 5, without the padding).
fn in_64_letters(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number =
            three.iter().enumerate().fold(0, |sum, (place, byte)| sum | u32::from(*byte) << (16 - 8 * place));
        for shift in [18, 12, 6, 0].into_iter().take(three.len() + 1) {
            let letter = usize::try_from(number >> shift & 63).ok().and_then(|place| LETTERS.get(place));
            text.extend(letter.map(|letter| char::from(*letter)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn name(door: &str) -> String {
        set_name(&door.parse().unwrap(), IpVersion::V4)
    }

    #[test]
    fn plain_names_stay_what_they_are() {
        assert_eq!(name("ssh"), "ssh_ip");
        assert_eq!(name("my_Door-2"), "my_Door-2_ip");
        assert_eq!(set_name(&"ssh".parse().unwrap(), IpVersion::V6), "ssh_ip6");
    }

    #[test]
    fn others_are_escaped() {
        assert_eq!(name("22"), ".322_ip");
        assert_eq!(name("a b.c"), "a.20b.2ec_ip");
        assert_eq!(name("Tür"), "T.c3.bcr_ip");
        assert_eq!(name("-"), ".2d_ip");
    }

    #[test]
    fn the_longest_names_fit() {
        let long = "ü".repeat(63);
        assert_eq!(name(&long), format!("..{}_ip", "w7zDvMO8".repeat(21)));
        assert!(name(&"a".repeat(127)).starts_with("aaa"));
    }

    proptest! {
        #[test]
        fn no_two_doors_have_the_same(doors in prop::collection::hash_set("[ -~ü]{1,126}", 1..20)) {
            let doors: HashSet<_> = doors.iter().filter_map(|door| door.parse::<DoorName>().ok()).collect();
            let all = || doors.iter().flat_map(|door| IpVersion::ALL.map(|version| set_name(door, version)));
            prop_assert_eq!(all().collect::<HashSet<_>>().len(), 2 * doors.len());
            for name in all() {
                prop_assert!(name.len() <= SetAddress::LONGEST_NAME);
                prop_assert!(!name.starts_with(|first: char| first.is_ascii_digit() || first == '-'));
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)));
            }
        }
    }
}
