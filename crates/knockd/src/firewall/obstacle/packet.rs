//! A packet of which only this is known: it begins a connection from elsewhere to a port of this host.

use std::collections::BTreeMap;

use knock_core::sequence::Protocol;

use super::{
    super::{
        ip_version::IpVersion,
        nf_tables::constants::{cmp, ct, ct_state, family, meta, payload},
    },
    expression::{Expression, Field},
};

/// The most bytes in a value: `NFT_DATA_VALUE_MAXLEN` (`linux/netfilter/nf_tables.h`).
const LONGEST_VALUE: usize = 64;

/// The packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) version: IpVersion,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
}

/// Whether a packet fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fits {
    No,
    Perhaps,
    Yes,
}

impl From<bool> for Fits {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// What is in the registers. What is not there is not known.
#[derive(Debug, Default)]
pub(super) struct Registers(BTreeMap<u32, Value>);

#[derive(Clone, Debug)]
enum Value {
    /// Bytes, of which some are not known.
    Bytes(Vec<Option<u8>>),
    /// An interface, but not the loopback interface.
    Elsewhere,
}

impl Value {
    fn known(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.iter().copied().map(Some).collect())
    }
}

impl Registers {
    /// What is there, if it is known.
    pub(super) fn known(&self, register: u32) -> Option<Vec<u8>> {
        self.bytes(register)?.iter().copied().collect()
    }

    /// Takes a step of a rule, and tells whether this packet goes on.
    pub(super) fn step(&mut self, packet: Packet, expression: &Expression) -> Fits {
        match expression {
            Expression::Load { to, field } => self.put(*to, packet.value(*field)),
            Expression::Set { to, value } => self.put(*to, Some(Value::known(value))),
            Expression::Mask { from, to, mask, xor } => {
                let masked = self.bytes(*from).map(|bytes| {
                    let bytes = bytes.iter().zip(mask).zip(xor);
                    // Nothing is left of what is masked, known or not.
                    bytes.map(|((byte, mask), xor)| {
                        byte.or((*mask == 0).then_some(0)).map(|byte| byte & mask ^ xor)
                    })
                });
                let masked = masked.map(|bytes| Value::Bytes(bytes.collect()));
                self.put(*to, masked)
            }
            Expression::Compare { from, operation, value } => match self.0.get(from) {
                Some(Value::Bytes(bytes)) => compare(bytes, *operation, value),
                Some(Value::Elsewhere) if is_loopback(value) => (*operation == cmp::NOT_EQUAL).into(),
                _ => Fits::Perhaps,
            },
            Expression::Range { from, lowest, highest, inside } => self
                .known(*from)
                .map_or(Fits::Perhaps, |known| ((lowest..=highest).contains(&&known) == *inside).into()),
            Expression::Extension { name, revision, info } => packet.fits(name, *revision, info),
            Expression::Nothing => Fits::Yes,
            // The one who asks looks at these himself.
            Expression::Lookup { .. } | Expression::Decide(_) => Fits::Perhaps,
            Expression::Unknown => {
                self.0.clear();
                Fits::Perhaps
            }
        }
    }

    fn bytes(&self, register: u32) -> Option<&[Option<u8>]> {
        match self.0.get(&register)? {
            Value::Bytes(bytes) => Some(bytes),
            Value::Elsewhere => None,
        }
    }

    fn put(&mut self, register: u32, value: Option<Value>) -> Fits {
        match value {
            Some(value) => drop(self.0.insert(register, value)),
            None => drop(self.0.remove(&register)),
        }
        Fits::Yes
    }
}

impl Packet {
    fn value(self, field: Field) -> Option<Value> {
        let v4 = self.version == IpVersion::V4;
        let bytes = match field {
            Field::Meta(meta::KEY_IIF | meta::KEY_IIFNAME) => return Some(Value::Elsewhere),
            Field::Meta(meta::KEY_NFPROTO) => vec![if v4 { family::IP } else { family::IP6 }],
            Field::Meta(meta::KEY_L4PROTO) => vec![self.protocol_number()],
            // PACKET_HOST (linux/if_packet.h).
            Field::Meta(meta::KEY_PKTTYPE) | Field::Connection(ct::KEY_DIRECTION) => vec![0],
            // ETH_P_IP and ETH_P_IPV6 (linux/if_ether.h).
            Field::Meta(meta::KEY_PROTOCOL) => if v4 { [0x08, 0x00] } else { [0x86, 0xdd] }.to_vec(),
            Field::Connection(ct::KEY_STATE) => ct_state::NEW.to_ne_bytes().to_vec(),
            Field::Connection(ct::KEY_STATUS) => vec![0; 4],
            Field::Header { base, offset, length } => {
                let bytes = (offset..offset.saturating_add(length)).take(LONGEST_VALUE);
                return Some(Value::Bytes(bytes.map(|place| self.byte(base, place)).collect()));
            }
            _ => return None,
        };
        Some(Value::known(&bytes))
    }

