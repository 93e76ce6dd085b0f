//! A message to the watcher: whatever its bytes, it is an order or none, and an order is written in one way only.
#![no_main]

use knockd::ipc::{LENGTH, Order};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut frame = [0; LENGTH];
    let length = input.len().min(LENGTH);
    frame[..length].copy_from_slice(&input[..length]);
    if let Ok(order) = Order::decode(&frame) {
        assert_eq!(order.encode(), frame, "{order:?}");
    }
});
