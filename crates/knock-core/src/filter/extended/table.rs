//! Who has an attempt under way, as the kernel keeps it.
//!
//! A table of numbers of 32 bits, one array with a single value. Each is the end of a time, in units of 2^30
//! nanoseconds of `CLOCK_BOOTTIME`, until which somebody whose address has this place may have an attempt. What is over
//! stays until it is written anew: nobody has to clear anything.

use std::time::Duration;

/// How many bytes the table has. They are 0 at first.
pub const TABLE_BYTES: u32 = SOURCES + (1 << (PLACE_BITS + 2));

/// Where the places of sources begin. The one in front is everybody's, in a cache line of its own.
pub(in crate::filter) const SOURCES: u32 = 64;

/// How many bits of a source's hash say where its place is. With 2^18 places a hundred sources under way have 4 of
/// 10,000 others taken for one of them.
pub(in crate::filter) const PLACE_BITS: u32 = 18;

/// A unit of time is two to this power of nanoseconds, 1.07 seconds.
pub(in crate::filter) const UNIT: u32 = 30;

/// How long after the kernel the engine may look at a packet, at most. An attempt lives from then on, but the filter
/// counts from when the packet comes in.
///
/// A watcher that keeps its packets waiting for 10 seconds is replaced, which takes at most 30 more, while the sockets of
/// the next one fill.
pub const LATENESS: Duration = Duration::from_secs(60);

/// What keys the hash of sources: random numbers that nobody outside knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u64; 5]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// How many units a source counts as under way after its first knock, if an attempt may live for `longest`.
///
/// It is rounded up, and never so much that an end would not fit into 32 bits while the machine has been up for less
/// than 70 years.
pub(in crate::filter) fn units(longest: Duration) -> i32 {
    let nanos = longest.saturating_add(LATENESS).as_nanos();
    // Two units are begun: the one of the packet and the one of the end.
    i32::try_from((nanos >> UNIT) + 2).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_rounded_up_and_has_an_end() {
        assert_eq!(units(Duration::ZERO), 55 + 2);
        assert_eq!(units(Duration::from_secs(25)), 79 + 2);
        assert_eq!(units(Duration::MAX), i32::MAX);
        assert!(
            Duration::from_nanos(u64::from(u32::MAX - i32::MAX.cast_unsigned()) << UNIT).as_secs()
                > 70 * 365 * 86_400
        );
    }

    #[test]
    fn a_key_is_told_to_nobody() {
        assert_eq!(format!("{:?}", Key([7; 5])), "Key");
    }
}
