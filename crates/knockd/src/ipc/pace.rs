//! How fast a watcher reports, and how fast its monitor believes that one can.
//!
//! A watcher keeps to these rates whatever comes in by the wire. One that reports faster is none of ours any more. What
//! the monitor bears is more than that for two reasons: it reads later than the watcher writes, so that what was written
//! in a long time is read at once; and either may be held up between looking at the clock and acting.

use std::time::Duration;

use crate::limit::Rate;

/// How much is reported of each kind of event that isn't an opening: what the log takes, and nobody else wants it.
pub const EVENTS: Rate = Rate::LINES;

/// How many events of sources that are explained are reported to explain them, beside what is reported of them anyway:
/// more than people read.
pub const EXPLANATIONS: Rate = Rate::LINES;

/// How many openings are reported of each door: all that people need, and no more than commands can follow. Beyond this
/// somebody who knows the sequence plays with it.
pub const OPENINGS: Rate = Rate { every: Duration::from_millis(50), burst: 8192 };

/// How often it is told how much of one sort was left out.
pub const SUMS: Rate = Rate { every: Duration::from_secs(1), burst: 1 };

/// How many openings wait in the watcher for a monitor that doesn't read, beside one of each door.
pub const UNSENT_OPENINGS: u32 = 4096;

/// How much the kernel keeps of what one half has written and the other hasn't read, in bytes (`SO_SNDBUF` in
/// `socket(7)`): without this the administrator's defaults would decide how many messages that is.
pub(super) const IN_FLIGHT: usize = 128 << 10;

/// More messages than that many bytes hold. The kernel doubles the number, and a message of 160 bytes takes up more than
/// twice as much with the kernel's own notes on it (`SKB_TRUESIZE` in `linux/skbuff.h`).
const MOST_IN_FLIGHT: u32 = 1024;

/// [`EVENTS`], as the monitor bears them.
pub(super) const BORNE_EVENTS: Rate = borne(EVENTS, MOST_IN_FLIGHT);

/// [`EXPLANATIONS`], as the monitor bears them.
pub(super) const BORNE_EXPLANATIONS: Rate = borne(EXPLANATIONS, MOST_IN_FLIGHT);

/// [`OPENINGS`], as the monitor bears them.
pub(super) const BORNE_OPENINGS: Rate = borne(OPENINGS, MOST_IN_FLIGHT + UNSENT_OPENINGS);

/// [`SUMS`], as the monitor bears them.
pub(super) const BORNE_SUMS: Rate = borne(SUMS, MOST_IN_FLIGHT);

const fn borne(rate: Rate, late: u32) -> Rate {
    Rate { every: rate.every, burst: 2 * rate.burst + late }
}
