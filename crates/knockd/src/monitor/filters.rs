//! From doors to what the kernel lets through.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::Arc,
};

use knock_core::{
    door::Door,
    filter::{self, Attention, ExactProgram, Families, Key, Program},
};

use crate::{
    log::Line,
    sys::{
        bpf::{Gate, Loaded, Refusal, Table},
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
    /// It does.
    Kept(Sources),
    /// It doesn't.
    None,
}

/// The kernel's memory of sources, and the program that uses it.
#[derive(Debug)]
struct Sources {
    /// All programs that there have been write into this table, by this key.
    table: Table,
    key: Key,
    /// What all sockets have.
    gate: Arc<Gate>,
    /// What is behind it.
    program: Option<ExactProgram>,
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

    /// Those of a kernel that remembers nobody.
    #[cfg(test)]
    pub(super) fn without_memory() -> Self {
        Self { memory: Memory::None, ..Self::new(Families::Both, false) }
    }

    /// One that lets through what these doors need. One that can change under the sockets that have it does so, and then
    /// lets through what doors need that are about to go, too.
    pub(super) fn filter(&mut self, doors: &[Door], going: &[Door]) -> Filter {
        if !self.explains {
            return self.of_doors(doors, going);
        }
        if matches!(self.memory, Memory::Untried) {
            // Who wants explanations may want to know this, too.
            self.of_doors(doors, going);
        }
        filter::any_hit(self.families).into()
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
                let exact = FilterKind::Exact;
                let line = if refusal.is_lasting() {
                    Line::note(format!(
                        "packets are filtered by {kind}: {exact}, which is exact, needs Linux 5.11 and CAP_BPF \
                         ({refusal})"
                    ))
                } else {
                    Line::note(format!(
                        "packets are filtered by {kind} until knockd is started anew: {exact}, which is exact, was \
                         refused ({refusal})"
                    ))
                };
                [line].into_iter().chain(lines).collect()
            }
        }
    }

    fn of_doors(&mut self, doors: &[Door], going: &[Door]) -> Filter {
        match self.exact(doors.iter().chain(going)) {
            Ok(Some(gate)) => return Filter::Exact(gate),
            Ok(None) => {}
            Err(refusal) => {
                self.memory = Memory::None;
                self.news = Some(News::Refused(refusal));
            }
        }
        filter::program(doors, self.attention(), self.limit).into()
    }

    fn attention(&self) -> Attention<'_> {
        Attention { families: self.families, explained: &self.explained }
    }

    fn exact<'a>(&mut self, doors: impl Iterator<Item = &'a Door>) -> Result<Option<Arc<Gate>>, Refusal> {
        if matches!(self.memory, Memory::Untried) {
            let (table, gate) = (Table::new()?, Arc::new(Gate::new()?));
            self.memory = Memory::Kept(Sources { table, key: key(), gate, program: None });
            self.news = Some(News::Taken);
        }
        let attention = Attention { families: self.families, explained: &self.explained };
        let Memory::Kept(sources) = &mut self.memory else { return Ok(None) };
        let program = filter::exact_program(doors, attention, self.limit, &sources.key);
        sources.go_on_with(program.ok_or(Refusal::TooLong)?)?;
        Ok(Some(Arc::clone(&sources.gate)))
    }
}