    /// A byte of a header, if it is known.
    fn byte(self, base: u32, place: u32) -> Option<u8> {
        let [high, low] = self.port.to_be_bytes();
        match (base, place, self.version) {
            (payload::BASE_TRANSPORT, 2, _) => Some(high),
            (payload::BASE_TRANSPORT, 3, _) => Some(low),
            (payload::BASE_NETWORK, 9, IpVersion::V4) | (payload::BASE_NETWORK, 6, IpVersion::V6) => {
                Some(self.protocol_number())
            }
            _ => None,
        }
    }

    fn protocol_number(self) -> u8 {
        match self.protocol {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
        }
    }

    /// What an extension of iptables says, by the structures that its rules have in the kernel.
    fn fits(self, name: &str, revision: u32, info: &[u8]) -> Fits {
        let known = match name {
            "comment" => Some(Fits::Yes),
            "conntrack" => by_state(revision, info),
            "state" => word(info, 0).map(|states| (u32::from(states) & ct_state::NEW != 0).into()),
            // struct xt_tcp and struct xt_udp (linux/netfilter/xt_tcpudp.h).
            "tcp" if self.protocol == Protocol::Tcp => self.by_ports(info, 8..12),
            "udp" if self.protocol == Protocol::Udp => self.by_ports(info, 8..9),
            "tcp" | "udp" => Some(Fits::No),
            _ => None,
        };
        known.unwrap_or(Fits::Perhaps)
    }

    /// Two source ports, two destination ports, and conditions.
    fn by_ports(self, info: &[u8], conditions: std::ops::Range<usize>) -> Option<Fits> {
        let conditions = info.get(conditions)?;
        if conditions.iter().any(|byte| *byte != 0) {
            return None;
        }
        if !(word(info, 4)?..=word(info, 6)?).contains(&self.port) {
            return Some(Fits::No);
        }
        let from_any = word(info, 0)? == 0 && word(info, 2)? == u16::MAX;
        Some(if from_any { Fits::Yes } else { Fits::Perhaps })
    }
}

/// `struct xt_conntrack_mtinfo1` and later (`linux/netfilter/xt_conntrack.h`), where nothing but the state is asked for.
fn by_state(revision: u32, info: &[u8]) -> Option<Fits> {
    const STATE_ALONE: u16 = 1;
    let (asked, inverted) = (word(info, 146)?, word(info, 148)?);
    let states = if revision == 1 { u16::from(*info.get(150)?) } else { word(info, 150)? };
    let fits = (u32::from(states) & ct_state::NEW != 0) != (inverted & STATE_ALONE != 0);
    (asked == STATE_ALONE && inverted & !STATE_ALONE == 0).then_some(fits.into())
}

/// Two bytes in the order of the host.
fn word(info: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(info.get(at..at + 2)?.try_into().ok()?))
}

fn compare(bytes: &[Option<u8>], operation: u32, value: &[u8]) -> Fits {
    // What is shorter asks for a beginning.
    let bytes = bytes.get(..value.len()).unwrap_or(bytes);
    let Some(known) = bytes.iter().copied().collect::<Option<Vec<_>>>() else {
        let differs = bytes.iter().zip(value).any(|(byte, value)| byte.is_some_and(|byte| byte != *value));
        return match operation {
            cmp::EQUAL if differs => Fits::No,
            cmp::NOT_EQUAL if differs => Fits::Yes,
            _ => Fits::Perhaps,
        };
    };
    let order = known.as_slice().cmp(value);
    match operation {
        cmp::EQUAL => order.is_eq().into(),
        cmp::NOT_EQUAL => order.is_ne().into(),
        cmp::LESS => order.is_lt().into(),
        cmp::AT_MOST => order.is_le().into(),
        cmp::GREATER => order.is_gt().into(),
        cmp::AT_LEAST => order.is_ge().into(),
        _ => Fits::Perhaps,
    }
}

/// Whether this is the index or the name of the loopback interface.
fn is_loopback(value: &[u8]) -> bool {
    value == 1_u32.to_ne_bytes() || value.starts_with(b"lo\0")
}
