//! The thread that has the socket and the clients.

use std::{
    io,
    mem::MaybeUninit,
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
    time::Duration,
};

use knock_core::moment::Moment;
use rustix::{
    event::{
        Timespec,
        epoll::{self, EventData, EventFlags},
    },
    io::{Errno, read},
};

use super::{
    Call, ClientId, Demand, Found, Order, Peer,
    client::{Client, State},
    crowd::{Crowd, Full},
    happening,
    protocol::{Event, Happening, Hello, Refusal, RefusalKind, Request, Rights, Said},
};
use crate::{clock, log::Heard};

/// How long a client may take nothing of what waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many bytes may wait for all clients together before more is asked for.
const MOST_WAITING: usize = 16 * 1024 * 1024;

/// How long nobody is let in when the system has no descriptors left.
const PAUSE: Duration = Duration::from_secs(1);

/// How many are let in before everything else gets its turn.
const TURN: usize = 64;

/// By what `epoll(7)` calls those who are no clients.
const LISTENER: u64 = u64::MAX;
const BELL: u64 = u64::MAX - 1;

/// Everything that the thread has.
#[derive(Debug)]
pub(super) struct Server {
    listener: UnixListener,
    bell: Arc<OwnedFd>,
    epoll: OwnedFd,
    call: Call,
    crowd: Crowd,
    is_watched: Arc<AtomicBool>,
    /// Whether nothing is asked of the monitor any more.
    is_closing: bool,
    /// When the next are let in, if that has had to be put off.
    resume: Option<Moment>,
}

