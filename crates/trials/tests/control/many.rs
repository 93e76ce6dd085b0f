//! Many who ask, and those who knock meanwhile.

use std::{
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use libtest_mimic::Trial;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use trials::{
    net::{Lab, Process},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::{
    asking::list,
    support::{DOORS, Visitor, ctl, knock, socket, start},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("many::disturbs_no_knock", disturbs_no_knock)]
}

/// How often it is asked who is let in.
const LISTS: usize = 10_000;

/// How many are connected and say nothing.
const IDLE: usize = 1000;

fn disturbs_no_knock() -> Outcome {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .map_err(std::io::Error::from)?;
    let lab = Lab::new()?;
    let daemon = start(&lab, DOORS)?;
    let descriptors = || Ok::<_, Trouble>(std::fs::read_dir(format!("/proc/{}/fd", daemon.id()?))?.count());
    let before = descriptors()?;
    let idle: Result<Vec<_>, _> = (0..IDLE).map(|_| UnixStream::connect(socket(&lab))).collect();
    let idle = idle?;
    let (asked, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let begin = Instant::now();
    let knocks = thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while asked.fetch_add(1, Ordering::Relaxed) < LISTS {
                        list(&mut Visitor::new(&lab)?, None)?;
                    }
                    Ok::<_, Trouble>(())
                })
            })
            .collect();
        let knocking = scope.spawn(|| {
            let mut knocks = 0;
            while !is_over.load(Ordering::Relaxed) || knocks < 20 {
                knocks += 1;
                knock(&lab, &format!("10.0.1.{}", knocks % 250))?;
                daemon.log().await_count(knocks, ": ssh: OPEN SESAME")?;
            }
            Ok::<_, Trouble>(knocks)
        });
        let done = asking
            .into_iter()
            .try_for_each(|one| one.join().unwrap_or_else(|_| Err(Trouble::new("it panicked"))));
        is_over.store(true, Ordering::Relaxed);
        let knocks = knocking.join().unwrap_or_else(|_| Err(Trouble::new("it panicked")));
        done.and(knocks)
    })?;
    println!("{LISTS} lists among {IDLE} idle clients in {:?}, {knocks} knocks meanwhile", begin.elapsed());
    same("openings", daemon.log().count(": ssh: OPEN SESAME"), knocks)?;
    same("packets dropped", daemon.log().count("packets dropped"), 0)?;
    ensure(ctl(&lab, &["status"])?.ok()?.contains("0 packets, 0 openings"), "nothing is lost")?;
    ensure(descriptors()? <= before + 256, "there is an end to who is let in")?;
    drop(idle);
    ensure(Process::find(daemon.id()?).is_some(), "it lives")?;
    daemon.terminate()
}
