//! The thread that takes lines in and gives them out.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::Duration,
};

use jiff::Timestamp;
use knock_core::{config::LogFormat, moment::Moment};

use super::{Outputs, backlog::Backlog, kind::Kind, line::Line, lookup::Names, sink::Sinks, stamp};
use crate::{
    clock,
    limit::{LeftOut, Limit, Rate},
};

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    /// Something was said.
    Said(Entry),
    /// All of these, in their order.
    Several(Vec<Message>),
    /// So many lines of a kind were left out by whoever would have said them.
    LeftOut(Kind, u64),
    /// A source's name, if it has one, was found.
    Name(IpAddr, Option<String>),
    /// The log file is to be opened anew.
    Reopen,
    /// Other outputs are to be used.
    Change(Outputs),
    /// The terminal is left to others.
    LetGo,
    /// Everything said before is to be written now; then to be answered.
    Flush(SyncSender<()>),
    /// There is nobody left who could say something.
    Stop,
}

/// A line and when it was said.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) line: Line,
    pub(super) at: Timestamp,
    pub(super) when: Moment,
}

/// Everything the thread has.
#[derive(Debug)]
pub(super) struct Pump {
    backlog: Arc<Backlog>,
    sinks: Sinks,
    names: Option<Names>,
    limit: Limit<Kind>,
    /// The last line left out of each kind.
    samples: BTreeMap<Kind, Line>,
    /// Lines that wait for a name, their own or that of one before them: their order is kept.
    waiting: VecDeque<Entry>,
}

impl Pump {
    /// With nothing said so far.
    pub(super) fn new(backlog: Arc<Backlog>, sinks: Sinks, names: Option<Names>, format: LogFormat) -> Self {
        let (samples, waiting) = (BTreeMap::new(), VecDeque::new());
        Self { backlog, sinks, names, limit: Limit::new(rate(format)), samples, waiting }
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            match self.next_message(inbox) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = clock::now();
            self.count_missed(now);
            while let Some(left_out) = self.limit.due(now) {
                self.sum_up(left_out, now);
            }
            self.release(now, false);
        }
        self.finish();
    }

    fn next_message(&mut self, inbox: &Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        if let Ok(message) = inbox.try_recv() {
            return Ok(message);
        }
        self.sinks.settle(clock::now());
        let next_name = self.waiting.front().map(|entry| entry.when.after(PATIENCE));
        match next_name.into_iter().chain(self.limit.next_due()).min() {
            Some(deadline) => inbox.recv_timeout(deadline.since(clock::now())),
            None => inbox.recv().map_err(RecvTimeoutError::from),
        }
    }

    fn take(&mut self, message: Message) {
        let now = clock::now();
        match message {
            Message::Said(entry) => self.take_line(entry),
            Message::Several(messages) => {
                for message in messages {
                    // What was said before the file is opened anew goes to the old one.
                    self.take(message);
                    self.release(now, false);
                }
            }
            Message::LeftOut(kind, count) => self.limit.count(kind, count, now),
            Message::Name(source, name) => {
                if let Some(names) = &mut self.names {
                    names.answer(source, name.as_deref(), now);
                }
            }
            Message::Reopen => {
                stamp::look_again();
                self.sinks.reopen(stamp::now(), now);
            }
            Message::Change(outputs) => {
                stamp::look_again();
                self.limit.set_rate(rate(outputs.format));
                self.sinks.change(outputs, stamp::now(), now);
            }
            Message::LetGo => self.sinks.leave_terminal(),
            Message::Flush(done) => {
                self.finish();
                // Whoever asked may have lost patience.
                let _ = done.try_send(());
            }
            Message::Stop => {}
        }
    }

    fn take_line(&mut self, entry: Entry) {
        if let Some(kind) = entry.line.kind() {
            self.backlog.taken();
            if !self.limit.passes(kind, entry.when) {
                self.samples.insert(kind, entry.line);
                return;
            }
        }
        if let (Some(names), Some(source)) = (&mut self.names, entry.line.source()) {
            names.ask(source, entry.when);
        }
        self.waiting.push_back(entry);
    }

    /// Counts what was not even queued.
    fn count_missed(&mut self, now: Moment) {
        for (kind, count) in self.backlog.missed() {
            self.limit.count(kind, count, now);
        }
    }

    fn sum_up(&mut self, LeftOut { kind, count }: LeftOut<Kind>, now: Moment) {
        let sample = self.samples.remove(&kind).map(Box::new);
        let line = Line::LeftOut { count, kind, sample };
        self.waiting.push_back(Entry { line, at: stamp::now(), when: now });
    }

    /// Writes the lines that need not wait any longer; all of them if there is no time left to wait.
    fn release(&mut self, now: Moment, all: bool) {
        while let Some(entry) = self.waiting.front() {
            let source = entry.line.source();
            if let (Some(names), Some(source)) = (&mut self.names, source)
                && names.is_pending(source)
                && !all
                && self.waiting.len() <= WAITING
            {
                if entry.when.after(PATIENCE) > now {
                    return;
                }
                names.give_up(source);
            }
            let Some(entry) = self.waiting.pop_front() else { return };
            let name = self.names.as_ref().zip(source).and_then(|(names, source)| names.of(source));
            self.sinks.write(&entry.line, name, entry.at, now);
        }
    }

    fn finish(&mut self) {
        let now = clock::now();
        self.count_missed(now);
        while let Some(left_out) = self.limit.rest() {
            self.sum_up(left_out, now);
        }
        self.release(now, true);
        self.sinks.settle(now);
        self.sinks.flush();
    }
}

/// So that a flood writes as much in either form, an object has to stand for several lines.
fn rate(format: LogFormat) -> Rate {
    match format {
        LogFormat::Classic => Rate::LINES,
        LogFormat::Json => Rate::OBJECTS,
    }
}

/// How long a line waits for a name.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many lines wait for names.
const WAITING: usize = 512;
