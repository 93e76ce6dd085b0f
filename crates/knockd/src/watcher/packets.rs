//! Packets that wait, to events.

use knock_core::{engine::Engine, hit::Hit, moment::Moment};

use super::{
    Failure,
    listener::{End, Listener},
    reporter::Reporter,
};
use crate::ipc::Report;

/// Takes in the packets that wait in a listener, as many as `most`. Returns how many those were.
///
/// Some are taken together before the first is judged: what one waits for in memory, all do at the same time.
pub(super) fn take(
    engine: &mut Engine,
    reporter: &mut Reporter,
    hits: &mut Vec<Hit>,
    listener: &mut Listener,
    most: usize,
    now: Moment,
) -> Result<usize, Failure> {
    let mut taken = 0;
    while taken < most {
        hits.clear();
        let (count, end) = listener.receive(hits, Engine::AHEAD.min(most - taken));
        taken += count;
        // Who is alone waits for nobody.
        if hits.len() > 1 {
            engine.look_ahead(hits);
        }
        for hit in &*hits {
            let mut told = Ok(());
            reporter.count_hit(hit);
            engine.hit(now, hit, &mut |event| {
                if told.is_ok() {
                    told = reporter.tell_of_hit(now, event, hit);
                }
            });
            told?;
        }
        match end {
            End::Enough => {}
            End::Nothing => break,
            End::Deaf(errno) => {
                reporter.report(Report::Deaf(listener.number, errno.raw_os_error()))?;
                return Err(Failure::Deaf);
            }
        }
    }
    Ok(taken)
}
