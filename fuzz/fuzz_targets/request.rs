//! A line from a client of the control socket: whatever its bytes, it is a request or refused in words, and what it is
//! when it is written again.
#![no_main]

use knockd::control::protocol::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    match Request::decode(line) {
        Ok(request) => assert_eq!(Request::decode(request.encode().as_bytes()), Ok(request)),
        Err(refusal) => assert!(!refusal.text.is_empty()),
    }
});
