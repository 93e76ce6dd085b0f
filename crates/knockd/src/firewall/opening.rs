//! Sources in sets, each for a time.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use netlink_packet_core::NLM_F_CREATE;
use rustix::io::Errno;

use super::nf_tables::{
    attributes::{Attributes, Writer},
    batch::Batch,
    constants::{NFTA_LIST_ELEM, NFTA_TABLE, data, element, elements, message},
    expression::value,
    message::Reply,
    socket::{Refusal, Socket},
};

/// A source that is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Who it is.
    pub source: IpAddr,
    /// How long still, to a few milliseconds; none for whom somebody has put there without an end.
    pub left: Option<Duration>,
}

/// The shortest time for which the kernel keeps an element. It rounds down to its ticks, of which there are 100 a second
/// at least, and what is none of them would never end.
const SHORTEST: Duration = Duration::from_millis(20);

/// The longest: the kernel counts nanoseconds.
pub const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// More than passes between two looks at the clock while many sources are let in.
const SLACK: Duration = Duration::from_secs(1);

/// How often an extension is tried if the element ends at the same moment.
const TRIES: usize = 3;

/// How many elements go into one message: an attribute has at most 64 KiB.
const AT_ONCE: usize = 1024;

/// Where a set is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) family: u8,
    pub(super) table: &'a str,
    pub(super) set: &'a str,
}

