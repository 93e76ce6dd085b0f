//! The frames that fuzzing begins with: one of each kind, in files whose first byte picks the link.

use std::{fs, path::PathBuf};

use super::*;
use crate::wire::{
    Header,
    samples::{MACS, SYN_4, SYN_6, changed, joined},
};

/// An Ethernet frame that ends with these parts, the first of them beginning with its type.
fn ethernet(parts: &[&[u8]]) -> Vec<u8> {
    joined(&[&MACS, &parts.concat()])
}

/// The datagram without payload that goes where [`SYN_4`] goes.
fn datagram() -> Vec<u8> {
    let head = changed(&changed(&SYN_4[..20], 9, &[17]), 2, &[0, 28]);
    joined(&[&head, &[0x9c, 0x40, 0x1b, 0x58, 0, 8, 0, 0]])
}

/// [`SYN_6`] behind one of each extension header.
fn extended() -> Vec<u8> {
    let hop_by_hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let destination = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [44, 0, 4, 0, 0, 0, 0, 0];
    let fragment = [6, 0, 0, 0, 0, 0, 0, 1];
    let headers = [hop_by_hop, destination, routing, fragment].concat();
    joined(&[&SYN_6[..4], &[0, 52, 0], &SYN_6[7..40], &headers, &SYN_6[40..]])
}

/// Every seed: its file's name, its link, its frame, and why it is no hit, if it isn't.
fn seeds() -> Vec<(&'static str, Link, Vec<u8>, Option<NoHit>)> {
    let options = joined(&[&[0x46, 0, 0, 44], &SYN_4[4..20], &[1, 1, 1, 0], &SYN_4[20..]]);
    let sll = |packet_type| [0, packet_type, 0, 1, 0, 6, 2, 0, 0, 0, 0, 7, 0, 0, 0x08, 0];
    let sll2 = [0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 7, 0, 0];
    let arp = [0, 1, 0x08, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 7, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1];
    vec![
        ("ip-4-tcp", Link::Ip, SYN_4.to_vec(), None),
        ("ip-6-tcp", Link::Ip, SYN_6.to_vec(), None),
        ("ip-inner-tag-like-4", Link::Ip, joined(&[&[0x45, 7, 0x08, 0], &SYN_4]), None),
        ("ip-inner-tag-like-6", Link::Ip, joined(&[&[0x60, 7, 0x86, 0xdd], &SYN_6]), None),
        ("raw-4-udp", Link::Raw, datagram(), None),
        ("raw-4-options", Link::Raw, options, None),
        ("raw-4-first-fragment", Link::Raw, changed(&SYN_4, 6, &[0x20, 0]), None),
        ("raw-4-later-fragment", Link::Raw, changed(&SYN_4, 6, &[0, 5]), Some(NoHit::LaterFragment)),
        ("raw-4-icmp", Link::Raw, changed(&SYN_4, 9, &[1]), Some(NoHit::OtherProtocol(1))),
        ("raw-4-cut", Link::Raw, SYN_4[..39].to_vec(), Some(NoHit::Truncated(Header::Tcp))),
        ("raw-6-extensions", Link::Raw, extended(), None),
        ("ethernet-4-tcp", Link::Ethernet, ethernet(&[&[0x08, 0], &SYN_4, &[0; 6]]), None),
        (
            "ethernet-tagged-6",
            Link::Ethernet,
            ethernet(&[&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd], &SYN_6]),
            None,
        ),
        (
            "ethernet-pppoe",
            Link::Ethernet,
            ethernet(&[&[0x88, 0x64, 0x11, 0, 0, 1, 0, 42, 0, 0x21], &SYN_4]),
            None,
        ),
        ("ethernet-arp", Link::Ethernet, ethernet(&[&[0x08, 0x06], &arp]), Some(NoHit::NotIp)),
        ("sll-4", Link::LinuxSll, joined(&[&sll(0), &SYN_4]), None),
        ("sll-4-outgoing", Link::LinuxSll, joined(&[&sll(4), &SYN_4]), Some(NoHit::Outgoing)),
        ("sll2-6", Link::LinuxSll2, joined(&[&sll2, &SYN_6]), None),
        ("null-4", Link::Null, joined(&[&[2, 0, 0, 0], &SYN_4]), None),
        ("loop-6", Link::Null, joined(&[&[0, 0, 0, 30], &SYN_6]), None),
        ("ppp-4", Link::Ppp, joined(&[&[0xff, 0x03, 0x00, 0x21], &SYN_4]), None),
        ("ppp-6-compressed", Link::Ppp, joined(&[&[0x57], &SYN_6]), None),
    ]
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "fuzz", "seeds", "frames"].iter().collect()
}

fn file(link: Link, frame: &[u8]) -> Vec<u8> {
    let number = Link::ALL.iter().position(|other| *other == link).unwrap();
    joined(&[&[u8::try_from(number).unwrap()], frame])
}

#[test]
fn every_seed_reads_as_its_name_says() {
    for (name, link, frame, reason) in seeds() {
        assert_eq!(Hit::read(link, InterfaceIndex(1), &frame).err(), reason, "{name}");
    }
}

#[test]
fn the_files_hold_the_seeds() {
    for (name, link, frame, _) in seeds() {
        let held = fs::read(folder().join(name)).unwrap_or_default();
        assert!(
            held == file(link, &frame),
            "{name} differs: run `cargo test -p knock-core -- --ignored write_the_seeds`"
        );
    }
    assert_eq!(fs::read_dir(folder()).unwrap().count(), seeds().len());
}

#[test]
#[ignore = "writes files of the repository"]
fn write_the_seeds() {
    fs::create_dir_all(folder()).unwrap();
    for (name, link, frame, _) in seeds() {
        fs::write(folder().join(name), file(link, &frame)).unwrap();
    }
}
