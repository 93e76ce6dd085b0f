//! From doors to what the kernel lets through.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::Arc,
};

use knock_core::{
    door::Door,
    filter::{self, Attention, Families, Key, Program},
};

use crate::{
    log::Line,
    sys::{
        bpf::{Loaded, Refusal, Table},
        filter::Filter,
    },
};

/// Makes filters, exact ones as long as the kernel takes them.
#[derive(Debug)]
pub(super) struct Filters {
    families: Families,
    /// Whether everything that can be a hit is to come through, so that it can be explained.
    explains: bool,
    /// Of whom it is to come through beside what doors need.
    explained: Vec<IpAddr>,
    /// How many instructions a program may have, as far as we have found out.
    limit: usize,
    memory: Memory,
    news: Option<News>,
}

/// Whether the kernel remembers who has an attempt under way. Once it doesn't it never does again: it would not know who
/// has begun one meanwhile.
#[derive(Debug)]
enum Memory {
    /// Nobody has asked.
    Untried,
    /// All programs that there have been write into this table, by this key.
    Kept(Table, Key),
    /// It doesn't.
    None,
}

/// What has become known and was not told yet.
#[derive(Debug)]
enum News {
    Taken,
    Refused(Refusal),
}

/// What the kernel filters packets by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterKind {
    /// What matters to attempts comes through from everybody.
    Classic,
    /// It comes through from those who have begun one.
    Exact,
}

impl FilterKind {
    /// The kind of this filter.
    pub(super) fn of(filter: &Filter) -> Self {
        match filter {
            Filter::Classic(_) => Self::Classic,
            Filter::Exact(_) => Self::Exact,
        }
    }
}

impl fmt::Display for FilterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classic => "classic BPF",
            Self::Exact => "extended BPF",
        })
    }
}

impl Filters {
    pub(super) fn new(families: Families, explains: bool) -> Self {
        Self {
            families,
            explains,
            explained: Vec::new(),
            limit: Program::MAX,
            memory: Memory::Untried,
            news: None,
        }
    }

    /// One that lets through what these doors need: the one in use, if it does just that.
    pub(super) fn filter(&mut self, doors: &[Door], in_use: Option<&Arc<Filter>>) -> Arc<Filter> {
        if !self.explains {
            return self.of_doors(doors, in_use);
        }
        if matches!(self.memory, Memory::Untried) {
            // Who wants explanations may want to know this, too.
            self.of_doors(doors, None);
        }
        Arc::new(filter::any_hit(self.families).into())
    }

    /// Has filters let everything through from now on that comes from these sources, and nothing from others for that.
    pub(super) fn explain(&mut self, sources: Vec<IpAddr>) {
        self.explained = sources;
    }

    /// Has filters be half as long from now on; false if that makes no sense any more.
    pub(super) fn shorten(&mut self) -> bool {
        if self.limit <= 256 {
            return false;
        }
        self.limit /= 2;
        true
    }

    /// What to tell of the kernel's filters, once. The one in use is of this kind.
    pub(super) fn take_news(&mut self, kind: FilterKind) -> Vec<Line> {
        match self.news.take() {
            None => Vec::new(),
            Some(News::Taken) if kind == FilterKind::Classic => vec![Line::debug(format!(
                "packets are filtered by {kind}, so that every hit can be explained; else by {}",
                FilterKind::Exact
            ))],
            Some(News::Taken) => vec![Line::debug(format!("packets are filtered by {kind}"))],
            Some(News::Refused(refusal)) => {
                let lines = refusal.lines().map(|line| Line::debug(format!("verifier: {line}")));
                let line = format!(
                    "packets are filtered by {kind}: {}, which is exact, needs Linux 5.11 and CAP_BPF ({refusal})",
                    FilterKind::Exact
                );
                [Line::note(line)].into_iter().chain(lines).collect()
            }
        }
    }

    fn of_doors(&mut self, doors: &[Door], in_use: Option<&Arc<Filter>>) -> Arc<Filter> {
        match self.exact(doors, in_use) {
            Ok(Some(filter)) => return filter,
            Ok(None) => {}
            Err(refusal) => {
                self.memory = Memory::None;
                self.news = Some(News::Refused(refusal));
            }
        }
        Arc::new(filter::program(doors, self.attention(), self.limit).into())
    }

    fn attention(&self) -> Attention<'_> {
        Attention { families: self.families, explained: &self.explained }
    }

    fn exact(
        &mut self,
        doors: &[Door],
        in_use: Option<&Arc<Filter>>,
    ) -> Result<Option<Arc<Filter>>, Refusal> {
        if matches!(self.memory, Memory::Untried) {
            self.memory = Memory::Kept(Table::new()?, key());
            self.news = Some(News::Taken);
        }
        let Memory::Kept(table, key) = &self.memory else { return Ok(None) };
        let Some(program) = filter::exact_program(doors, self.attention(), self.limit, key) else {
            return Err(Refusal::TooLong);
        };
        match in_use {
            Some(filter) if filter.is(&program) => Ok(Some(Arc::clone(filter))),
            _ => Ok(Some(Arc::new(Filter::Exact(Loaded::new(program, table)?)))),
        }
    }
}

