//! Without a kernel that fills it: a file in memory, to which anything may be written.

use std::{fs::File, mem::offset_of, os::unix::fs::FileExt};

use rustix::fs::{MemfdFlags, memfd_create};

use super::*;

fn size(blocks: u8) -> RingSize {
    RingSize::new(blocks).unwrap()
}

/// A ring of one block and the file that it is.
fn ring() -> (Ring, File) {
    let file = File::from(memfd_create("ring", MemfdFlags::CLOEXEC).unwrap());
    file.set_len(BLOCK as u64).unwrap();
    (Ring::map(&file, size(1)).unwrap(), file)
}

fn lay(file: &File, frame: usize, status: u32, snaplen: u32, mac: u16, packet: &[u8]) {
    let at = |offset: usize| (frame * FRAME + offset) as u64;
    file.write_all_at(&snaplen.to_ne_bytes(), at(8)).unwrap();
    file.write_all_at(&mac.to_ne_bytes(), at(12)).unwrap();
    file.write_all_at(&7_u32.to_ne_bytes(), at(36)).unwrap();
    file.write_all_at(packet, at(80)).unwrap();
    file.write_all_at(&status.to_ne_bytes(), at(0)).unwrap();
}

#[test]
fn fields_are_where_the_header_says() {
    use libc::{sockaddr_ll, tpacket2_hdr};
    assert_eq!(offset_of!(tpacket2_hdr, tp_status), 0);
    assert_eq!(offset_of!(tpacket2_hdr, tp_snaplen), 8);
    assert_eq!(offset_of!(tpacket2_hdr, tp_mac), 12);
    let address = size_of::<tpacket2_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
    assert_eq!(address + offset_of!(sockaddr_ll, sll_ifindex), 36);
    assert_eq!(address + size_of::<sockaddr_ll>(), HEADER);
    let before = (HEADER.next_multiple_of(libc::TPACKET_ALIGNMENT)) + 16;
    assert_eq!(before + usize::from(knock_core::filter::SNAP_LENGTH), FRAME);
}

#[test]
fn packets_are_taken_in_order_round_and_round() {
    let (mut ring, file) = ring();
    let mut buffer = [0; 432];
    for number in 0..300_u32 {
        let frame = number as usize % 128;
        assert_eq!(ring.take(&mut buffer), None);
        // The kernel says more than whose it is: TP_STATUS_VLAN_VALID, here.
        lay(&file, frame, libc::TP_STATUS_USER | 1 << 4, 4, 80, &number.to_ne_bytes());
        assert_eq!(ring.take(&mut buffer), Some(Received { length: 4, interface: InterfaceIndex(7) }));
        assert_eq!(buffer[..4], number.to_ne_bytes());
        let mut status = [1; 4];
        file.read_exact_at(&mut status, (frame * FRAME) as u64).unwrap();
        assert_eq!(status, [0; 4], "given back");
    }
}

#[test]
fn a_frame_that_is_not_ours_is_let_be() {
    let (mut ring, file) = ring();
    lay(&file, 0, 1 << 4, 4, 80, b"left");
    lay(&file, 1, libc::TP_STATUS_USER, 4, 80, b"next");
    assert_eq!(ring.take(&mut [0; 432]), None);
}

#[test]
fn what_is_said_of_a_frame_is_not_believed() {
    let most = 432;
    for (snaplen, mac, length) in [
        (most, 80, 432),
        (most + 1, 80, 0),
        (u32::MAX, 80, 0),
        (0, 80, 0),
        (4, 508, 4),
        (4, 509, 0),
        (4, u16::MAX, 0),
        (u32::MAX, u16::MAX, 0),
        (4, 52, 4),
        (4, 51, 0),
        (4, 0, 0),
    ] {
        let (mut ring, file) = ring();
        lay(&file, 0, u32::MAX, snaplen, mac, b"packet");
        let received = ring.take(&mut [0; 432]).unwrap();
        assert_eq!(received.length, length, "{snaplen} {mac}");
        // And in the last frame, behind which nothing is.
        lay(&file, 127, u32::MAX, snaplen, mac, b"packet");
        ring.next = 127;
        assert_eq!(ring.take(&mut [0; 432]), Some(received));
        assert_eq!(ring.next, 0);
    }
}

#[test]
fn what_does_not_fit_is_cut_off() {
    let (mut ring, file) = ring();
    lay(&file, 0, libc::TP_STATUS_USER, 6, 80, b"packet");
    let mut buffer = *b"....";
    assert_eq!(ring.take(&mut buffer).unwrap().length, 4);
    assert_eq!(&buffer, b"pack");
}

#[test]
fn all_sockets_together_have_a_bound() {
    for (sockets, blocks) in [(0, 48), (1, 48), (5, 48), (6, 42), (16, 16), (250, 1), (1000, 1)] {
        assert_eq!(RingSize::share(sockets), size(blocks), "{sockets}");
    }
    let most =
        (0..=crate::sandbox::MOST_SOCKETS).map(|sockets| sockets * RingSize::share(sockets).bytes()).max();
    assert_eq!(most, Some(16 << 20));
    assert_eq!((RingSize::new(0), RingSize::new(49)), (None, None));
    assert_eq!((size(48).half(), size(1).half()), (Some(size(24)), None));
}