impl Place<'_> {
    /// Has these keys be in the set for this time from now on, or longer if they were already.
    ///
    /// What is there is asked for first. To add it and be refused would save that for whoever is new, but a transaction
    /// that is refused has the kernel wait for all processors, tens of milliseconds (`__nf_tables_abort`).
    ///
    /// Kernels before 6.12 don't change the time of an element that is there. So it is added, in case it isn't there,
    /// taken away, and added again, all in one transaction, between whose ends no packet comes.
    pub(super) fn extend(self, socket: &mut Socket, keys: &[Vec<u8>], time: Duration) -> Result<(), Refusal> {
        let time = time.clamp(SHORTEST, LONGEST);
        let (mut shorter, mut are_new) = (Vec::new(), true);
        for key in keys {
            let left = self.left(socket, key)?;
            if left.is_shorter_than(time) {
                shorter.push(key.as_slice());
                are_new &= matches!(left, Left::Nothing);
            }
        }
        if shorter.is_empty() {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = socket.change(None, |batch| {
                let elements = |time| shorter.iter().map(|key| (*key, time)).collect::<Vec<_>>();
                if !are_new {
                    self.write(batch, message::NEWSETELEM, &elements(None));
                    self.write(batch, message::DELSETELEM, &elements(None));
                }
                self.write(batch, message::NEWSETELEM, &elements(Some(time)));
            });
            match outcome {
                // Older kernels find an element when it is added, and none any more when it is taken away.
                Err(refusal) if !are_new && refusal.is(Errno::NOENT) && tries < TRIES => {}
                outcome => return outcome,
            }
        }
    }

    /// The same for many sources in a set of addresses, each for a time of its own. Who lacks less than a second of it is
    /// left alone.
    pub(super) fn extend_all(
        self,
        socket: &mut Socket,
        sources: &[(IpAddr, Duration)],
    ) -> Result<(), Refusal> {
        let here: BTreeMap<_, _> =
            self.openings(socket)?.iter().map(|opening| (opening.source, opening.left)).collect();
        let (known, new): (Vec<_>, Vec<_>) =
            sources.iter().copied().partition(|(source, _)| here.contains_key(source));
        for some in new.chunks(AT_ONCE) {
            let elements = some.iter().map(|(source, time)| (key(*source), time.clamp(&SHORTEST, &LONGEST)));
            let elements: Vec<_> = elements.collect();
            let elements: Vec<_> =
                elements.iter().map(|(key, time)| (key.as_slice(), Some(**time))).collect();
            socket.change(None, |batch| self.write(batch, message::NEWSETELEM, &elements))?;
        }
        let is_shorter = |(source, time): &(IpAddr, Duration)| {
            let left = here.get(source).copied().flatten();
            left.is_some_and(|left| left.saturating_add(SLACK) < *time.min(&LONGEST))
        };
        let mut shorter = known.into_iter().filter(is_shorter);
        shorter.try_for_each(|(source, time)| self.extend(socket, &[key(source)], time))
    }

    /// Takes a key out, and tells whether it was there.
    pub(super) fn remove(self, socket: &mut Socket, key: &[u8]) -> Result<bool, Refusal> {
        match socket.change(None, |batch| self.write(batch, message::DELSETELEM, &[(key, None)])) {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.is(Errno::NOENT) => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    /// All sources in a set of addresses.
    pub(super) fn openings(self, socket: &mut Socket) -> Result<Vec<Opening>, Refusal> {
        let list = socket.list(
            message::GETSETELEM,
            self.family,
            |set| self.name(set),
            |reply| Some(reply.attributes.list(elements::LIST).filter_map(opening).collect::<Vec<_>>()),
        )?;
        Ok(list.into_iter().flatten().collect())
    }

    fn left(self, socket: &mut Socket, key: &[u8]) -> Result<Left, Refusal> {
        let write = |attributes: &mut Writer| {
            self.name(attributes);
            write_elements(attributes, &[(key, None)]);
        };
        let read = |reply: Reply<'_>| reply.attributes.list(elements::LIST).next().map(left);
        match socket.ask(message::GETSETELEM, self.family, write, read) {
            Ok(left) => Ok(left.unwrap_or(Left::Nothing)),
            Err(refusal) if refusal.is(Errno::NOENT) => Ok(Left::Nothing),
            Err(refusal) => Err(refusal),
        }
    }

    fn write(self, batch: &mut Batch, kind: u8, all: &[Element<'_>]) {
        let flags = if kind == message::NEWSETELEM { NLM_F_CREATE } else { 0 };
        batch.add(kind, flags, self.family, |attributes| {
            self.name(attributes);
            write_elements(attributes, all);
        });
    }

    fn name(self, attributes: &mut Writer) {
        attributes.text(NFTA_TABLE, self.table).text(elements::SET, self.set);
    }
}

/// A key, and the time for which it is to be there.
type Element<'a> = (&'a [u8], Option<Duration>);

/// How long an element stays in its set.
#[derive(Clone, Copy, Debug)]
enum Left {
    /// It isn't there.
    Nothing,
    Time(Duration),
    /// Somebody has put it there to stay.
    ForEver,
}

impl Left {
    fn is_shorter_than(self, time: Duration) -> bool {
        match self {
            Self::Nothing => true,
            Self::Time(left) => left < time,
            Self::ForEver => false,
        }
    }
}

fn write_elements(attributes: &mut Writer, all: &[Element<'_>]) {
    attributes.nested(elements::LIST, |list| {
        for (key, time) in all {
            list.nested(NFTA_LIST_ELEM, |member| {
                value(member, element::KEY, key);
                if let Some(time) = time {
                    member.long_number(element::TIMEOUT, u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
                }
            });
        }
    });
}

fn left(element: Attributes<'_>) -> Left {
    let milliseconds = element.long_number(element::EXPIRATION);
    milliseconds.map_or(Left::ForEver, |left| Left::Time(Duration::from_millis(left)))
}

/// What an element of a set of addresses is.
pub(super) fn opening(element: Attributes<'_>) -> Option<Opening> {
    let key = element.nested(element::KEY)?.bytes(data::VALUE)?;
    let v4 = || <[u8; 4]>::try_from(key).ok().map(|key| Ipv4Addr::from(key).into());
    let v6 = || <[u8; 16]>::try_from(key).ok().map(|key| Ipv6Addr::from(key).into());
    let left = match left(element) {
        Left::Time(left) => Some(left),
        Left::Nothing | Left::ForEver => None,
    };
    Some(Opening { source: v4().or_else(v6)?, left })
}

/// An address as the key of a set.
pub(super) fn key(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}
