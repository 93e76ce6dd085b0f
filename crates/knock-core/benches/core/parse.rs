//! Bytes to a hit.

use divan::{Bencher, black_box};
use etherparse::PacketBuilder;
use knock_core::{hit::Hit, interface::InterfaceIndex, wire::Link};

const SOURCE: [u8; 4] = [192, 0, 2, 7];
const SERVER: [u8; 4] = [192, 0, 2, 1];

/// Frames with Ethernet headers: what captures have, and sockets have without the first 14 bytes.
fn frame(kind: &str) -> Vec<u8> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1]);
    let mut frame = Vec::new();
    let written = match kind {
        "IPv4 UDP" => ethernet.ipv4(SOURCE, SERVER, 64).udp(40000, 7000).write(&mut frame, &[]),
        "IPv4 TCP" => {
            ethernet.ipv4(SOURCE, SERVER, 64).tcp(40000, 7000, 1, 64240).syn().write(&mut frame, &[])
        }
        _ => {
            ethernet.ipv6([0xfd; 16], [0xfe; 16], 64).tcp(40000, 7000, 1, 64240).syn().write(&mut frame, &[])
        }
    };
    assert!(written.is_ok(), "a vector takes all bytes");
    frame
}

#[divan::bench(args = ["IPv4 UDP", "IPv4 TCP", "IPv6 TCP"])]
fn ethernet(bencher: Bencher<'_, '_>, kind: &str) {
    let frame = frame(kind);
    bencher.bench(|| Hit::read(Link::Ethernet, InterfaceIndex(2), black_box(&frame)));
}

#[divan::bench(args = ["IPv4 UDP", "IPv4 TCP", "IPv6 TCP"])]
fn from_the_ip_header(bencher: Bencher<'_, '_>, kind: &str) {
    let frame = frame(kind).split_off(14);
    bencher.bench(|| Hit::read(Link::Raw, InterfaceIndex(2), black_box(&frame)));
}
