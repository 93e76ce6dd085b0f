//! A start command that begins to run only when the daemon that has made its process is long dead.

use super::{Death, Way, doors::Doors, record::Deed, recovery::halted};
use crate::{
    net::Lab,
    stepper::{Stepper, Stop},
    trouble::{Outcome, Trouble},
};

/// Kills a daemon when the process of its start command exists. That executes the command when the next daemon is about
/// to take the state directory: before that the process has the dead daemon's environment, and its lock.
pub fn late_orphan(way: Way) -> Outcome {
    let lab = Lab::new()?;
    let doors = Doors::new(&lab, &["door"], way, "again")?;
    let daemon = doors.setup.clone().start()?;
    let mut stepper = Stepper::seize(daemon.id()?)?;
    stepper.advance_to(Stop::is_rest)?;
    doors.knock()?;
    stepper.advance_to(|stop| stop == Stop::Birth)?;
    let newborn =
        stepper.take_newborn().ok_or_else(|| Trouble::new("there is no process for the command"))?;
    Death::OfTheDaemon.strike(&lab, daemon, Some(stepper))?;
    let log = lab.file("log");
    let (daemon, stepper) = halted(&doors)?;
    drop(newborn);
    let judged = doors.await_deed(Deed::Start, 1).and_then(|()| {
        stepper.release()?;
        doors.await_deed(Deed::Shut, 1)?;
        daemon.terminate()?;
        doors.expect_nothing_left()
    });
    judged.map_err(|trouble| doors.explained(&trouble, &log))
}
