//! Numbers of the kernel's interface, by the names that they have there: `linux/netfilter/nf_tables.h` where nothing else
//! is said.

/// Kinds of messages (`enum nf_tables_msg_types`).
pub(in crate::firewall) mod message {
    pub const NEWTABLE: u8 = 0;
    pub const GETTABLE: u8 = 1;
    pub const DELTABLE: u8 = 2;
    pub const NEWCHAIN: u8 = 3;
    pub const GETCHAIN: u8 = 4;
    pub const DELCHAIN: u8 = 5;
    pub const NEWRULE: u8 = 6;
    pub const GETRULE: u8 = 7;
    pub const DELRULE: u8 = 8;
    pub const NEWSET: u8 = 9;
    pub const GETSET: u8 = 10;
    pub const DELSET: u8 = 11;
    pub const NEWSETELEM: u8 = 12;
    pub const GETSETELEM: u8 = 13;
    pub const DELSETELEM: u8 = 14;
    pub const NEWGEN: u8 = 15;
    pub const GETGEN: u8 = 16;
}

/// In every message that is about something in a table, its attribute 1 is the table's name.
pub(in crate::firewall) const NFTA_TABLE: u16 = 1;

/// `enum nft_table_attributes`.
pub(in crate::firewall) const NFTA_TABLE_FLAGS: u16 = 2;

/// One of them: the chains of the table see no packets (`enum nft_table_flags`).
pub(in crate::firewall) const TABLE_DORMANT: u32 = 0x1;

/// `enum nft_chain_attributes`.
pub(in crate::firewall) mod chain {
    pub const NAME: u16 = 3;
    pub const HOOK: u16 = 4;
    pub const POLICY: u16 = 5;
    pub const TYPE: u16 = 7;
}

/// `enum nft_hook_attributes`.
pub(in crate::firewall) mod hook {
    pub const NUMBER: u16 = 1;
    pub const PRIORITY: u16 = 2;
}

/// `enum nft_rule_attributes`.
pub(in crate::firewall) mod rule {
    pub const CHAIN: u16 = 2;
    pub const HANDLE: u16 = 3;
    pub const EXPRESSIONS: u16 = 4;
    pub const USERDATA: u16 = 7;
}

/// `enum nft_set_attributes`.
pub(in crate::firewall) mod set {
    pub const NAME: u16 = 2;
    pub const FLAGS: u16 = 3;
    pub const KEY_TYPE: u16 = 4;
    pub const KEY_LENGTH: u16 = 5;
    pub const ID: u16 = 10;
    pub const USERDATA: u16 = 13;
}

/// `enum nft_set_flags`.
pub(in crate::firewall) mod set_flag {
    pub const ANONYMOUS: u32 = 0x1;
    pub const CONSTANT: u32 = 0x2;
    pub const INTERVAL: u32 = 0x4;
    pub const MAP: u32 = 0x8;
    pub const TIMEOUT: u32 = 0x10;
}

/// `enum nft_set_elem_list_attributes`.
pub(in crate::firewall) mod elements {
    pub const SET: u16 = 2;
    pub const LIST: u16 = 3;
    pub const SET_ID: u16 = 4;
}

/// `enum nft_set_elem_attributes` and `enum nft_set_elem_flags`.
pub(in crate::firewall) mod element {
    pub const KEY: u16 = 1;
    pub const DATA: u16 = 2;
    pub const FLAGS: u16 = 3;
    pub const TIMEOUT: u16 = 4;
    pub const EXPIRATION: u16 = 5;
    pub const FLAG_INTERVAL_END: u32 = 0x1;
}

/// `enum nft_list_attributes`: one of a list.
pub(in crate::firewall) const NFTA_LIST_ELEM: u16 = 1;

/// `enum nft_data_attributes`.
pub(in crate::firewall) mod data {
    pub const VALUE: u16 = 1;
    pub const VERDICT: u16 = 2;
}

/// `enum nft_verdict_attributes`.
pub(in crate::firewall) mod verdict {
    pub const CODE: u16 = 1;
    pub const CHAIN: u16 = 2;
}

/// `enum nft_expr_attributes`.
pub(in crate::firewall) mod expression {
    pub const NAME: u16 = 1;
    pub const DATA: u16 = 2;
}

/// `enum nft_meta_attributes` and `enum nft_meta_keys`.
pub(in crate::firewall) mod meta {
    pub const DESTINATION: u16 = 1;
    pub const KEY: u16 = 2;
    pub const KEY_PROTOCOL: u32 = 1;
    pub const KEY_IIF: u32 = 4;
    pub const KEY_IIFNAME: u32 = 6;
    pub const KEY_NFPROTO: u32 = 15;
    pub const KEY_L4PROTO: u32 = 16;
    pub const KEY_PKTTYPE: u32 = 19;
}

