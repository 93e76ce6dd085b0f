//! Doors open and close.

use super::{
    Again, Death, Fate, Played, Scene, Step, Uptime, Way,
    course::{Course, Leading},
    doors::{Doors, await_too_late},
    judgement::Judgement,
    record::{Deed, Record},
    start_again,
};
use crate::{
    net::{Daemon, Lab},
    stepper::{Stepper, Stop},
    trouble::{Outcome, Trouble},
};

/// From the knock to the end of the stop command.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// What the doors are called that open together.
    pub doors: &'static [&'static str],
    /// Whether they stand open already, for half of their time, and the knock makes them stay open longer.
    pub extends: bool,
    /// How it is tried.
    pub ways: &'static [Way],
}

impl Scene for Opening {
    type Way = Way;

    fn ways(&self) -> &[Way] {
        self.ways
    }

    fn play(&self, step: Step, way: Way) -> Outcome<Played> {
        let lab = Lab::new()?;
        let doors = Doors::new(&lab, self.doors, way, if self.extends { "extend" } else { "again" })?;
        let daemon = doors.setup.clone().start()?;
        if self.extends {
            doors.knock()?;
            doors.await_deed(Deed::Opened, self.doors.len())?;
            Doors::await_quiet(&daemon)?;
            Uptime::now()?.after(way.stay / 2).wait()?;
        }
        let mut stepper = Stepper::seize(daemon.id()?)?;
        stepper.advance_to(Stop::is_rest)?;
        let record = Record::read(&lab)?;
        let is_closed = self.doors.iter().any(|door| record.first(door, Deed::Stop).is_some());
        if is_closed || daemon.children()?.len() > 1 {
            return Ok(Played {
                fate: Fate::Killed,
                late: Some(Trouble::new("the second knock comes too late")),
            });
        }
        doors.knock()?;
        let commands = self.starts() + self.doors.len();
        let leading = Leading {
            lab: &lab,
            step,
            death: way.death,
            // A longer stay that is lost in a power cut only closes the door early.
            syncs_first: !self.extends,
            is_done: &|course| course.births == commands,
        };
        let (course, survivor) = leading.lead(daemon, stepper)?;
        let log = lab.file("log");
        let explained = |trouble| doors.explained(&trouble, &log).at(&course);
        let late = self.survive(&doors, way, &course, survivor).map_err(explained)?;
        Ok(Played { fate: course.fate, late: late.map(explained) })
    }
}

impl Opening {
    /// How many start commands are run on the way.
    fn starts(&self) -> usize {
        if self.extends { 0 } else { self.doors.len() }
    }

    /// From the death of the first daemon, or from when it was done, to the end. Returns what came too late.
    fn survive(
        &self,
        doors: &Doors<'_>,
        way: Way,
        course: &Course,
        survivor: Option<Daemon<'_>>,
    ) -> Outcome<Option<Trouble>> {
        let opened = if self.extends { self.doors.len() } else { course.births.min(self.doors.len()) };
        let run = Record::read(doors.lab)?;
        let mut up = None;
        let daemon = if let Some(daemon) = survivor {
            daemon
        } else {
            let all = self.doors.iter().map(|door| self.closing_time(way, course, &run, door));
            let closing_time = all.max().unwrap_or(course.ended);
            if way.again == Again::TooLate {
                await_too_late(closing_time)?;
            }
            let daemon = start_again(doors.lab, &doors.setup)?;
            up = Some(Uptime::now()?);
            if opened > 0 {
                closing_time.wait()?;
            }
            daemon
        };
        doors.await_deed(Deed::Shut, opened)?;
        daemon.terminate()?;
        let record = Record::read(doors.lab)?;
        let mut late = None;
        for (place, door) in self.doors.iter().enumerate() {
            let judgement = Judgement {
                starts: usize::from(place < opened),
                stops: 1 + self.repeats(way, course, &run, door),
                earliest: self.earliest(way, course, &record, door),
                closing_time: self.closing_time(way, course, &record, door),
                up,
            };
            late = judgement.pass(&record, door)?.or(late);
        }
        doors.expect_nothing_left().map(|()| late)
    }

    /// How many stop commands of a door may have been run without a note of it, by what had been run at the death.
    fn repeats(&self, way: Way, course: &Course, run: &Record, door: &str) -> usize {
        match (course.fate, way.death) {
            (Fate::Lived, _) => 0,
            (Fate::Killed, Death::OfAll) => run.times(door, Deed::Stop).len(),
            // Those that live on may not have written it down yet.
            (Fate::Killed, Death::OfTheDaemon) => usize::from(course.births > self.starts()),
        }
    }

    /// Before when a door must not be closed.
    fn earliest(&self, way: Way, course: &Course, record: &Record, door: &str) -> Uptime {
        let opened = record.first(door, Deed::Opened).unwrap_or(course.begun);
        // A daemon that has come to rest has noted the knock, or the ends of the start commands.
        let from = match (self.extends, course.rest_after(self.starts())) {
            (true, None) => opened,
            (false, Some(rest)) => opened.min(rest.turn),
            // Without the end of the start command a stay begins with the knock.
            (true, Some(_)) | (false, None) => course.begun,
        };
        from.after(way.stay)
    }

    /// When at the latest a door has to be closed.
    fn closing_time(&self, way: Way, course: &Course, record: &Record, door: &str) -> Uptime {
        let from = if self.extends {
            course.rest_after(0).map_or(course.ended, |rest| rest.at)
        } else {
            let started = record.first(door, Deed::Start).unwrap_or(course.ended);
            record.first(door, Deed::Opened).unwrap_or(started)
        };
        from.after(way.stay)
    }
}
