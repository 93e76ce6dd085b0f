//! The terminal, or whatever standard output and standard error are.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    os::fd::AsFd,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use super::{level::Level, line::Line};

/// What is shown on the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Terminal {
    /// Only what goes wrong, on standard error.
    #[default]
    Quiet,
    /// Every line of the log.
    Verbose,
    /// Explanations as well.
    Debug,
}

/// Writes lines to the terminal from a thread of its own.
///
/// Whether a write would block can't be asked of a terminal for sure, and its file descriptions belong to others too,
/// so they can't be told not to. A reader that is stuck holds up this thread and costs lines; one that has gone costs
/// lines.
#[derive(Debug)]
pub(super) struct Screen {
    shows: Terminal,
    queue: SyncSender<Job>,
    lost: u64,
}

enum Job {
    Out(String),
    Complain(String),
    Flush(SyncSender<()>),
    LetGo,
}

impl Screen {
    /// Standard output and standard error.
    pub(super) fn standard(shows: Terminal) -> io::Result<Self> {
        // Not std's own writers: those keep what could not be written and have locks that others may want.
        Self::new(shows, writer(&io::stdout()), writer(&io::stderr()))
    }

    /// Any pair of writers.
    pub(super) fn new(
        shows: Terminal,
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        thread::Builder::new()
            .name("log terminal".to_owned())
            .spawn(move || work(&jobs, Box::new(out), Box::new(err)))?;
        Ok(Self { shows, queue, lost: 0 })
    }

    /// Whether a line is to be shown.
    pub(super) fn shows(&self, line: &Line) -> bool {
        let least = if line.level() == Level::Debug { Terminal::Debug } else { Terminal::Verbose };
        line.is_complaint() || self.shows >= least
    }

    /// Shows a line if it is to be shown, as `spell` writes it.
    pub(super) fn write(&mut self, line: &Line, spell: impl Fn(&Line) -> String) {
        if !self.shows(line) {
            return;
        }
        let mut text = match self.lost {
            0 => String::new(),
            count => spell(&Line::NotShown { count }) + "\n",
        };
        text += &spell(line);
        text.push('\n');
        let job = if line.is_complaint() { Job::Complain(text) } else { Job::Out(text) };
        match self.queue.try_send(job) {
            Ok(()) => self.lost = 0,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.lost = self.lost.saturating_add(1);
            }
        }
    }

    /// Waits, but not for long, until everything is shown.
    pub(super) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.queue.try_send(Job::Flush(done)).is_ok() {
            // Whether it was shown in time makes no difference any more.
            let _ = wait.recv_timeout(FLUSH);
        }
    }

    /// Shows nothing any more, and closes what was written to.
    pub(super) fn let_go(&self) {
        // A terminal so stuck that this doesn't fit is let go when its thread ends.
        let _ = self.queue.try_send(Job::LetGo);
    }
}

/// How many lines wait for the terminal.
const QUEUE: usize = 1024;

/// How long the end waits for the terminal.
const FLUSH: Duration = Duration::from_millis(500);

/// How long a line waits for a terminal that says "not now".
const PATIENCE: Duration = Duration::from_secs(1);

fn writer(stream: &impl AsFd) -> Box<dyn Write + Send> {
    match stream.as_fd().try_clone_to_owned() {
        Ok(file) => Box::new(File::from(file)),
        // It was closed before we began.
        Err(_) => Box::new(io::sink()),
    }
}

fn work(jobs: &Receiver<Job>, mut out: Box<dyn Write>, mut err: Box<dyn Write>) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Out(text) => write_patiently(&mut out, text.as_bytes()),
            Job::Complain(text) => write_patiently(&mut err, text.as_bytes()),
            // Whoever asked may have lost patience.
            Job::Flush(done) => drop(done.try_send(())),
            Job::LetGo => (out, err) = (Box::new(io::sink()), Box::new(io::sink())),
        }
    }
}

/// Gives up in silence: there is nobody left to tell.
fn write_patiently(writer: &mut impl Write, mut bytes: &[u8]) {
    let start = Instant::now();
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return,
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && start.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe};

    use knock_core::{
        event::{Reason, What},
        sequence::Protocol,
    };

    use super::*;

    fn lines() -> [Line; 3] {
        let attempt = |what| Line::Attempt { source: [10, 0, 0, 2].into(), door: "ssh".into(), what };
        [
            attempt(What::Ignored { port: 1, protocol: Protocol::Udp, reason: Reason::NotFirst }),
            attempt(What::Stage(1)),
            Line::error("bad"),
        ]
    }

    fn shown(shows: Terminal) -> (usize, usize) {
        let ((mut out, to_out), (mut err, to_err)) = (pipe().unwrap(), pipe().unwrap());
        let mut screen = Screen::new(shows, to_out, to_err).unwrap();
        for line in &lines() {
            screen.write(line, Line::to_string);
        }
        screen.flush();
        drop(screen);
        let mut texts = (String::new(), String::new());
        out.read_to_string(&mut texts.0).unwrap();
        err.read_to_string(&mut texts.1).unwrap();
        (texts.0.lines().count(), texts.1.lines().count())
    }

    #[test]
    fn shows_what_was_asked_for_and_complaints_always() {
        assert_eq!(shown(Terminal::Quiet), (0, 1));
        assert_eq!(shown(Terminal::Verbose), (1, 1));
        assert_eq!(shown(Terminal::Debug), (2, 1));
    }

    #[test]
    fn a_reader_that_has_gone_does_no_harm() {
        let (gone, out) = pipe().unwrap();
        drop(gone);
        let (mut err, to_err) = pipe().unwrap();
        let mut screen = Screen::new(Terminal::Debug, out, to_err).unwrap();
        for line in &lines() {
            screen.write(line, |_| "x".to_owned());
        }
        drop(screen);
        let mut text = String::new();
        err.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x\n");
    }

    #[test]
    fn a_stuck_reader_costs_lines_and_learns_how_many() {
        let ((mut out, to_out), (_err, to_err)) = (pipe().unwrap(), pipe().unwrap());
        let mut screen = Screen::new(Terminal::Verbose, to_out, to_err).unwrap();
        let start = Instant::now();
        for _ in 0..50_000 {
            screen.write(&Line::ShuttingDown, |_| "x".repeat(99));
        }
        screen.flush();
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(screen.lost > 1000);
        let reader = thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        });
        while screen.lost > 0 {
            screen.write(&Line::ShuttingDown, Line::to_string);
            thread::sleep(Duration::from_millis(1));
        }
        drop(screen);
        let text = reader.join().unwrap();
        assert!(text.ends_with("lines not shown: the terminal did not keep up\nshutting down\n"));
    }
}
