//! The half that listens: packets in, reports out. It knows doors by their numbers and nothing of what they open.

mod listener;
mod packets;
mod reporter;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io,
    mem::ManuallyDrop,
    net::IpAddr,
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
    time::Duration,
};

use knock_core::{
    engine::Engine,
    hit::Hit,
    host::{Host, Interface},
    moment::Moment,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use thiserror::Error;

use self::{listener::Listener, reporter::Reporter};
use crate::{
    clock::{self, Alarm},
    complaint::complain,
    ipc::{
        AddressKind, LENGTH, Load, Malformed, Order, Report, SocketNumber,
        channel::{Channel, ReceiveError, Received},
    },
    sandbox,
    sys::{
        descriptors, forbidden,
        packet::{PacketReader, RingSize},
        signals,
        slice::{self, Offspring},
    },
};

/// How many packets of one socket are taken before the others, and the monitor, get their turn.
const TURN: usize = 256;

/// From so many packets in one turn on we rest before the next: as long as nobody waits for packets, the kernel has nobody
/// to wake up.
const BUSY: usize = 16;

/// For how long: a ring holds what comes in some hundred times that.
const REST: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000 };

/// So long attempts whose time is over may stay in the table, for the next ones to end with them, when others have just
/// ended. A hit that comes meanwhile does not find them.
const GATHERING: Duration = Duration::from_millis(5);

/// More packets than fit into the ring or the queue of a socket, whatever the system allows for that.
const MOST_WAITING: usize = 1 << 20;

/// More packets than a ring or a queue of ours holds. Who goes on hearing is not read until nothing comes any more.
const MOST_UNREAD: usize = 1 << 13;

/// What is meant for the monitor when it is sent to all that is called knockd, to a control group or by a terminal. The
/// watcher ends when the monitor does, and the monitor ends it by `SIGKILL`.
const FOR_THE_MONITOR: [i32; 6] =
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2];

/// Why the watcher ends before its monitor does.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    #[error(transparent)]
    System(#[from] io::Error),
    #[error("a packet socket failed")]
    Deaf,
}

struct Watcher {
    engine: Engine,
    reporter: Reporter,
    listeners: Vec<Listener>,
    /// Those that count from the next [`Order::Confirm`] on.
    coming: Vec<Listener>,
    /// Whether doors are being changed: until that is done no packet is looked at, lest it find neither the old door nor
    /// the new one.
    is_changing: bool,
    /// Whether so many packets come in that it pays to let some of them gather.
    may_rest: bool,
    /// Ends a sleep on time.
    alarm: Alarm,
    /// The addresses noted for the next [`Order::SetHost`].
    noted: BTreeMap<knock_core::interface::InterfaceIndex, Interface>,
    /// Whether the monitor may have written something.
    is_called: bool,
    /// When attempts were last ended whose time was over.
    expired: Moment,
    /// How many packets were looked at.
    packets: u64,
    /// The last hits that were taken together; kept for its memory only.
    hits: Vec<Hit>,
}

