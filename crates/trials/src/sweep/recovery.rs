//! A daemon starts after one that has died with a door open, and dies as well.

use super::{
    Again, Death, Played, Scene, Step, Uptime, Way,
    course::{Course, Leading},
    doors::{Doors, await_too_late},
    forget_log,
    judgement::Judgement,
    record::{Deed, Record},
    start_again,
};
use crate::{
    net::{Daemon, Lab, PATIENCE, Process, await_some},
    stepper::{Stepper, Stop},
    trouble::{Outcome, Trouble},
};

/// From where the second daemon is about to take the state directory to where the door is closed.
///
/// The first one dies while a start command runs that takes long, or when the door is open.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// How it is tried.
    pub ways: &'static [Way],
}

impl Scene for Recovery {
    type Way = Way;

    fn ways(&self) -> &[Way] {
        self.ways
    }

    fn play(&self, step: Step, way: Way) -> Outcome<Played> {
        let lab = Lab::new()?;
        let doors = Doors::new(&lab, &[DOOR], way, "again")?;
        let knocked = Uptime::now()?;
        die_open(&doors, way)?;
        let record = Record::read(&lab)?;
        // Without the end of the start command the stay begins with the knock.
        let opened = record.first(DOOR, Deed::Opened);
        let closing_time = opened.or(record.first(DOOR, Deed::Start)).unwrap_or(knocked).after(way.stay);
        if way.again == Again::TooLate {
            await_too_late(closing_time)?;
        }
        let (daemon, stepper) = halted(&doors)?;
        let is_done =
            |_: &Course| Record::read(&lab).is_ok_and(|record| record.first(DOOR, Deed::Shut).is_some());
        let leading = Leading { lab: &lab, step, death: way.death, syncs_first: false, is_done: &is_done };
        let (course, survivor) = leading.lead(daemon, stepper)?;
        let log = lab.file("log");
        let before = Judgement {
            starts: 1,
            stops: 1,
            earliest: opened.unwrap_or(knocked).after(way.stay),
            closing_time,
            up: Some(course.ended),
        };
        let explained = |trouble| doors.explained(&trouble, &log).at(&course);
        let late = survive(&doors, way, survivor, before).map_err(explained)?;
        Ok(Played { fate: course.fate, late: late.map(explained) })
    }
}

const DOOR: &str = "door";

/// The first daemon's life.
fn die_open(doors: &Doors<'_>, way: Way) -> Outcome {
    let daemon = doors.setup.clone().start()?;
    doors.knock()?;
    if way.start.is_zero() {
        doors.await_deed(Deed::Opened, 1)?;
        Doors::await_quiet(&daemon)?;
    } else {
        doors.await_deed(Deed::Start, 1)?;
    }
    way.death.strike(doors.lab, daemon, None)
}

/// The second daemon, halted where it is about to take the state directory.
pub(super) fn halted<'a>(doors: &Doors<'a>) -> Outcome<(Daemon<'a>, Stepper)> {
    forget_log(doors.lab)?;
    let daemon = doors.setup.clone().behind("kill -STOP $$").launch()?;
    let id = daemon.id()?;
    let is_stopped = || Process::find(id)?.is_stopped.then_some(());
    await_some(PATIENCE, is_stopped).ok_or_else(|| Trouble::new("the daemon does not begin"))?;
    let mut stepper = Stepper::seize(id)?;
    stepper.advance_to(Stop::is_lock)?;
    Ok((daemon, stepper))
}

/// From the death of the second daemon, or from when it was done, to the end. Returns what came too late.
fn survive(
    doors: &Doors<'_>,
    way: Way,
    survivor: Option<Daemon<'_>>,
    mut judgement: Judgement,
) -> Outcome<Option<Trouble>> {
    let daemon = if let Some(daemon) = survivor {
        daemon
    } else {
        // It may have died between the stop command and the note that it was run.
        judgement.stops += match way.death {
            Death::OfAll => Record::read(doors.lab)?.times(DOOR, Deed::Stop).len(),
            Death::OfTheDaemon => 1,
        };
        let daemon = start_again(doors.lab, &doors.setup)?;
        judgement.up = Some(Uptime::now()?);
        judgement.closing_time.wait()?;
        daemon
    };
    doors.await_deed(Deed::Shut, 1)?;
    daemon.terminate()?;
    let late = judgement.pass(&Record::read(doors.lab)?, DOOR)?;
    doors.expect_nothing_left().map(|()| late)
}
