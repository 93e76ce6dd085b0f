//! Whatever stands in a file, striking out the line in force leads on to the next one until none is left.
#![no_main]

use knock_core::one_time::{MARK, OneTime};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let mut text = text.to_vec();
    let mut read = OneTime::read(&text);
    while let Some(next) = read.next {
        let place = usize::try_from(next.offset).expect("it came from a slice");
        text[place] = MARK;
        let after = OneTime::read(&text);
        assert_eq!(after.left + 1, read.left);
        assert_eq!(after.mistakes, read.mistakes);
        read = after;
    }
    assert_eq!(read.left, 0);
});