/// Runs the watcher until its monitor, at the other end of standard input, is gone.
#[must_use]
pub fn run() -> ExitCode {
    // Who has no name of the thread still has its arguments to go by.
    let _ = rustix::thread::set_name(c"knockd-watcher");
    for signal in FOR_THE_MONITOR {
        // It fails for none of these.
        let _ = signals::ignore(signal);
    }
    // Before everything is given up. Without it a busy machine costs more.
    let _ = slice::ask_for_short(Offspring::None);
    // Standard input stays open until the very end, so that the monitor doesn't see it before.
    let ended = descriptors::keep_two()
        .and_then(|()| io::stdin().as_fd().try_clone_to_owned())
        .map_err(Failure::from)
        .and_then(watch);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(format_args!("knockd: watcher: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn watch(socket: OwnedFd) -> Result<(), Failure> {
    let mut reporter = Reporter::new(Channel::new(socket));
    let Some(first) = wait_for_order(&mut reporter)? else { return Ok(()) };
    let Order::Begin { capacity, seed, explain, identity } = first else {
        return Err(ReceiveError::from(Malformed("the first order must be to begin")).into());
    };
    let alarm = Alarm::new()?;
    forbidden::tell_standard_input::<{ Report::FORBIDDEN }, LENGTH>()?;
    let protections = sandbox::confine(identity, reporter.channel().as_fd());
    reporter.report(Report::Confined(protections))?;
    let mut engine = Engine::new(Host::interfaces(BTreeMap::new()), capacity as usize, seed);
    engine.explain(explain);
    reporter.explain(explain);
    // The channel may not be closed any more but by the end of the process.
    let mut watcher = ManuallyDrop::new(Watcher {
        engine,
        reporter,
        listeners: Vec::new(),
        coming: Vec::new(),
        is_changing: false,
        may_rest: false,
        alarm,
        noted: BTreeMap::new(),
        is_called: true,
        expired: Moment::default(),
        packets: 0,
        hits: Vec::with_capacity(Engine::AHEAD),
    });
    while watcher.follow_orders()? {
        let is_ready = watcher.wait()?;
        watcher.listen(&is_ready)?;
        watcher.inquire()?;
        watcher.expire()?;
    }
    Ok(())
}

fn wait_for_order(reporter: &mut Reporter) -> Result<Option<Order>, Failure> {
    loop {
        match reporter.channel().receive()? {
            Received::Message(frame, _) => {
                return Ok(Some(Order::decode(&frame).map_err(ReceiveError::from)?));
            }
            Received::Closed => return Ok(None),
            Received::Nothing => wait_for(&mut [PollFd::new(reporter.channel(), PollFlags::IN)], None)?,
        }
    }
}

impl Watcher {
    /// Does what the monitor has asked for; false when there is no monitor any more.
    fn follow_orders(&mut self) -> Result<bool, Failure> {
        while self.is_called {
            match self.reporter.channel().receive()? {
                Received::Message(frame, descriptor) => {
                    self.follow(Order::decode(&frame).map_err(ReceiveError::from)?, descriptor)?;
                }
                Received::Nothing if self.is_changing => {
                    wait_for(&mut [PollFd::new(self.reporter.channel(), PollFlags::IN)], None)?;
                }
                Received::Nothing => self.is_called = false,
                Received::Closed => return Ok(false),
            }
        }
        Ok(true)
    }

    fn follow(&mut self, order: Order, descriptor: Option<OwnedFd>) -> Result<(), Failure> {
        match order {
            Order::Begin { .. } => return Err(ReceiveError::from(Malformed("a second beginning")).into()),
            Order::Add(door) => {
                self.begin_to_change()?;
                self.engine.add(door);
            }
            Order::Remove(number) => {
                self.begin_to_change()?;
                self.engine.remove(number);
            }
            Order::Address { interface, kind, address } => {
                let interface = self.noted.entry(interface).or_default();
                match (kind, address) {
                    (AddressKind::Own, address) => interface.addresses.push(address),
                    (AddressKind::Loopback, address) => {
                        interface.loopback = true;
                        interface.addresses.push(address);
                    }
                    (AddressKind::Broadcast, IpAddr::V4(address)) => {
                        interface.broadcasts.push(address);
                    }
                    (AddressKind::Broadcast, IpAddr::V6(_)) => {
                        return Err(ReceiveError::from(Malformed("IPv6 has no broadcast")).into());
                    }
                }
            }
            Order::Explain(source) => self.explain(source, true),
            Order::ExplainNoMore(source) => self.explain(source, false),
            Order::SetHost => self.engine.set_host(Host::interfaces(std::mem::take(&mut self.noted))),
            Order::Listen(number, ring) => {
                let listener = adopt(number, descriptor, ring)?;
                self.listeners.push(listener);
            }
            Order::Replace { old, new, ring } => {
                self.coming.push(adopt(new, descriptor, ring)?);
                self.empty(old)?;
                self.listeners.retain(|listener| listener.number != old);
            }
            Order::Leave(number) => {
                self.listeners.retain(|listener| listener.number != number);
                self.coming.retain(|listener| listener.number != number);
            }
            Order::Confirm => {
                self.listeners.append(&mut self.coming);
                self.is_changing = false;
                let attempts = u32::try_from(self.engine.attempts()).unwrap_or(u32::MAX);
                self.reporter.report(Report::Ready(Load { attempts, packets: self.packets }))?;
            }
        }
        Ok(())
    }

    fn explain(&mut self, source: IpAddr, explains: bool) {
        self.engine.explain_source(source, explains);
        self.reporter.explain_source(source, explains);
    }

    /// Takes in what was heard for the doors of before, and looks at no packet from now on.
    fn begin_to_change(&mut self) -> Result<(), Failure> {
        if self.is_changing {
            return Ok(());
        }
        self.is_changing = true;
        let now = clock::now();
        for listener in &mut self.listeners {
            packets::take(&mut self.engine, &mut self.reporter, &mut self.hits, listener, MOST_UNREAD, now)?;
        }
        Ok(())
    }

    /// Sleeps until there is something to do. Tells of each listener whether it has packets or an error, or may have.
    fn wait(&mut self) -> Result<Vec<bool>, Failure> {
        let expiry = self.engine.next_deadline().map(|deadline| deadline.max(self.expired.after(GATHERING)));
        let ours = [expiry, self.reporter.next_deadline()];
        let theirs = self.listeners.iter().map(Listener::next_deadline);
        self.alarm.set(ours.into_iter().chain(theirs).flatten().min())?;
        let mut polled = vec![
            PollFd::new(self.reporter.channel(), self.reporter.wanted()),
            PollFd::new(&self.alarm, PollFlags::IN),
        ];
        // What is needed from waking up to the report is there before.
        let mut is_ready = Vec::with_capacity(self.listeners.len());
        if self.may_rest {
            wait_for(&mut polled, Some(&REST))?;
            self.is_called = polled.first().is_none_or(|channel| !channel.revents().is_empty());
            is_ready.resize(self.listeners.len(), true);
            return Ok(is_ready);
        }
        polled.extend(self.listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN)));
        wait_for(&mut polled, None)?;
        let mut is_woken = polled.iter().map(|polled| !polled.revents().is_empty());
        self.is_called = is_woken.next().unwrap_or(true);
        is_ready.extend(is_woken.skip(1));
        Ok(is_ready)
    }

    /// Takes in the packets that have come, from the listeners that are ready.
    fn listen(&mut self, is_ready: &[bool]) -> Result<(), Failure> {
        let now = clock::now();
        let (mut all, mut is_any_left) = (0, false);
        for (listener, _) in self.listeners.iter_mut().zip(is_ready).filter(|(_, is_ready)| **is_ready) {
            let taken =
                packets::take(&mut self.engine, &mut self.reporter, &mut self.hits, listener, TURN, now)?;
            all += taken;
            is_any_left |= taken == TURN;
        }
        self.packets = self.packets.saturating_add(all as u64);
        self.may_rest = all >= BUSY && !is_any_left;
        Ok(())
    }

    /// Takes in all that waits in a listener which hears nothing any more.
    fn empty(&mut self, number: SocketNumber) -> Result<(), Failure> {
        let listener = self.listeners.iter_mut().find(|listener| listener.number == number);
        let listener = listener.ok_or(ReceiveError::from(Malformed("no such socket")))?;
        let taken = packets::take(
            &mut self.engine,
            &mut self.reporter,
            &mut self.hits,
            listener,
            MOST_WAITING,
            clock::now(),
        )?;
        self.packets = self.packets.saturating_add(taken as u64);
        self.reporter.count_dropped(listener.last_dropped()?);
        Ok(())
    }

    /// Finds out what the kernel had no room for.
    fn inquire(&mut self) -> Result<(), Failure> {
        let now = clock::now();
        for listener in &mut self.listeners {
            self.reporter.count_dropped(listener.take_dropped(now)?);
        }
        Ok(())
    }

    /// Ends the attempts whose time is over, and lets the reports go.
    fn expire(&mut self) -> Result<(), Failure> {
        let now = clock::now();
        let mut told = Ok(());
        self.engine.expire(now, &mut |event| {
            self.expired = now;
            if told.is_ok() {
                told = self.reporter.tell_of_time(now, event);
            }
        });
        told?;
        self.reporter.flush(now)?;
        Ok(())
    }
}

fn adopt(
    number: SocketNumber,
    descriptor: Option<OwnedFd>,
    ring: Option<RingSize>,
) -> Result<Listener, Failure> {
    let descriptor = descriptor.ok_or(ReceiveError::from(Malformed("a socket is missing")))?;
    Ok(Listener::new(number, PacketReader::adopt(descriptor, ring)?))
}

fn wait_for(polled: &mut [PollFd<'_>], time: Option<&Timespec>) -> Result<(), Failure> {
    match poll(polled, time) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(io::Error::from(error).into()),
    }
}