/// `enum nft_ct_attributes` and `enum nft_ct_keys`.
pub(in crate::firewall) mod ct {
    pub const DESTINATION: u16 = 1;
    pub const KEY: u16 = 2;
    pub const KEY_STATE: u32 = 0;
    pub const KEY_DIRECTION: u32 = 1;
    pub const KEY_STATUS: u32 = 2;
}

/// States of connections as `ct state` loads them: `NF_CT_STATE_BIT(enum ip_conntrack_info)`
/// (`linux/netfilter/nf_conntrack_common.h`), in the order of the host's bytes.
pub(in crate::firewall) mod ct_state {
    pub const ESTABLISHED: u32 = 1 << 1;
    pub const RELATED: u32 = 1 << 2;
    pub const NEW: u32 = 1 << 3;
}

/// `enum nft_payload_attributes` and `enum nft_payload_bases`.
pub(in crate::firewall) mod payload {
    pub const DESTINATION: u16 = 1;
    pub const BASE: u16 = 2;
    pub const OFFSET: u16 = 3;
    pub const LENGTH: u16 = 4;
    pub const BASE_NETWORK: u32 = 1;
    pub const BASE_TRANSPORT: u32 = 2;
}

/// `enum nft_bitwise_attributes`.
pub(in crate::firewall) mod bitwise {
    pub const SOURCE: u16 = 1;
    pub const DESTINATION: u16 = 2;
    pub const LENGTH: u16 = 3;
    pub const MASK: u16 = 4;
    pub const XOR: u16 = 5;
}

/// `enum nft_cmp_attributes` and `enum nft_cmp_ops`.
pub(in crate::firewall) mod cmp {
    pub const SOURCE: u16 = 1;
    pub const OPERATION: u16 = 2;
    pub const DATA: u16 = 3;
    pub const EQUAL: u32 = 0;
    pub const NOT_EQUAL: u32 = 1;
    pub const LESS: u32 = 2;
    pub const AT_MOST: u32 = 3;
    pub const GREATER: u32 = 4;
    pub const AT_LEAST: u32 = 5;
}

/// `enum nft_range_attributes` and `enum nft_range_ops`.
pub(in crate::firewall) mod range {
    pub const SOURCE: u16 = 1;
    pub const OPERATION: u16 = 2;
    pub const FROM: u16 = 3;
    pub const TO: u16 = 4;
    pub const INSIDE: u32 = 0;
}

/// `enum nft_lookup_attributes` and `enum nft_lookup_flags`.
pub(in crate::firewall) mod lookup {
    pub const SET: u16 = 1;
    pub const SOURCE: u16 = 2;
    pub const DESTINATION: u16 = 3;
    pub const SET_ID: u16 = 4;
    pub const FLAGS: u16 = 5;
    pub const FLAG_INVERTED: u32 = 1;
}

/// `enum nft_immediate_attributes`.
pub(in crate::firewall) mod immediate {
    pub const DESTINATION: u16 = 1;
    pub const DATA: u16 = 2;
}

/// `enum nft_registers`: where verdicts go, and the first one for values.
pub(in crate::firewall) mod register {
    pub const VERDICT: u32 = 0;
    pub const FIRST: u32 = 1;
}

/// Verdicts: `enum nft_verdicts`, and those of linux/netfilter.h.
pub(in crate::firewall) mod verdict_code {
    pub const DROP: i32 = 0;
    pub const ACCEPT: i32 = 1;
    pub const JUMP: i32 = -3;
    pub const GOTO: i32 = -4;
    pub const RETURN: i32 = -5;
    pub const CONTINUE: i32 = -1;
}

/// `enum nft_match_attributes` and `enum nft_target_attributes` (`linux/netfilter/nf_tables_compat.h`): what iptables-nft
/// makes rules of.
pub(in crate::firewall) mod xtables {
    pub const NAME: u16 = 1;
    pub const REVISION: u16 = 2;
    pub const INFO: u16 = 3;
}

/// Where packets to this host pass: `NF_INET_LOCAL_IN` (linux/netfilter.h).
pub(in crate::firewall) const HOOK_INPUT: u32 = 1;

/// Families of tables: `NFPROTO_*` (linux/netfilter.h).
pub(in crate::firewall) mod family {
    pub const UNSPECIFIED: u8 = 0;
    pub const INET: u8 = 1;
    pub const IP: u8 = 2;
    pub const IP6: u8 = 10;
}

/// Types of keys, as nft(8) numbers them: the kernel only keeps them for whoever prints a set. In a concatenation each
/// takes [`BITS`](key_type::BITS).
pub(in crate::firewall) mod key_type {
    pub const IPV4_ADDR: u32 = 7;
    pub const IPV6_ADDR: u32 = 8;
    pub const INET_PROTO: u32 = 12;
    pub const INET_SERVICE: u32 = 13;
    pub const BITS: u32 = 6;
}
