//! Frames of every link: whatever they hold, reading them ends in a hit or in a reason, and what follows the headers
//! never makes another hit of it.
#![no_main]

use knock_core::{hit::Hit, interface::InterfaceIndex, wire::Link};
use libfuzzer_sys::fuzz_target;

/// How much of a frame is cut off byte by byte: every header that there is fits in.
const CUT: usize = 256;

fuzz_target!(|input: &[u8]| {
    // The first byte picks the link.
    let Some((first, frame)) = input.split_first() else { return };
    let link = Link::ALL[usize::from(*first) % Link::ALL.len()];
    let read = |frame| Hit::read(link, InterfaceIndex(1), frame);
    let Ok(whole) = read(frame) else { return };
    for length in 0..frame.len().min(CUT) {
        if let Ok(cut) = read(&frame[..length]) {
            assert_eq!(cut, whole, "cut to {length} bytes");
        }
    }
});
