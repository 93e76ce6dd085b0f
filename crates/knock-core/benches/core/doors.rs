//! Doors to measure with.

use std::time::Duration;

use knock_core::{
    door::{Door, DoorNumber, FlagRule, WrongPort},
    sequence::Sequence,
};

/// A door with this sequence and nothing particular about it, whose attempts live for 25 seconds.
pub(crate) fn door(number: u32, sequence: Sequence) -> Door {
    Door {
        number: DoorNumber(number),
        sequence,
        timeout: Duration::from_secs(25),
        flags: FlagRule::default(),
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: false,
        after: None,
    }
}
