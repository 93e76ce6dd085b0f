//! Sources of which somebody wants every packet explained.

use std::net::IpAddr;

use knock_core::{explanation::Explanation, filter::Families, host::Nobody, moment::Moment};
use thiserror::Error;

use super::{Monitor, by_hand::no_such_source};
use crate::{
    control::{
        Demand, Found,
        protocol::{Refusal, RefusalKind},
    },
    explain::{Finding, Reader},
    ipc::Order,
    log,
};

/// How many sources are explained at once: the kernel compares each with the source of every packet.
pub const MOST_EXPLAINED: usize = 4;

/// Who is explained, and for how many.
#[derive(Debug, Default)]
pub struct Explaining(Vec<Explained>);

#[derive(Debug)]
struct Explained {
    source: IpAddr,
    wanted_by: usize,
}

/// No more sources can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{MOST_EXPLAINED} other addresses are being explained; wait until one of those is done with")]
pub struct TooMany;

impl Explaining {
    /// Those that are explained now.
    pub fn sources(&self) -> impl Iterator<Item = IpAddr> {
        self.0.iter().map(|explained| explained.source)
    }

    /// Takes in that one more wants to know. Returns whether he is the first.
    fn begin(&mut self, source: IpAddr) -> Result<bool, TooMany> {
        if let Some(explained) = self.0.iter_mut().find(|explained| explained.source == source) {
            explained.wanted_by = explained.wanted_by.saturating_add(1);
            return Ok(false);
        }
        if self.0.len() >= MOST_EXPLAINED {
            return Err(TooMany);
        }
        self.0.push(Explained { source, wanted_by: 1 });
        Ok(true)
    }

    /// Takes in that one less wants to know. Returns whether he was the last.
    fn end(&mut self, source: IpAddr) -> bool {
        let Some(place) = self.0.iter().position(|explained| explained.source == source) else {
            return false;
        };
        let Some(explained) = self.0.get_mut(place) else { return false };
        explained.wanted_by = explained.wanted_by.saturating_sub(1);
        if explained.wanted_by > 0 {
            return false;
        }
        self.0.remove(place);
        true
    }
}

impl Monitor {
    /// Explains everything that comes from this source to one more who wants to know. Each is to be followed by
    /// [`Monitor::explain_no_more`].
    fn explain(&mut self, now: Moment, source: IpAddr) -> Result<(), TooMany> {
        if self.explaining.begin(source)? {
            self.order_explanation(source);
            self.follow_explaining(now);
        }
        Ok(())
    }

    /// Does that no longer for one of them.
    pub(super) fn explain_no_more(&mut self, now: Moment, source: IpAddr) {
        if self.explaining.end(source) {
            self.supervisor.conduct().explain_no_more(source);
            self.order(&Order::ExplainNoMore(source));
            self.follow_explaining(now);
        }
    }

    /// Answers who wants to have a source explained.
    pub(super) fn meet_explain(&mut self, now: Moment, demand: &Demand, source: IpAddr) {
        let begun = self.may_explain(source).and_then(|()| {
            self.explain(now, source).map_err(|many| Refusal::new(RefusalKind::Busy, many.to_string()))
        });
        let Some(control) = &self.control else { return };
        match begun {
            Ok(()) => control.explain(demand, source),
            Err(refusal) => control.answer(demand, Err(refusal)),
        }
    }

    /// Tells those who want to know what became of a packet.
    pub(super) fn tell_explanation(&self, explanation: &Explanation) {
        let Some(control) = &self.control else { return };
        let Some(standing) = self.doors.find(explanation.event.door) else { return };
        let Some(door) = standing.door() else { return };
        let at = log::time_of(explanation.event.at);
        let for_reader = |reader| Finding::of(explanation, &standing.name, &door, at, reader);
        control.find(Found {
            source: explanation.event.source,
            whole: for_reader(Reader::OfConfiguration),
            harmless: for_reader(Reader::Stranger),
        });
    }

    /// Whether packets of this source can be heard at all.
    fn may_explain(&self, source: IpAddr) -> Result<(), Refusal> {
        if let Some(nobody) = Nobody::of(source) {
            return Err(no_such_source(source, nobody));
        }
        if source.is_ipv6() && self.settings.families == Families::V4Only {
            return Err(Refusal::new(RefusalKind::Failed, "knockd takes no notice of IPv6 (-4)"));
        }
        Ok(())
    }

    /// Tells the watcher to explain a source.
    pub(super) fn order_explanation(&mut self, source: IpAddr) {
        self.supervisor.conduct().explain(source);
        self.order(&Order::Explain(source));
    }

    /// Has the kernel let through what is to be explained, now or as soon as the sockets of before are done with.
    fn follow_explaining(&mut self, now: Moment) {
        self.listening.explain(self.explaining.sources().collect());
        if !self.listening.is_replacing() {
            self.listen(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_explained_until_nobody_wants_to_know_and_few_at_once() {
        let source = |number: u32| IpAddr::from(std::net::Ipv4Addr::from(number));
        let mut explaining = Explaining::default();
        assert_eq!((explaining.begin(source(0)), explaining.begin(source(0))), (Ok(true), Ok(false)));
        assert!((1..4).all(|number| explaining.begin(source(number)) == Ok(true)));
        assert_eq!((explaining.begin(source(4)), explaining.begin(source(3))), (Err(TooMany), Ok(false)));
        assert_eq!((explaining.end(source(0)), explaining.end(source(4))), (false, false));
        assert!(explaining.end(source(0)) && !explaining.end(source(0)));
        assert_eq!(explaining.sources().collect::<Vec<_>>(), [1, 2, 3].map(source));
    }
}
