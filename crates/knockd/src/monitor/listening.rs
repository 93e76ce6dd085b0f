//! The packet sockets: one for every interface that is listened on, or one for all of them.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use knock_core::{
    config::Listen,
    door::Door,
    filter::{self, Families, Program},
    interface::InterfaceIndex,
};
use rustix::io::Errno;
use thiserror::Error;

use crate::{
    ipc::SocketNumber,
    links::{Links, NoInterface},
    sandbox::MOST_SOCKETS,
    settings::Settings,
    sys::packet::PacketSocket,
};

/// The sockets that are open.
#[derive(Debug)]
pub struct Listening {
    families: Families,
    /// Whether everything that can be a hit is to come through, so that it can be explained.
    explains: bool,
    doors: Vec<Door>,
    /// How many instructions the filter may have, as far as we have found out.
    limit: usize,
    ears: Vec<Ear>,
    next_number: u32,
}

#[derive(Debug)]
struct Ear {
    number: SocketNumber,
    interface: InterfaceIndex,
    socket: PacketSocket,
}

/// What the watcher has to be told.
#[derive(Debug)]
pub enum Change {
    /// There is a new socket.
    Opened(SocketNumber, OwnedFd),
    /// A socket is of no use any more.
    Closed(SocketNumber),
}

/// What came of opening and closing sockets.
#[derive(Debug)]
pub struct Followed {
    /// What the watcher has to be told.
    pub changes: Vec<Change>,
    /// What could not be listened on.
    pub failures: Vec<ListenError>,
}

/// Why an interface can't be listened on.
#[derive(Debug, Error)]
pub enum ListenError {
    /// It isn't there.
    #[error(
        "{0}; choose with -i or with Interface in [options], or have it waited for with InterfaceWait = yes"
    )]
    Missing(#[from] NoInterface),
    /// There are more than the process that looks at packets can hold.
    #[error("cannot listen on {0} interfaces by name, at most {MOST_SOCKETS}; use Interface = any")]
    TooMany(usize),
    /// We are not allowed to.
    #[error("not allowed to listen to packets: start knockd as root (it needs CAP_NET_RAW)")]
    NotAllowed,
    /// The system refuses.
    #[error("cannot listen on {name}: {error}")]
    System {
        /// Where.
        name: String,
        /// Why not.
        error: io::Error,
    },
}

impl Listening {
    /// No sockets and no doors yet.
    #[must_use]
    pub fn new(families: Families, explains: bool) -> Self {
        Self { families, explains, doors: Vec::new(), limit: Program::MAX, ears: Vec::new(), next_number: 0 }
    }

    /// Makes sure that everything wanted exists, or may come later.
    pub fn require(settings: &Settings, links: &Links) -> Result<(), ListenError> {
        if let Listen::Named(names) = &settings.interfaces
            && names.len() > MOST_SOCKETS
        {
            return Err(ListenError::TooMany(names.len()));
        }
        match missing(&settings.interfaces, links).next() {
            Some(missing) if !settings.waits => Err(missing.into()),
            _ => Ok(()),
        }
    }

    /// Makes sure that we may listen at all, where there is nothing yet to listen on.
    pub fn try_out(&mut self) -> Result<(), ListenError> {
        if self.ears.is_empty() {
            self.open("any", InterfaceIndex::default())?;
            self.ears.clear();
        }
        Ok(())
    }

    /// Opens and closes sockets until there is one for everything wanted that exists now, as far as that can be done.
    pub fn follow(&mut self, wanted: &Listen, links: &Links) -> Followed {
        let wanted: Vec<(String, InterfaceIndex)> = match wanted {
            Listen::Any => vec![("any".to_owned(), InterfaceIndex::default())],
            Listen::Named(names) => names
                .iter()
                .filter_map(|name| Some((name.clone(), links.named(base(name)).ok()?.0)))
                .collect(),
        };
        let mut failures = Vec::new();
        if wanted.len() > MOST_SOCKETS {
            failures.push(ListenError::TooMany(wanted.len()));
        }
        let is_wanted = |ear: &Ear| wanted.iter().any(|(_, index)| *index == ear.interface);
        let mut changes: Vec<Change> =
            self.ears.extract_if(.., |ear| !is_wanted(ear)).map(|ear| Change::Closed(ear.number)).collect();
        for (name, interface) in wanted.into_iter().take(MOST_SOCKETS) {
            if self.ears.iter().any(|ear| ear.interface == interface) {
                continue;
            }
            match self.open(&name, interface) {
                Ok(change) => changes.push(change),
                Err(failure) => failures.push(failure),
            }
        }
        Followed { changes, failures }
    }

