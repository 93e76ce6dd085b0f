//! The control socket, at which `knockctl` asks and tells the daemon things.
//!
//! A thread has the socket and its clients (`server`): it reads requests, checks who may make them and writes answers,
//! however many clients there are and however slow they are. The monitor gets whole requests, one at a time, and only those
//! that need it ([`Control::next`]); what takes long of an answer is left to the thread ([`Control::answer_with`]). What is
//! said in the log goes to those who watch (`log::Tap`).

mod client;
mod crowd;
mod group;
mod happening;
mod peer;
pub mod protocol;
#[cfg(test)]
mod seeds;
mod server;
mod socket;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::IpAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::AtomicBool,
        mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use rustix::{
    event::{EventfdFlags, eventfd},
    io::{read, write},
};

pub use self::{
    peer::Peer,
    socket::{ControlSocket, SocketError},
};
use self::{
    protocol::{Refusal, Request, Said},
    server::Server,
};
use crate::{
    explain::Finding,
    log::{Heard, Tap},
};

/// How many lines of the log wait for the thread; those beyond are counted.
const MOST_WAITING: usize = 4096;

/// How long the end waits for the thread to say it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The monitor's end.
#[derive(Debug)]
pub struct Control {
    socket: ControlSocket,
    demands: Receiver<Demand>,
    /// Sources that one less wants to have explained.
    unexplained: Receiver<IpAddr>,
    /// Counts the demands that wait (`EFD_SEMAPHORE` in `eventfd(2)`).
    waiting: Arc<OwnedFd>,
    orders: Sender<Order>,
    /// Wakes the thread.
    bell: Arc<OwnedFd>,
}

/// What a client wants of the monitor.
#[derive(Debug)]
pub struct Demand {
    /// To whom the answer goes.
    client: ClientId,
    /// Who it is.
    pub by: Peer,
    /// What it wants.
    pub request: Request,
}

/// A client's number, which is used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ClientId(u64);

/// An answer, or what makes it.
type Work = Box<dyn FnOnce() -> Result<Said, Refusal> + Send>;

/// What the thread is told.
enum Order {
    /// The answer to a demand.
    Answer(ClientId, Work),
    /// From now on this client is told what becomes of this source.
    Explain(ClientId, IpAddr),
    /// What became of a source.
    Found(Box<Found>),
    /// So many findings were left out.
    LeftOut(u64),
    /// No more requests are taken.
    Close,
    /// Everything is to be said now, and then to be answered.
    Finish(SyncSender<()>),
}

/// What became of a source: for those who may know everything, and for the others.
#[derive(Clone, Debug)]
pub struct Found {
    /// Whose packet it was.
    pub source: IpAddr,
    /// All of it.
    pub whole: Finding,
    /// What tells nothing of sequences.
    pub harmless: Finding,
}

impl Control {
    /// Starts the thread. Returns as well what goes to those who watch.
    ///
    /// Threads have their own capabilities: to be called when the monitor has given up what it doesn't need.
    pub fn start(socket: ControlSocket) -> io::Result<(Self, Tap)> {
        let waiting =
            Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE)?);
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (demand, demands) = channel();
        let (leave, unexplained) = channel();
        let (orders, order) = channel();
        let (hear, heard) = sync_channel(MOST_WAITING);
        let is_watched = Arc::new(AtomicBool::new(false));
        let call = Call { demands: demand, unexplained: leave, waiting: Arc::clone(&waiting) };
        let server = Server::new(socket.listener()?, Arc::clone(&bell), call, Arc::clone(&is_watched))?;
        thread::Builder::new().name("control".to_owned()).spawn(move || server.run(&order, &heard))?;
        let tap = tap(hear, Arc::clone(&bell), is_watched);
        Ok((Self { socket, demands, unexplained, waiting, orders, bell }, tap))
    }

    /// Somebody's next demand. There may be one when this value can be read from.
    #[must_use]
    pub fn next(&self) -> Option<Demand> {
        let mut count = [0; 8];
        read(&self.waiting, &mut count).ok()?;
        self.demands.try_recv().ok()
    }

    /// A source that one of those whom [`Control::explain`] was for does not want to have explained any more.
    #[must_use]
    pub fn next_unexplained(&self) -> Option<IpAddr> {
        self.unexplained.try_recv().ok()
    }

    /// Fulfils the demand to have a source explained: from now on what is [found](Control::find) goes to that client.
    pub fn explain(&self, demand: &Demand, source: IpAddr) {
        self.order(Order::Explain(demand.client, source));
    }

    /// Tells what became of a source to those who have it explained.
    pub fn find(&self, found: Found) {
        self.order(Order::Found(Box::new(found)));
    }

    /// Tells those who have something explained that so much was left out.
    pub fn leave_out(&self, count: u64) {
        self.order(Order::LeftOut(count));
    }

    /// Answers a demand.
    pub fn answer(&self, demand: &Demand, answer: Result<Said, Refusal>) {
        self.answer_with(demand, move || answer);
    }

    /// Has the thread make the answer to a demand.
    pub fn answer_with(
        &self,
        demand: &Demand,
        work: impl FnOnce() -> Result<Said, Refusal> + Send + 'static,
    ) {
        self.order(Order::Answer(demand.client, Box::new(work)));
    }

    /// Takes no more requests; another daemon can have the socket's place. Those who watch go on doing so.
    pub fn close(&mut self) {
        self.socket.remove();
        self.order(Order::Close);
    }

    /// Ends when those who watch have been told everything, or in half a second.
    pub fn finish(self) {
        let (done, wait) = sync_channel(1);
        self.order(Order::Finish(done));
        // Who has not read it by now holds up nobody.
        let _ = wait.recv_timeout(PATIENCE);
    }

    fn order(&self, order: Order) {
        // If the thread has ended there is nobody to be answered.
        let _ = self.orders.send(order);
        ring(&self.bell);
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.waiting.as_fd()
    }
}

/// The thread's way to the monitor.
#[derive(Debug)]
struct Call {
    demands: Sender<Demand>,
    unexplained: Sender<IpAddr>,
    waiting: Arc<OwnedFd>,
}

impl Call {
    fn demand(&self, demand: Demand) {
        if self.demands.send(demand).is_ok() {
            ring(&self.waiting);
        }
    }

    fn explain_no_more(&self, source: IpAddr) {
        if self.unexplained.send(source).is_ok() {
            ring(&self.waiting);
        }
    }
}

/// Adds one to an eventfd. That it is full is as good.
fn ring(bell: &OwnedFd) {
    let _ = write(bell, &1_u64.to_ne_bytes());
}

fn tap(hear: SyncSender<Heard>, bell: Arc<OwnedFd>, is_watched: Arc<AtomicBool>) -> Tap {
    let lost = std::cell::Cell::new(0_u64);
    Tap::new(is_watched, move |heard| {
        for one in heard {
            let missed = lost.take();
            if missed > 0 && hear.try_send(Heard::Lost(missed)).is_err() {
                lost.set(missed);
            }
            if let Err(TrySendError::Full(_)) = hear.try_send(one) {
                lost.set(lost.get().saturating_add(1));
            }
        }
        ring(&bell);
    })
}
