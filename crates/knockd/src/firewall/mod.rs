//! The kernel's firewall, for doors that say which ports they open.
//!
//! A table of our own, `inet knockd`, keeps everybody from the ports that doors name, but for those who are in the sets
//! of the doors ([`Firewall::install`], [`Firewall::let_in`]). The kernel takes a source out of a set when its time is
//! over: nothing has to be done to shut a door. Hosts with rules of their own have their own sets filled
//! ([`Firewall::own_set`], [`Firewall::add`]).
//!
//! All by netlink (`nf_tables`), every change as a whole or not at all.

mod by_hand;
mod error;
mod guarded_door;
mod ip_version;
mod meddling;
mod nf_tables;
mod obstacle;
mod open_set;
mod opening;
mod own_table;
mod ruleset;
mod set_name;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use knock_core::{config::DoorName, ports::Ports, set_address::SetAddress};
use rustix::io::Errno;

pub use self::{
    by_hand::ByHand,
    error::FirewallError,
    guarded_door::GuardedDoor,
    ip_version::IpVersion,
    meddling::{Meddling, News},
    obstacle::{Obstacle, Surroundings},
    open_set::{OpenSet, SetMistake},
    opening::{LONGEST, Opening},
};
use self::{
    meddling::Listener,
    nf_tables::{
        attributes::Writer,
        constants::{NFTA_TABLE, family, message},
        socket::{Refusal, Socket},
    },
    opening::{Place, key},
    own_table::{OwnTable, TABLE},
    set_name::set_name,
};

/// How often the guard is put up anew if somebody else changes the ruleset meanwhile.
const TRIES: usize = 20;

/// The firewall of the network that this process is in.
#[derive(Debug)]
pub struct Firewall {
    socket: Socket,
    listener: Listener,
    /// The number by which our own changes are known.
    number: u32,
    /// The table as we have left it, if that could be read.
    left: Option<OwnTable>,
}

/// Whether there is a table `inet knockd`, by one question; it takes the right to change it.
pub fn has_own_table() -> Result<bool, FirewallError> {
    let at_first = |refusal| FirewallError::at_first(&refusal);
    let mut socket = Socket::open(0).map_err(|error| at_first(Refusal::Socket(error)))?;
    let name = |attributes: &mut Writer| {
        attributes.text(NFTA_TABLE, TABLE);
    };
    match socket.ask(message::GETTABLE, family::INET, name, |_| ()) {
        Ok(()) => Ok(true),
        Err(refusal) if refusal.is(Errno::NOENT) => Ok(false),
        Err(refusal) => Err(at_first(refusal)),
    }
}

impl Firewall {
    /// Finds out whether the firewall can be changed.
    pub fn open() -> Result<Self, FirewallError> {
        let at_first = |error| FirewallError::at_first(&Refusal::Socket(error));
        let listener = Listener::open().map_err(at_first)?;
        let mut socket = Socket::open(0).map_err(at_first)?;
        let number = socket.number().map_err(at_first)?;
        socket.generation().map_err(|refusal| FirewallError::at_first(&refusal))?;
        Ok(Self { socket, listener, number, left: Some(OwnTable::default()) })
    }

