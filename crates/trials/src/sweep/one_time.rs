//! A one-time sequence is used.

use std::fs;

use super::{
    Death, Played, Scene, Step,
    course::{Course, Leading},
    setup, start_again,
};
use crate::{
    net::{Daemon, Lab, PATIENCE, Setup, await_some},
    stepper::{Stepper, Stop},
    trouble::{Outcome, Trouble, ensure, same},
};

/// A door with two one-time sequences, of which the first is completed, the second when the daemon runs again.
#[derive(Clone, Copy, Debug)]
pub struct OneTime;

impl Scene for OneTime {
    type Way = Death;

    fn ways(&self) -> &[Death] {
        &[Death::OfAll, Death::OfTheDaemon]
    }

    fn play(&self, step: Step, way: Death) -> Outcome<Played> {
        let lab = Lab::new()?;
        lab.write("sequences", SEQUENCES)?;
        let setup = setup(&lab, CONFIG)?;
        let daemon = setup.clone().start()?;
        let mut stepper = Stepper::seize(daemon.id()?)?;
        stepper.advance_to(Stop::is_rest)?;
        lab.send(FIRST)?;
        let is_done = |course: &Course| course.births == 1;
        let leading = Leading { lab: &lab, step, death: way, syncs_first: true, is_done: &is_done };
        let (course, survivor) = leading.lead(daemon, stepper)?;
        let before = lab.file("log");
        survive(&lab, &setup, &course, survivor).map_err(|trouble| {
            let log = lab.file("log");
            Trouble::new(format!("{trouble}\n-- log before\n{before}-- log at last\n{log}")).at(&course)
        })?;
        Ok(Played { fate: course.fate, late: None })
    }
}

fn survive(lab: &Lab, setup: &Setup<'_>, course: &Course, survivor: Option<Daemon<'_>>) -> Outcome {
    let text = lab.file("sequences");
    let is_used = text == FIRST_USED;
    ensure(is_used || text == SEQUENCES, format!("the file is damaged: {text:?}"))?;
    ensure(is_used || course.births == 0, "a command is started for a sequence that is not struck out")?;
    if let Some(daemon) = survivor {
        daemon.terminate()?;
    }
    await_orphans(lab)?;
    let before = lab.file("opened").len();
    let daemon = start_again(lab, setup)?;
    lab.send(FIRST)?;
    settle(lab, &daemon)?;
    let openings = usize::from(!is_used);
    same("openings by the first sequence again", daemon.log().count(OPENED), openings)?;
    // It is in force a moment after the first was struck out.
    let opens = await_some(PATIENCE, || {
        lab.send(SECOND).and_then(|()| settle(lab, &daemon)).ok()?;
        (daemon.log().count(OPENED) > openings).then_some(())
    });
    ensure(opens.is_some(), "the second sequence does not open")?;
    for packets in [FIRST, SECOND] {
        lab.send(packets)?;
    }
    settle(lab, &daemon)?;
    same("openings by both", daemon.log().count(OPENED), openings + 1)?;
    daemon.terminate()?;
    same("the file", fs::read_to_string(lab.directory().join("sequences"))?.as_str(), BOTH_USED)?;
    let after = lab.file("opened").len();
    ensure(before <= usize::from(is_used), format!("the first sequence has opened {before} times"))?;
    same("all openings", after, before + openings + 1)
}

/// Every start command adds one byte to the file.
const CONFIG: &str = "[once]\n One_Time_Sequences = {DIR}/sequences\n Start_Command = printf x >> {DIR}/opened\n\
                      [settled]\n Sequence = 7300:udp\n";
const SEQUENCES: &str = "6300:udp\n6301:udp\n";
const FIRST_USED: &str = "#300:udp\n6301:udp\n";
const BOTH_USED: &str = "#300:udp\n#301:udp\n";
const FIRST: &str = "udp CLIENT > SERVER:6300";
const SECOND: &str = "udp CLIENT > SERVER:6301";
const OPENED: &str = "once: OPEN SESAME";

/// Waits until everything sent before has been judged.
fn settle(lab: &Lab, daemon: &Daemon<'_>) -> Outcome {
    let settled = "settled: OPEN SESAME";
    let before = daemon.log().count(settled);
    lab.send("udp OTHER > SERVER:7300")?;
    daemon.log().await_count(before + 1, settled)
}

fn await_orphans(lab: &Lab) -> Outcome {
    let are_gone = || {
        let mut left = lab.server().processes().ok()?.into_iter();
        left.all(|process| process.is_zombie).then_some(())
    };
    await_some(PATIENCE, are_gone).ok_or_else(|| Trouble::new("the commands of the dead daemon do not end"))
}
