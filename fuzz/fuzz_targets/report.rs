//! A message to the monitor: whatever its bytes, it is a report or none, and a report is written in one way only.
#![no_main]

use knockd::ipc::{LENGTH, Report};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut frame = [0; LENGTH];
    let length = input.len().min(LENGTH);
    frame[..length].copy_from_slice(&input[..length]);
    if let Ok(report) = Report::decode(&frame) {
        assert_eq!(report.encode(), frame, "{report:?}");
    }
});
