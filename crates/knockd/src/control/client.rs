//! One connection.

use std::{
    io::{self, Read, Write},
    net::IpAddr,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

use knock_core::moment::Moment;
use rustix::event::epoll::EventFlags;

use super::{
    Peer,
    protocol::{LONGEST_REQUEST, Refusal, RefusalKind},
};

/// How many bytes of events wait for a client. Those beyond are counted.
const MOST_EVENTS: usize = 256 * 1024;

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    stream: UnixStream,
    pub(super) peer: Peer,
    pub(super) state: State,
    /// What it has sent and what is no whole line yet, or has to wait for the answer before.
    input: Vec<u8>,
    /// Whether it sends nothing more.
    has_ended: bool,
    output: Vec<u8>,
    /// How many events it has not got.
    missed: u64,
    /// Since when it takes nothing of what waits for it.
    stuck_since: Option<Moment>,
    /// What is waited for.
    interest: EventFlags,
    /// The higher, the later it has said something.
    pub(super) active: u64,
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It may ask.
    Idle,
    /// It waits for an answer.
    Asking,
    /// It is told what happens.
    Watching,
    /// It is told what becomes of this source.
    Explaining(IpAddr),
}

impl Client {
    /// One that has connected just now.
    pub(super) fn new(stream: UnixStream, peer: Peer, active: u64) -> Self {
        Self {
            stream,
            peer,
            state: State::Idle,
            input: Vec::new(),
            has_ended: false,
            output: Vec::new(),
            missed: 0,
            stuck_since: None,
            interest: EventFlags::empty(),
            active,
        }
    }

    /// Takes in some of what it has sent.
    pub(super) fn read(&mut self) -> io::Result<()> {
        let mut some = [0; 1024];
        match self.stream.read(&mut some) {
            Ok(0) => self.has_ended = true,
            Ok(count) => self.input.extend(some.iter().take(count)),
            Err(error) if is_nothing(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The next line that is to be answered now. A line that is too long can't be, and nothing behind it.
    pub(super) fn next_line(&mut self) -> Option<Result<Vec<u8>, Refusal>> {
        while self.state == State::Idle && self.output.is_empty() {
            let Some(end) = self.input.iter().position(|byte| *byte == b'\n') else {
                if self.input.len() <= LONGEST_REQUEST {
                    return None;
                }
                self.has_ended = true;
                self.input.clear();
                let text = format!("a request has at most {LONGEST_REQUEST} bytes");
                return Some(Err(Refusal::new(RefusalKind::TooLong, text)));
            };
            let mut line: Vec<u8> = self.input.drain(..=end).collect();
            line.pop();
            if !line.trim_ascii().is_empty() {
                return Some(Ok(line));
            }
        }
        None
    }

    /// Has it get this line.
    pub(super) fn say(&mut self, now: Moment, line: &[u8]) -> io::Result<()> {
        self.output.extend(line);
        self.flush(now)
    }

    /// Has it get this event, unless too many wait for it. `missed` makes the line that tells how many it has not got.
    pub(super) fn tell(
        &mut self,
        now: Moment,
        line: &[u8],
        missed: impl FnOnce(u64) -> Vec<u8>,
    ) -> io::Result<()> {
        if self.output.len() + line.len() > MOST_EVENTS {
            self.miss(1);
            return Ok(());
        }
        if self.missed > 0 {
            self.output.extend(missed(std::mem::take(&mut self.missed)));
        }
        self.say(now, line)
    }

    /// Counts events that it does not get.
    pub(super) fn miss(&mut self, count: u64) {
        self.missed = self.missed.saturating_add(count);
    }

    /// Writes what it takes.
    pub(super) fn flush(&mut self, now: Moment) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(count) => {
                    self.output.drain(..count);
                    self.stuck_since = None;
                }
                Err(error) if is_nothing(&error) => {
                    self.stuck_since.get_or_insert(now);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        // Room for a long list is not kept.
        self.output.shrink_to(LONGEST_REQUEST);
        Ok(())
    }

    /// How many bytes wait for it.
    pub(super) fn waiting(&self) -> usize {
        self.output.len()
    }

    /// Since when it takes nothing of what waits for it.
    pub(super) fn stuck_since(&self) -> Option<Moment> {
        self.stuck_since
    }

    /// Whether nothing more is to be said.
    pub(super) fn is_done(&self) -> bool {
        self.has_ended && self.state == State::Idle && self.output.is_empty()
    }

    /// What is to be waited for now, if it is something else than before.
    pub(super) fn new_interest(&mut self) -> Option<EventFlags> {
        let mut interest = EventFlags::empty();
        interest.set(EventFlags::OUT, !self.output.is_empty());
        let may_ask = self.state == State::Idle && self.output.is_empty() && !self.has_ended;
        interest.set(EventFlags::IN, may_ask);
        let before = std::mem::replace(&mut self.interest, interest);
        (before != interest).then_some(interest)
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::protocol::Rights;

    fn client() -> (Client, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let peer = Peer { user: 0, process: 1, rights: Rights::All };
        (Client::new(ours, peer, 0), theirs)
    }

    #[test]
    fn lines_come_one_after_the_other_and_in_pieces() {
        let (mut client, mut theirs) = client();
        theirs.write_all(b"one\n\n \ntw").unwrap();
        client.read().unwrap();
        assert_eq!(client.next_line(), Some(Ok(b"one".to_vec())));
        assert_eq!(client.next_line(), None);
        theirs.write_all(b"o\nthree\n").unwrap();
        client.read().unwrap();
        client.state = State::Asking;
        assert_eq!(client.next_line(), None, "one answer after the other");
        client.state = State::Idle;
        assert_eq!(client.next_line(), Some(Ok(b"two".to_vec())));
        assert_eq!(client.next_line(), Some(Ok(b"three".to_vec())));
        drop(theirs);
        client.read().unwrap();
        assert!(client.is_done());
    }

    #[test]
    fn a_line_without_end_is_refused_once() {
        let (mut client, mut theirs) = client();
        let mut refusals = 0;
        for _ in 0..8 {
            theirs.write_all(&[b'x'; 1024]).unwrap();
            client.read().unwrap();
            refusals += usize::from(client.next_line().is_some_and(|line| line.is_err()));
            assert!(client.input.len() <= LONGEST_REQUEST + 1024);
        }
        assert!(refusals > 0 && client.is_done());
    }

    #[test]
    fn who_does_not_read_misses_events_and_is_told_how_many() {
        let (mut client, mut theirs) = client();
        let missed = |count| format!("missed {count}\n").into_bytes();
        let line = [b"x".repeat(1000), b"\n".to_vec()].concat();
        for _ in 0..2000 {
            client.tell(Moment::default(), &line, missed).unwrap();
        }
        assert!(client.waiting() <= MOST_EVENTS && client.missed > 0);
        assert_eq!(client.stuck_since(), Some(Moment::default()));
        let count = client.missed;
        theirs.set_nonblocking(true).unwrap();
        let mut got = Vec::new();
        while client.waiting() > 0 {
            let _ = theirs.read_to_end(&mut got);
            client.flush(Moment::default()).unwrap();
        }
        client.tell(Moment::default(), b"last\n", missed).unwrap();
        let _ = theirs.read_to_end(&mut got);
        assert!(String::from_utf8(got).unwrap().ends_with(&format!("missed {count}\nlast\n")));
    }
}