/// A client has to go.
struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Server {
    /// With nobody there yet.
    pub(super) fn new(
        listener: UnixListener,
        bell: Arc<OwnedFd>,
        call: Call,
        is_watched: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN)?;
        Ok(Self {
            listener,
            bell,
            epoll,
            call,
            crowd: Crowd::default(),
            is_watched,
            is_closing: false,
            resume: None,
        })
    }

    /// Works until it is told to finish, or until it can't.
    pub(super) fn run(mut self, orders: &Receiver<Order>, heard: &Receiver<Heard>) {
        while let Ok(ready) = self.wait() {
            let now = clock::now();
            for (who, flags) in ready {
                match who {
                    LISTENER => self.let_in(now),
                    BELL => {
                        let _ = read(&self.bell, &mut [0; 8]);
                        // What was found comes before what followed from it.
                        if self.follow(now, orders, heard) {
                            return;
                        }
                        self.tell(now, heard);
                    }
                    id => self.look_after(now, ClientId(id), flags),
                }
            }
            self.drop_stuck(now);
        }
    }

    fn wait(&mut self) -> io::Result<Vec<(u64, EventFlags)>> {
        let next_stuck = self.crowd.stuck().map(|(_, since)| since.after(PATIENCE)).min();
        let deadline = next_stuck.into_iter().chain(self.resume).min();
        let timeout = deadline.map(|deadline| deadline.since(clock::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut events = [MaybeUninit::uninit(); 64];
        let ready = match epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            Ok((events, _)) => events.iter().map(|event| (event.data.u64(), event.flags)).collect(),
            Err(Errno::INTR) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        if self.resume.is_some_and(|moment| moment <= clock::now()) {
            self.resume = None;
            epoll::modify(&self.epoll, &self.listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        }
        Ok(ready)
    }

    fn let_in(&mut self, now: Moment) {
        for _ in 0..TURN {
            match self.listener.accept() {
                Ok((stream, _)) => self.welcome(now, stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if [Some(libc::EMFILE), Some(libc::ENFILE)].contains(&error.raw_os_error()) => {
                    self.resume = Some(now.after(PAUSE));
                    let nothing = EventFlags::empty();
                    let _ = epoll::modify(&self.epoll, &self.listener, EventData::new_u64(LISTENER), nothing);
                    return;
                }
                // Who has gone again.
                Err(_) => {}
            }
        }
    }

    fn welcome(&mut self, now: Moment, stream: UnixStream) {
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let refuse = |stream, kind, text: &str| {
            let nobody = Peer { user: u32::MAX, process: 0, rights: Rights::Watch };
            let refusal = Said::Refused(Refusal::new(kind, text)).encode();
            let _ = Client::new(stream, nobody, 0).say(now, &refusal);
        };
        let Some(peer) = Peer::of(&stream) else {
            return refuse(stream, RefusalKind::NotAllowed, "only root and the group knockd may ask me");
        };
        match self.crowd.victim(peer) {
            Ok(None) => {}
            Ok(Some(victim)) => self.drop_client(victim),
            Err(Full) => return refuse(stream, RefusalKind::Busy, "too many are connected"),
        }
        let id = self.crowd.add(Client::new(stream, peer, 0));
        let Some(client) = self.crowd.find(id) else { return };
        let added = epoll::add(&self.epoll, &*client, EventData::new_u64(id.0), EventFlags::empty());
        let hello = Said::Hello(Hello::new(peer.rights)).encode();
        let told = added.map_err(|_| Gone).and_then(|()| Ok(client.say(now, &hello)?));
        self.settle(id, &told);
    }

    fn look_after(&mut self, now: Moment, id: ClientId, flags: EventFlags) {
        let Some(client) = self.crowd.find(id) else { return };
        let mut done: Result<(), Gone> = Ok(());
        if flags.contains(EventFlags::OUT) {
            done = client.flush(now).map_err(Gone::from);
        }
        if flags.contains(EventFlags::IN) && done.is_ok() {
            done = client.read().map_err(Gone::from);
        } else if flags.intersects(EventFlags::HUP | EventFlags::ERR) {
            done = Err(Gone);
        }
        let done = done.and_then(|()| self.take_lines(now, id));
        self.settle(id, &done);
    }

    /// Answers what a client has asked, or has it answered.
    fn take_lines(&mut self, now: Moment, id: ClientId) -> Result<(), Gone> {
        while let Some(line) = self.crowd.find(id).and_then(Client::next_line) {
            self.crowd.note_active(id);
            let waiting = self.crowd.waiting();
            let Some(client) = self.crowd.find(id) else { return Ok(()) };
            let decided = line.and_then(|line| Request::decode(&line)).and_then(|request| {
                admit(client.peer, &request, self.is_closing, waiting)?;
                Ok(request)
            });
            match decided {
                Err(refusal) => client.say(now, &Said::Refused(refusal).encode())?,
                Ok(Request::Watch {}) => {
                    client.state = State::Watching;
                    self.is_watched.store(true, Ordering::Relaxed);
                    client.say(now, &Said::Watching {}.encode())?;
                }
                Ok(request) => {
                    client.state = State::Asking;
                    self.call.demand(Demand { client: id, by: client.peer, request });
                }
            }
        }
        Ok(())
    }

    /// Does what the monitor has ordered; whether that is to end.
    fn follow(&mut self, now: Moment, orders: &Receiver<Order>, heard: &Receiver<Heard>) -> bool {
        while let Ok(order) = orders.try_recv() {
            match order {
                Order::Answer(id, work) => {
                    let Some(client) = self.crowd.find(id) else { continue };
                    client.state = State::Idle;
                    let told = client.say(now, &Said::from(work()).encode()).map_err(Gone::from);
                    let told = told.and_then(|()| self.take_lines(now, id));
                    self.settle(id, &told);
                }
                Order::Explain(id, source) => {
                    let Some(client) = self.crowd.find(id) else {
                        self.call.explain_no_more(source);
                        continue;
                    };
                    client.state = State::Explaining(source);
                    self.is_watched.store(true, Ordering::Relaxed);
                    let told = client.say(now, &Said::Explaining {}.encode()).map_err(Gone::from);
                    self.settle(id, &told);
                }
                Order::Found(found) => {
                    let Found { source, whole, harmless } = *found;
                    let [whole, harmless] =
                        [whole, harmless].map(|finding| Said::Finding(Box::new(finding)).encode());
                    for (id, _) in self.crowd.explaining().into_iter().filter(|(_, wanted)| *wanted == source)
                    {
                        self.tell_one(now, id, &whole, Some(&harmless));
                    }
                }
                Order::LeftOut(count) => {
                    let line = Said::FindingsLeftOut { count }.encode();
                    for (id, _) in self.crowd.explaining() {
                        self.tell_one(now, id, &line, Some(&line));
                    }
                }
                Order::Close => self.is_closing = true,
                Order::Finish(done) => {
                    self.tell(now, heard);
                    // Whoever asked may have lost patience.
                    let _ = done.try_send(());
                    return true;
                }
            }
        }
        false
    }

    /// Tells those who watch what was heard.
    fn tell(&mut self, now: Moment, heard: &Receiver<Heard>) {
        let (watching, explaining) = (self.crowd.watching(), self.crowd.explaining());
        while let Ok(heard) = heard.try_recv() {
            if let Heard::Lost(count) = heard {
                for id in watching.iter().chain(explaining.iter().map(|(id, _)| id)) {
                    self.crowd.find(*id).into_iter().for_each(|client| client.miss(count));
                }
                continue;
            }
            let Some(event) = happening::of(&heard) else { continue };
            let whole = encode(&event);
            let harmless = event.what.clone().without_secrets();
            let harmless = harmless.map(|what| encode(&Event { at: event.at.clone(), what }));
            let beneficiary = event.what.beneficiary();
            let concerned = explaining.iter().filter(|(_, source)| beneficiary == Some(*source));
            for id in watching.iter().chain(concerned.map(|(id, _)| id)) {
                self.tell_one(now, *id, &whole, harmless.as_deref());
            }
        }
    }

    /// Has one client get a line, or what it may know of it.
    fn tell_one(&mut self, now: Moment, id: ClientId, whole: &[u8], harmless: Option<&[u8]>) {
        let Some(client) = self.crowd.find(id) else { return };
        let line = if client.peer.rights == Rights::All { Some(whole) } else { harmless };
        let told = line.map_or(Ok(()), |line| client.tell(now, line, missed));
        self.settle(id, &told.map_err(Gone::from));
    }

    fn drop_stuck(&mut self, now: Moment) {
        let stuck = self.crowd.stuck().filter(|(_, since)| since.after(PATIENCE) <= now);
        for id in stuck.map(|(id, _)| id).collect::<Vec<_>>() {
            self.drop_client(id);
        }
    }

    /// Has a client go, or waits for what it does next.
    fn settle(&mut self, id: ClientId, done: &Result<(), Gone>) {
        let Some(client) = self.crowd.find(id) else { return };
        if done.is_err() || client.is_done() {
            return self.drop_client(id);
        }
        if let Some(interest) = client.new_interest()
            && epoll::modify(&self.epoll, &*client, EventData::new_u64(id.0), interest).is_err()
        {
            self.drop_client(id);
        }
    }

    fn drop_client(&mut self, id: ClientId) {
        // Its descriptor is closed, and epoll(7) forgets it with that.
        let client = self.crowd.remove(id);
        if let Some(State::Explaining(source)) = client.map(|client| client.state) {
            self.call.explain_no_more(source);
        }
        let is_watched = !self.crowd.watching().is_empty() || !self.crowd.explaining().is_empty();
        self.is_watched.store(is_watched, Ordering::Relaxed);
    }
}

/// That a client has not got so many lines.
fn missed(count: u64) -> Vec<u8> {
    encode(&Event { at: happening::now(), what: Happening::Missed { count } })
}

fn encode(event: &Event) -> Vec<u8> {
    Said::Event(event.clone()).encode()
}

/// Whether a request is to be fulfilled now.
fn admit(peer: Peer, request: &Request, is_closing: bool, waiting: usize) -> Result<(), Refusal> {
    let (kind, text) = if peer.rights < request.needs() {
        (RefusalKind::NotAllowed, "only root may do that")
    } else if is_closing {
        (RefusalKind::Ending, "knockd is about to end")
    } else if waiting > MOST_WAITING {
        (RefusalKind::Busy, "too much waits to be read by others; try again")
    } else {
        return Ok(());
    };
    Err(Refusal::new(kind, text))
}
