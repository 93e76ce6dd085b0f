//! What the manager of services wants to hear of us: the protocol of `sd_notify(3)`.
//!
//! The usual libraries open a socket for each message and wait until it is taken. Here it is kept, and a manager that
//! takes nothing holds up nobody: what it is to know is said again until it is taken.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    time::Duration,
};

use knock_core::moment::Moment;

use crate::clock;

/// The variable with the address that messages go to.
pub(super) const ADDRESS: &str = "NOTIFY_SOCKET";

/// The variable with the microseconds after which a service that gives no sign of life is started anew
/// (`sd_watchdog_enabled(3)`).
const WATCHDOG: &str = "WATCHDOG_USEC";

/// The variable with the process that this is asked of; without it, it is whoever reads it.
const WATCHED: &str = "WATCHDOG_PID";

/// The sign of life.
const ALIVE: &str = "WATCHDOG=1";

/// After this time a message that was not taken is sent again.
const AGAIN: Duration = Duration::from_millis(100);

/// The one who has started us as a service and waits for our word: systemd, or whoever speaks as it does. Without one
/// all of this does nothing.
#[derive(Debug, Default)]
pub struct Manager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Watchdog>,
    /// Whether it waits for the end of a reload.
    is_reloading: bool,
    /// What it had no room for, in order.
    unsent: Vec<String>,
    /// When that is sent again.
    again: Moment,
}

/// Signs of life that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Watchdog {
    every: Duration,
    next: Moment,
}

impl Manager {
    /// The one that our environment names.
    ///
    /// Fails if nothing can be sent to the address there.
    pub fn find() -> io::Result<Self> {
        Self::named(|name| env::var_os(name))
    }

    fn named(variable: impl Fn(&str) -> Option<OsString>) -> io::Result<Self> {
        let Some(address) = variable(ADDRESS).filter(|address| !address.is_empty()) else {
            return Ok(Self::default());
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&socket_address(&address)?)?;
        socket.set_nonblocking(true)?;
        let every = watchdog_interval(variable(WATCHDOG).as_deref(), variable(WATCHED).as_deref());
        let watchdog = every.map(|every| Watchdog { every, next: clock::now() });
        Ok(Self { socket: Some(socket), watchdog, ..Self::default() })
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// Whether it waits for the end of a reload.
    #[must_use]
    pub fn is_reloading(&self) -> bool {
        self.is_reloading
    }

    /// We do our work: for the first time, or again after a reload. `status` is a line for people.
    pub fn ready(&mut self, now: Moment, status: &str) {
        self.is_reloading = false;
        self.send(now, format!("READY=1\n{}", status_line(status)));
    }

    /// A reload begins; [`Manager::ready`] is its end.
    pub fn reloading(&mut self, now: Moment) {
        self.is_reloading = self.is_there();
        // Who has asked for the reload tells by the time that this is the answer.
        let began = clock::monotonic().as_micros();
        self.send(now, format!("RELOADING=1\nMONOTONIC_USEC={began}"));
    }

    /// We end.
    pub fn stopping(&mut self, now: Moment, status: &str) {
        self.send(now, format!("STOPPING=1\n{ALIVE}\n{}", status_line(status)));
    }

    /// When [`Manager::pass_time`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        let again = (!self.unsent.is_empty()).then_some(self.again);
        let alive = self.watchdog.map(|watchdog| watchdog.next);
        again.into_iter().chain(alive).min()
    }

    /// Sends what is due: signs of life, and what could not be sent before. To be called by whoever does the work, so
    /// that one who hangs gives no sign.
    pub fn pass_time(&mut self, now: Moment) {
        if !self.unsent.is_empty() && self.again <= now {
            let unsent = std::mem::take(&mut self.unsent);
            for message in unsent {
                self.send(now, message);
            }
        }
        let Some(watchdog) = self.watchdog.as_mut().filter(|watchdog| watchdog.next <= now) else { return };
        watchdog.next = now.after(watchdog.every);
        // One that is not taken is followed by another before the time is over.
        let _ = self.socket.as_ref().map(|socket| socket.send(ALIVE.as_bytes()));
    }

    fn send(&mut self, now: Moment, message: String) {
        let Some(socket) = &self.socket else { return };
        // In order, or a reload would end before it has begun.
        let has_room = self.unsent.is_empty() && was_taken(&socket.send(message.as_bytes()));
        if !has_room {
            self.unsent.push(message);
            self.again = now.after(AGAIN);
        }
    }
}

/// Whether a message is off our hands. One that fails for another reason than lack of room would fail again.
fn was_taken(sent: &io::Result<usize>) -> bool {
    !matches!(sent, Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS)))
}

fn status_line(status: &str) -> String {
    // A line break would begin another assignment.
    format!("STATUS={}", status.replace('\n', " "))
}

/// A path, or behind an `@` a name that is in no folder.
fn socket_address(address: &OsStr) -> io::Result<SocketAddr> {
    match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        path => SocketAddr::from_pathname(OsStr::from_bytes(path)),
    }
}

/// How often a sign of life is due: twice in the time that is said, if it is asked of us.
fn watchdog_interval(microseconds: Option<&OsStr>, watched: Option<&OsStr>) -> Option<Duration> {
    let number = |text: &OsStr| text.to_str().and_then(|text| text.parse::<u64>().ok());
    if watched.is_some_and(|watched| number(watched) != Some(process::id().into())) {
        return None;
    }
    let microseconds = microseconds.and_then(number).filter(|microseconds| *microseconds > 0)?;
    Some(Duration::from_micros(microseconds) / 2)
}

#[cfg(test)]
mod tests;