/// Numbers that nobody outside can guess.
fn key() -> Key {
    Key([(); 5].map(|()| RandomState::new().hash_one(())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        own_network::{self, LOOPBACK, in_own_network},
        sys::packet::{PacketReader, PacketSocket, RingSize},
    };

    fn doors(sequence: &str) -> Vec<Door> {
        let text = format!("[door]\nSequence = {sequence}\nCommand = true\n");
        let config = knock_core::config::read("knockd.conf", text.as_bytes()).unwrap().config;
        config.doors.iter().filter_map(|door| door.door(knock_core::door::DoorNumber(0), None)).collect()
    }

    fn told(filters: &mut Filters, in_use: &Filter) -> Vec<String> {
        filters.take_news(FilterKind::of(in_use)).iter().map(ToString::to_string).collect()
    }

    fn reader(filter: &Filter) -> PacketReader {
        let mut socket = PacketSocket::open(LOOPBACK, filter, RingSize::new(4)).unwrap();
        PacketReader::adopt(socket.hand_over().unwrap(), socket.ring()).unwrap()
    }

    /// The UDP ports, in order, of what waits in a socket.
    fn heard(reader: &mut PacketReader) -> Vec<u16> {
        let mut buffer = [0; 100];
        let mut ports = Vec::new();
        while reader.receive(&mut buffer).is_ok() {
            // Only UDP: that the port is shut is told by ICMP.
            if buffer[9] == 17 {
                ports.push(u16::from_be_bytes([buffer[22], buffer[23]]));
            }
        }
        ports
    }

    /// As root by both kinds of filter, where extended BPF is not allowed by the classic one alone.
    #[test]
    fn the_kernel_knows_who_has_begun_over_all_filters() {
        in_own_network("monitor::filters::tests::the_kernel_knows_who_has_begun_over_all_filters", || {
            let mut filters = Filters::new(Families::Both, false);
            let filter = filters.filter(&doors("7000:udp,8000:udp"), None);
            let is_exact = FilterKind::of(&filter) == FilterKind::Exact;
            let mut first = reader(&filter);
            let send = |ports: &[u16]| ports.iter().for_each(|port| own_network::send(*port, b""));
            send(&[22, 8000]);
            assert_eq!(heard(&mut first), if is_exact { vec![] } else { vec![22, 8000] });
            send(&[7000, 22, 8000]);
            assert_eq!(heard(&mut first), [7000, 22, 8000]);
            // Another program, which begins with another port, knows the same sources.
            let filter = filters.filter(&doors("7001:udp,8000:udp"), Some(&filter));
            let mut second = reader(&filter);
            send(&[22, 7000]);
            assert_eq!(heard(&mut second), [22, 7000]);
        });
    }

    /// By either kind of filter, too.
    #[test]
    fn who_is_explained_is_heard_and_remembered() {
        in_own_network("monitor::filters::tests::who_is_explained_is_heard_and_remembered", || {
            let mut filters = Filters::new(Families::Both, false);
            let doors = doors("7000,8000:udp");
            filters.explain(vec![std::net::Ipv4Addr::LOCALHOST.into()]);
            let explaining = filters.filter(&doors, None);
            let mut first = reader(&explaining);
            own_network::send(9, b"");
            assert_eq!(heard(&mut first), [9]);
            filters.explain(Vec::new());
            let next = filters.filter(&doors, Some(&explaining));
            assert_ne!(next, explaining);
            let mut second = reader(&next);
            own_network::send(9, b"");
            assert_eq!(heard(&mut second), [9], "it may have begun an attempt");
        });
    }

    #[test]
    fn what_the_kernel_takes_is_told_once() {
        let mut filters = Filters::new(Families::Both, false);
        let filter = filters.filter(&doors("1,2"), None);
        let line = match FilterKind::of(&filter) {
            FilterKind::Exact => "packets are filtered by extended BPF",
            FilterKind::Classic => {
                "packets are filtered by classic BPF: extended BPF, which is exact, needs Linux 5.11 and CAP_BPF \
                 (Operation not permitted (os error 1))"
            }
        };
        assert_eq!(told(&mut filters, &filter), [line]);
        let next = filters.filter(&doors("1,2,3"), Some(&filter));
        assert_eq!(told(&mut filters, &next), [""; 0]);
    }

    #[test]
    fn the_one_in_use_is_kept_if_it_does_what_is_wanted() {
        for explains in [false, true] {
            let mut filters = Filters::new(Families::Both, explains);
            let first = filters.filter(&doors("1,2"), None);
            assert_eq!(filters.filter(&doors("1,3"), Some(&first)), first);
            let other = filters.filter(&doors("1,3:udp"), Some(&first));
            assert_eq!(other == first, explains);
            assert!(!explains || FilterKind::of(&first) == FilterKind::Classic);
        }
    }

    #[test]
    fn what_has_been_refused_once_is_not_asked_for_again() {
        let mut filters = Filters::new(Families::Both, false);
        filters.memory = Memory::None;
        let filter = filters.filter(&doors("1,2"), None);
        assert_eq!(FilterKind::of(&filter), FilterKind::Classic);
        assert_eq!(told(&mut filters, &filter), [""; 0]);
    }
}