    /// Closes what listens on an interface that has gone: should another, or the same, come under its index, the
    /// socket would not hear it.
    pub fn leave(&mut self, gone: InterfaceIndex) -> Vec<Change> {
        let ears = self.ears.extract_if(.., |ear| ear.interface == gone);
        ears.map(|ear| Change::Closed(ear.number)).collect()
    }

    /// Closes all that listen on an interface of their own: any of them may have gone unnoticed and come back.
    pub fn leave_named(&mut self) -> Vec<Change> {
        let ears = self.ears.extract_if(.., |ear| ear.interface != InterfaceIndex::default());
        ears.map(|ear| Change::Closed(ear.number)).collect()
    }

    /// Has every socket let through what these doors need.
    pub fn set_doors(&mut self, doors: Vec<Door>) -> io::Result<()> {
        self.doors = doors;
        let ears = std::mem::take(&mut self.ears);
        let result = self.with_filter(|filter| ears.iter().try_for_each(|ear| ear.socket.set_filter(filter)));
        self.ears = ears;
        result
    }

    /// Closes all sockets.
    pub fn close_all(&mut self) {
        self.ears.clear();
    }

    /// All sockets, for a watcher that has none yet.
    pub fn all(&self) -> io::Result<Vec<Change>> {
        self.ears.iter().map(Ear::change).collect()
    }

    fn open(&mut self, name: &str, interface: InterfaceIndex) -> Result<Change, ListenError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied => ListenError::NotAllowed,
            _ => ListenError::System { name: name.to_owned(), error },
        };
        let socket = self.with_filter(|filter| PacketSocket::open(interface, filter)).map_err(failed)?;
        let ear = Ear { number: SocketNumber(self.next_number), interface, socket };
        self.next_number = self.next_number.wrapping_add(1);
        let change = ear.change().map_err(failed)?;
        self.ears.push(ear);
        Ok(change)
    }

    /// Uses the most exact filter that the kernel has memory for (`net.core.optmem_max`).
    fn with_filter<T>(&mut self, attach: impl Fn(&Program) -> io::Result<T>) -> io::Result<T> {
        loop {
            let filter = if self.explains {
                filter::any_hit(self.families)
            } else {
                filter::program(&self.doors, self.families, self.limit)
            };
            match attach(&filter) {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOMEM) && self.limit > 256 => {
                    self.limit /= 2;
                }
                result => return result,
            }
        }
    }
}

/// What is wanted and doesn't exist now.
pub fn missing(wanted: &Listen, links: &Links) -> impl Iterator<Item = NoInterface> {
    let names = match wanted {
        Listen::Any => &[][..],
        Listen::Named(names) => names,
    };
    names.iter().filter_map(|name| links.named(base(name)).err())
}

/// Whether an interface of this name is one of those to listen on.
#[must_use]
pub fn is_wanted(wanted: &Listen, name: &str) -> bool {
    match wanted {
        Listen::Any => true,
        Listen::Named(names) => names.iter().any(|wanted| base(wanted) == name),
    }
}

/// What is listened on, in words.
#[must_use]
pub fn names(wanted: &Listen) -> String {
    match wanted {
        Listen::Any => "any".to_owned(),
        Listen::Named(names) => names.join(", "),
    }
}

/// The interface itself, where one of its addresses is named by a label such as `eth0:1`: packets come in on no label.
fn base(name: &str) -> &str {
    name.split_once(':').map_or(name, |(base, _)| base)
}

impl Ear {
    fn change(&self) -> io::Result<Change> {
        Ok(Change::Opened(self.number, self.socket.as_fd().try_clone_to_owned()?))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;
    use knock_core::config::Options;

    use super::*;
    use crate::cli::Arguments;

    #[test]
    fn more_interfaces_than_the_watcher_can_hold_are_refused() {
        let links = Links::open().unwrap();
        let names: Vec<_> = (0..=MOST_SOCKETS).map(|number| format!("none{number}")).collect();
        let arguments = Arguments::parse_from(["knockd", "--service", "-i", &names.join(",")]);
        let settings = Settings::new(&arguments, &Options::default(), Path::new("/"));
        let error = Listening::require(&settings, &links).unwrap_err().to_string();
        assert_eq!(error, "cannot listen on 251 interfaces by name, at most 250; use Interface = any");
    }
}