    /// Has the table `inet knockd` guard these doors and no others, from one packet to the next. Openings of doors that
    /// were guarded before, by whatever process, stay as long as they would have; those of others go.
    pub fn install(&mut self, doors: &[GuardedDoor<'_>]) -> Result<(), FirewallError> {
        self.install_with(doors, &BTreeSet::new())
    }

    /// The same, but nobody is let in any more at those of these doors that are emptied.
    pub fn install_with(
        &mut self,
        doors: &[GuardedDoor<'_>],
        emptied: &BTreeSet<&DoorName>,
    ) -> Result<(), FirewallError> {
        let mut names = BTreeSet::new();
        if let Some(door) = doors.iter().find(|door| !names.insert(door.name)) {
            return Err(FirewallError::SameName(door.name.clone()));
        }
        self.change_table(|batch, before| ruleset::write(batch, doors, emptied, before))
            .map_err(|refusal| FirewallError::of_the_guard(&refusal))
    }

    /// Removes the table `inet knockd` with all that is in it, and tells whether it was there.
    pub fn flush(&mut self) -> Result<bool, FirewallError> {
        match self.change_table(|batch, _| ruleset::write_removal(batch)) {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.is(Errno::NOENT) => Ok(false),
            Err(refusal) => {
                Err(FirewallError::new("removing the guard of the doors (table inet knockd)", &refusal))
            }
        }
    }

    /// Whether there is something of the table `inet knockd`.
    pub fn is_there(&mut self) -> Result<bool, FirewallError> {
        let found = OwnTable::read(&mut self.socket)
            .map_err(|refusal| FirewallError::new("looking for the table inet knockd", &refusal))?;
        Ok(found != OwnTable::default())
    }

    /// Lets a source in at a door that is guarded, for this time from now on, or longer if it was let in for longer
    /// already. The time is one of the kernel's ticks exact, some milliseconds, and at least 20 milliseconds.
    pub fn let_in(&mut self, door: &DoorName, source: IpAddr, time: Duration) -> Result<(), FirewallError> {
        let set = set_name(door, IpVersion::of(source));
        own(&set).extend(&mut self.socket, &[key(source)], time).map_err(|refusal| not_let_in(&set, &refusal))
    }

    /// The same for many sources, a thousand in one change: to have them back whose openings somebody has removed. The
    /// first refusal ends it, with those before it let in.
    pub fn let_in_all(
        &mut self,
        door: &DoorName,
        sources: &[(IpAddr, Duration)],
    ) -> Result<(), FirewallError> {
        for version in IpVersion::ALL {
            let of_version = |(source, _): &&(IpAddr, Duration)| IpVersion::of(*source) == version;
            let sources: Vec<_> = sources.iter().filter(of_version).copied().collect();
            if !sources.is_empty() {
                let set = set_name(door, version);
                let done = own(&set).extend_all(&mut self.socket, &sources);
                done.map_err(|refusal| not_let_in(&set, &refusal))?;
            }
        }
        Ok(())
    }

    /// Shuts a source out at a door before its time is over, and tells whether it was let in.
    pub fn shut_out(&mut self, door: &DoorName, source: IpAddr) -> Result<bool, FirewallError> {
        let set = set_name(door, IpVersion::of(source));
        own(&set)
            .remove(&mut self.socket, &key(source))
            .map_err(|refusal| FirewallError::new("shutting a source out", &refusal))
    }

    /// Who is let in at a door; nobody if it isn't guarded. While the kernel makes room for many more sources at once its
    /// list can lack some of them, or have one twice.
    pub fn openings(&mut self, door: &DoorName) -> Result<Vec<Opening>, FirewallError> {
        let mut all = Vec::new();
        for version in IpVersion::ALL {
            match own(&set_name(door, version)).openings(&mut self.socket) {
                Ok(openings) => all.extend(openings),
                Err(refusal) if refusal.is(Errno::NOENT) => {}
                Err(refusal) => return Err(FirewallError::new("reading who is let in", &refusal)),
            }
        }
        Ok(all)
    }

    /// Looks up a set of the administrator's own ruleset that sources of this version are to be put into, for a door with
    /// these ports.
    pub fn own_set(
        &mut self,
        address: &SetAddress,
        version: IpVersion,
        ports: Option<&Ports>,
    ) -> Result<OpenSet, SetMistake> {
        OpenSet::look_up(&mut self.socket, address, version, ports)
    }

    /// Puts a source into such a set for this time, like [`let_in`](Self::let_in). Who is in it without an end stays so.
    /// Nothing is done for a source of another version.
    pub fn add(&mut self, set: &OpenSet, source: IpAddr, time: Duration) -> Result<(), FirewallError> {
        set.place().extend(&mut self.socket, &set.keys(source), time).map_err(|refusal| match refusal {
            refusal if refusal.is(Errno::NOENT) => FirewallError::NoSet(set.address().to_string()),
            refusal => FirewallError::new("putting a source into a set", &refusal),
        })
    }

    /// Takes a source out of such a set before its time is over, and tells whether it was in it.
    pub fn take_out(&mut self, set: &OpenSet, source: IpAddr) -> Result<bool, FirewallError> {
        let mut was_there = false;
        for key in set.keys(source) {
            was_there |= set
                .place()
                .remove(&mut self.socket, &key)
                .map_err(|refusal| FirewallError::new("taking a source out of a set", &refusal))?;
        }
        Ok(was_there)
    }

    /// Takes in what others have done to the ruleset, without waiting and not too much at once. What they have done to our
    /// table is undone by [`install`](Self::install). There may be something, or more, when the descriptor of this value
    /// can be read from.
    pub fn news(&mut self) -> Result<News, FirewallError> {
        // Whatever was done to it before it is read now is heard after that, or lost.
        let read_late = if self.left.is_none() { OwnTable::read(&mut self.socket).ok() } else { None };
        let news = self.listener.hear(self.number).map_err(|refusal| not_followed(&refusal))?;
        if news == News::Nothing {
            self.left = self.left.take().or(read_late);
        }
        Ok(news)
    }

    /// Compares our table with how it was left, to know what others have done where [`News`] of it were lost.
    pub fn compare(&mut self) -> Result<Option<Meddling>, FirewallError> {
        let now = OwnTable::read(&mut self.socket).map_err(|refusal| not_followed(&refusal))?;
        let removed = now == OwnTable::default();
        // What can't be told apart is put up anew.
        Ok((self.left.as_ref() != Some(&now)).then_some(Meddling { removed, by: None }))
    }

    /// Whom others have let in at these doors by hand, or thrown out, since this was asked last, as far as
    /// [`news`](Self::news) have told of it. Nothing is said of whom we have let in or shut out since, nor of those who were
    /// in a set or table that was removed as a whole.
    pub fn by_hand<'a>(
        &mut self,
        doors: impl IntoIterator<Item = &'a DoorName>,
    ) -> Vec<(&'a DoorName, IpAddr, ByHand)> {
        let changes = self.listener.by_hand();
        if changes.is_empty() {
            return Vec::new();
        }
        let named = |door| IpVersion::ALL.map(|version| (set_name(door, version), door));
        let doors: BTreeMap<_, _> = doors.into_iter().flat_map(named).collect();
        let changes = changes.into_iter();
        changes.filter_map(|((set, source), change)| Some((*doors.get(&set)?, source, change))).collect()
    }

    /// Takes in that a look at the [`Surroundings`] begins, which may go on beside everything else.
    pub fn begin_look(&mut self) {
        self.listener.begin_look();
    }

    /// Takes in what it has found, and gives the obstacles.
    pub fn end_look(&mut self, surroundings: Surroundings) -> Vec<Obstacle> {
        self.listener.end_look(surroundings.sight);
        surroundings.obstacles
    }

    /// Whether others have changed anything since this was asked last, or a look began, that may have made other obstacles,
    /// as far as [`news`](Self::news) have told of it.
    pub fn may_have_other_obstacles(&mut self) -> bool {
        self.listener.sees_another()
    }

    fn change_table(
        &mut self,
        write: impl Fn(&mut nf_tables::batch::Batch, &OwnTable),
    ) -> Result<(), Refusal> {
        let mut tries = 0;
        loop {
            tries += 1;
            let basis = self.socket.generation()?;
            let before = OwnTable::read(&mut self.socket)?;
            if before.flags.is_some_and(|flags| flags != 0) && tries < TRIES {
                match self.socket.change(Some(basis), ruleset::write_awakening) {
                    Err(refusal) if !refusal.is(ERESTART) => return Err(refusal),
                    _ => continue,
                }
            }
            match self.socket.change(Some(basis), |batch| write(batch, &before)) {
                Err(refusal) if refusal.is(ERESTART) && tries < TRIES => {}
                Err(refusal) => return Err(refusal),
                Ok(()) => break,
            }
        }
        // The change is made: that this fails is no reason to say otherwise.
        self.left = OwnTable::read(&mut self.socket).ok();
        Ok(())
    }
}

/// The kernel's own number for "once more" (`ERESTART` in its linux/errno.h).
const ERESTART: Errno = Errno::from_raw_os_error(85);

impl AsFd for Firewall {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

fn own(set: &str) -> Place<'_> {
    Place { family: family::INET, table: TABLE, set }
}

fn not_followed(refusal: &Refusal) -> FirewallError {
    FirewallError::new("looking who changes the table inet knockd", refusal)
}

fn not_let_in(set: &str, refusal: &Refusal) -> FirewallError {
    if refusal.is(Errno::NOENT) {
        return FirewallError::NoSet(format!("inet {TABLE} {set}"));
    }
    FirewallError::new("letting a source in", refusal)
}
