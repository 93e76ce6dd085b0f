//! Where a set of the administrator's own ruleset is.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::printable::is_printable;

/// A set in nftables: its table's family, its table and its name.
///
/// Its text is `FAMILY TABLE NAME`, as nft(8) takes it: `inet filter knock_ssh`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetAddress {
    family: TableFamily,
    table: Box<str>,
    name: Box<str>,
}

impl SetAddress {
    /// The most bytes in the name of a table or a set: one less than `NFT_NAME_MAXLEN`, which counts a byte behind it
    /// (`linux/netfilter/nf_tables.h`).
    pub const LONGEST_NAME: usize = 255;

    /// The family of the table.
    #[must_use]
    pub fn family(&self) -> TableFamily {
        self.family
    }

    /// The name of the table: 1 to [`LONGEST_NAME`](Self::LONGEST_NAME) bytes without blanks.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The name of the set: 1 to [`LONGEST_NAME`](Self::LONGEST_NAME) bytes without blanks.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for SetAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.family, self.table, self.name)
    }
}

/// The families of tables that see packets to this host by their addresses (nft(8), "ADDRESS FAMILIES").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableFamily {
    /// IPv4 alone.
    Ip,
    /// IPv6 alone.
    Ip6,
    /// Both.
    Inet,
}

impl fmt::Display for TableFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
        })
    }
}

/// Why a text does not say where a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SetAddressMistake {
    /// Not three words.
    #[error("a set is named by family, table and set, as in inet filter knock_ssh")]
    Words,
    /// Not a family whose tables see packets by their addresses.
    #[error("the family of a set's table is ip, ip6 or inet")]
    Family,
    /// A name with more than [`SetAddress::LONGEST_NAME`] bytes.
    #[error("the name of a table or a set has at most {} bytes", SetAddress::LONGEST_NAME)]
    TooLong,
    /// A name with something in it that can't be shown.
    #[error("the name of a table or a set has only printable characters")]
    Unprintable,
}

impl FromStr for SetAddress {
    type Err = SetAddressMistake;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_whitespace();
        let (Some(family), Some(table), Some(name), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(SetAddressMistake::Words);
        };
        let family = match family.to_ascii_lowercase().as_str() {
            "ip" => TableFamily::Ip,
            "ip6" => TableFamily::Ip6,
            "inet" => TableFamily::Inet,
            _ => return Err(SetAddressMistake::Family),
        };
        Ok(Self { family, table: checked(table)?, name: checked(name)? })
    }
}

fn checked(name: &str) -> Result<Box<str>, SetAddressMistake> {
    if name.len() > SetAddress::LONGEST_NAME {
        return Err(SetAddressMistake::TooLong);
    }
    if !name.chars().all(is_printable) {
        return Err(SetAddressMistake::Unprintable);
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SetAddress, SetAddressMistake> {
        text.parse()
    }

    #[test]
    fn has_three_words() {
        let set = read("  INET\tfilter  knock_ssh ").unwrap();
        assert_eq!((set.family(), set.table(), set.name()), (TableFamily::Inet, "filter", "knock_ssh"));
        assert_eq!(set.to_string(), "inet filter knock_ssh");
        assert_eq!(read(""), Err(SetAddressMistake::Words));
        assert_eq!(read("filter knock_ssh"), Err(SetAddressMistake::Words));
        assert_eq!(read("inet filter knock ssh"), Err(SetAddressMistake::Words));
    }

    #[test]
    fn is_where_addresses_can_be() {
        for (text, family) in
            [("ip", TableFamily::Ip), ("ip6", TableFamily::Ip6), ("inet", TableFamily::Inet)]
        {
            assert_eq!(read(&format!("{text} t s")).unwrap().family(), family);
            assert_eq!(family.to_string(), text);
        }
        assert_eq!(read("bridge t s"), Err(SetAddressMistake::Family));
    }

    #[test]
    fn has_names_that_the_kernel_takes_and_a_log_can_show() {
        let long = |length| format!("ip t {}", "s".repeat(length));
        assert_eq!(read(&long(255)).unwrap().name().len(), 255);
        assert_eq!(read(&long(256)), Err(SetAddressMistake::TooLong));
        assert_eq!(read("ip t\x1b[2J s"), Err(SetAddressMistake::Unprintable));
    }
}