impl Sources {
    fn go_on_with(&mut self, program: ExactProgram) -> Result<(), Refusal> {
        if self.program.as_ref() != Some(&program) {
            self.gate.put(&Loaded::new(&program, &self.table)?)?;
            self.program = Some(program);
        }
        Ok(())
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
            let filter = filters.filter(&doors("7000:udp,8000:udp"), &[]);
            let is_exact = FilterKind::of(&filter) == FilterKind::Exact;
            let mut first = reader(&filter);
            let send = |ports: &[u16]| ports.iter().for_each(|port| own_network::send(*port, b""));
            send(&[22, 8000]);
            assert_eq!(heard(&mut first), if is_exact { vec![] } else { vec![22, 8000] });
            send(&[7000, 22, 8000]);
            assert_eq!(heard(&mut first), [7000, 22, 8000]);
            // Another program, which begins with another port, knows the same sources.
            let filter = filters.filter(&doors("7001:udp,8000:udp"), &[]);
            let mut second = reader(&filter);
            send(&[22, 7000]);
            assert_eq!(heard(&mut second), [22, 7000]);
            assert_eq!(heard(&mut first), [22, 7000]);
        });
    }

    /// Where extended BPF is not allowed other doors have another filter, for other sockets.
    #[test]
    fn what_sockets_hear_changes_under_them() {
        in_own_network("monitor::filters::tests::what_sockets_hear_changes_under_them", || {
            let mut filters = Filters::new(Families::Both, false);
            let [before, after] = ["7000:udp,8000:udp", "7001:udp,8000:udp"].map(doors);
            let filter = filters.filter(&before, &[]);
            if FilterKind::of(&filter) == FilterKind::Classic {
                assert_ne!(filters.filter(&after, &before), filter);
                return;
            }
            let mut reader = reader(&filter);
            let mut hears = |port| {
                own_network::send(port, b"");
                heard(&mut reader) == [port]
            };
            assert!(!hears(7001));
            assert_eq!(filters.filter(&after, &before), filter);
            // Both at once, until it is over for those of before.
            assert!(hears(7001));
        });
    }

    /// By either kind of filter, too.
    #[test]
    fn who_is_explained_is_heard_and_remembered() {
        in_own_network("monitor::filters::tests::who_is_explained_is_heard_and_remembered", || {
            let mut filters = Filters::new(Families::Both, false);
            let doors = doors("7000,8000:udp");
            filters.explain(vec![std::net::Ipv4Addr::LOCALHOST.into()]);
            let explaining = filters.filter(&doors, &[]);
            let mut first = reader(&explaining);
            own_network::send(9, b"");
            assert_eq!(heard(&mut first), [9]);
            filters.explain(Vec::new());
            let next = filters.filter(&doors, &[]);
            assert_eq!(next == explaining, FilterKind::of(&next) == FilterKind::Exact);
            let mut second = reader(&next);
            own_network::send(9, b"");
            assert_eq!(heard(&mut second), [9], "it may have begun an attempt");
        });
    }

    #[test]
    fn what_the_kernel_takes_is_told_once() {
        let mut filters = Filters::new(Families::Both, false);
        let filter = filters.filter(&doors("1,2"), &[]);
        let line = match FilterKind::of(&filter) {
            FilterKind::Exact => "packets are filtered by extended BPF",
            FilterKind::Classic => {
                "packets are filtered by classic BPF: extended BPF, which is exact, needs Linux 5.11 and CAP_BPF \
                 (Operation not permitted (os error 1))"
            }
        };
        assert_eq!(told(&mut filters, &filter), [line]);
        let next = filters.filter(&doors("1,2,3"), &[]);
        assert_eq!(told(&mut filters, &next), [""; 0]);
    }

    #[test]
    fn what_is_refused_for_another_reason_is_not_laid_on_the_kernel() {
        let mut filters = Filters::without_memory();
        let mut told = |errno| {
            let refusal = std::io::Error::from_raw_os_error(errno).into();
            filters.news = Some(News::Refused(refusal));
            filters.take_news(FilterKind::Classic)[0].to_string()
        };
        assert!(told(libc::EPERM).contains("needs Linux 5.11 and CAP_BPF (Operation not permitted"));
        assert_eq!(
            told(libc::ENOMEM),
            "packets are filtered by classic BPF until knockd is started anew: extended BPF, which is exact, was \
             refused (Cannot allocate memory (os error 12))"
        );
    }

    #[test]
    fn the_one_in_use_is_kept_if_it_does_what_is_wanted() {
        for explains in [false, true] {
            let mut filters = Filters::new(Families::Both, explains);
            let first = filters.filter(&doors("1,2"), &[]);
            assert_eq!(filters.filter(&doors("1,3"), &[]), first);
            let other = filters.filter(&doors("1,3:udp"), &[]);
            assert_eq!(other == first, explains || FilterKind::of(&first) == FilterKind::Exact);
            assert!(!explains || FilterKind::of(&first) == FilterKind::Classic);
        }
    }

    #[test]
    fn what_has_been_refused_once_is_not_asked_for_again() {
        let mut filters = Filters::without_memory();
        let filter = filters.filter(&doors("1,2"), &[]);
        assert_eq!(FilterKind::of(&filter), FilterKind::Classic);
        assert_eq!(told(&mut filters, &filter), [""; 0]);
    }
}
