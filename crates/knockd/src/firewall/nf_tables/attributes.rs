//! Attributes of netlink messages: one after the other, and inside each other.

use netlink_packet_core::{NLA_F_NESTED, NLA_HEADER_SIZE, NlasIterator};

/// Attributes that are being written.
#[derive(Debug, Default)]
pub(in crate::firewall) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(in crate::firewall) fn bytes(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let start = self.begin(kind);
        self.0.extend_from_slice(value);
        self.end(start)
    }

    /// A text, with a zero behind it.
    pub(in crate::firewall) fn text(&mut self, kind: u16, text: &str) -> &mut Self {
        let start = self.begin(kind);
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
        self.end(start)
    }

    /// A number, the most significant byte first as everywhere in `nf_tables`.
    pub(in crate::firewall) fn number(&mut self, kind: u16, number: u32) -> &mut Self {
        self.bytes(kind, &number.to_be_bytes())
    }

    pub(in crate::firewall) fn long_number(&mut self, kind: u16, number: u64) -> &mut Self {
        self.bytes(kind, &number.to_be_bytes())
    }

    /// Attributes inside an attribute.
    pub(in crate::firewall) fn nested(&mut self, kind: u16, write: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.begin(kind | NLA_F_NESTED);
        write(self);
        self.end(start)
    }

    fn begin(&mut self, kind: u16) -> usize {
        let start = self.0.len();
        self.0.extend_from_slice(&[0, 0]);
        self.0.extend_from_slice(&kind.to_ne_bytes());
        start
    }

    fn end(&mut self, start: usize) -> &mut Self {
        // What is too long for an attribute is refused by the kernel: its length is more than there is.
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        if let Some(field) = self.0.get_mut(start..start + 2) {
            field.copy_from_slice(&length.to_ne_bytes());
        }
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
}

/// Attributes that the kernel has sent. Those that nobody asks for don't matter, and what is malformed is not there.
#[derive(Clone, Copy, Debug)]
pub(in crate::firewall) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    pub(in crate::firewall) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// All of them, each with its kind.
    pub(in crate::firewall) fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        NlasIterator::new(self.0).map_while(Result::ok).filter_map(|attribute| {
            let length = usize::from(attribute.length());
            Some((attribute.kind(), attribute.into_inner().get(NLA_HEADER_SIZE..length)?))
        })
    }

    pub(in crate::firewall) fn bytes(self, kind: u16) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    pub(in crate::firewall) fn nested(self, kind: u16) -> Option<Self> {
        self.bytes(kind).map(Self)
    }

    /// The members of a list.
    pub(in crate::firewall) fn list(self, kind: u16) -> impl Iterator<Item = Self> {
        self.bytes(kind).into_iter().flat_map(|list| Self(list).iter().map(|(_, member)| Self(member)))
    }

    pub(in crate::firewall) fn text(self, kind: u16) -> Option<&'a str> {
        let text = self.bytes(kind)?.split(|byte| *byte == 0).next()?;
        std::str::from_utf8(text).ok()
    }

    pub(in crate::firewall) fn number(self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.bytes(kind)?.try_into().ok()?))
    }

    pub(in crate::firewall) fn signed_number(self, kind: u16) -> Option<i32> {
        self.number(kind).map(u32::cast_signed)
    }

    pub(in crate::firewall) fn long_number(self, kind: u16) -> Option<u64> {
        Some(u64::from_be_bytes(self.bytes(kind)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_written_can_be_read() {
        let mut writer = Writer::default();
        writer.text(1, "guard").number(2, 7).nested(3, |list| {
            list.nested(1, |member| {
                member.bytes(1, &[1, 2, 3]);
            });
            list.nested(1, |member| {
                member.long_number(2, 1 << 40);
            });
        });
        let bytes = writer.into_bytes();
        let attributes = Attributes::new(&bytes);
        assert_eq!((attributes.text(1), attributes.number(2)), (Some("guard"), Some(7)));
        let members: Vec<_> = attributes.list(3).collect();
        assert_eq!(members[0].bytes(1), Some(&[1, 2, 3][..]));
        assert_eq!(members[1].long_number(2), Some(1 << 40));
        assert_eq!(attributes.bytes(9), None);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_looked_at(bytes: Vec<u8>) {
            let attributes = Attributes::new(&bytes);
            for (kind, value) in attributes.iter() {
                prop_assert!(value.len() <= bytes.len());
                let _ = (attributes.text(kind), attributes.number(kind), attributes.long_number(kind));
                prop_assert!(attributes.list(kind).count() <= bytes.len());
            }
        }
    }
}
