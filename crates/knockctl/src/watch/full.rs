//! The whole screen.

use std::{
    io::{self, Write},
    os::fd::AsFd,
    path::Path,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use knockd::control::protocol::{Request, Said};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    WatchError,
    model::{Link, Model},
    paint::{Painter, blank},
    screen::{self, Means},
    terminal::{FullScreen, Wish},
    time_of_day,
};
use crate::{
    follow::{self, Follower},
    means,
    signals::Signals,
};

/// How often a daemon that isn't there is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How often it is asked anew how it is, while we are awake anyway.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Events that follow each other within this time make one picture.
const FRAME: Duration = Duration::from_millis(50);

/// Shows what goes on until somebody has seen enough.
pub(super) fn run(socket: &Path) -> Result<(), WatchError> {
    let mut ending = Signals::of_end()?;
    let mut resized = Signals::of_size()?;
    // What can't be watched from the start is told before the screen is taken.
    let first = Follower::begin(socket, &Request::Watch {})?;
    let screen = FullScreen::enter(io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut watch = Watch::new(socket);
    watch.take_up(first);
    let mut painter = Painter::default();
    let means = Means { has_colour: means::has_colour(), has_lines: means::has_lines() };
    loop {
        let now = watch.now();
        watch.model.pass_time(now);
        let (columns, rows) = screen.size();
        let mut picture = blank(columns, rows);
        screen::draw(&watch.model, now, means, &mut picture);
        (&screen).write_all(painter.paint(picture).as_bytes())?;
        let drawn = watch.now();
        let woken = wait(&watch, &screen, &ending, &resized)?;
        if ending.take() {
            return Ok(());
        }
        if resized.take() {
            painter.forget();
        }
        if woken.by_keys {
            match screen.wish()? {
                Wish::Quit => return Ok(()),
                Wish::Redraw => painter.forget(),
                Wish::Nothing => {}
            }
        }
        if woken.by_daemon {
            // A flood of events is no flood of pictures.
            std::thread::sleep(FRAME.saturating_sub(watch.now().saturating_sub(drawn)));
        }
        watch.go_on();
    }
}

/// What is watched.
struct Watch<'a> {
    socket: &'a Path,
    follower: Option<Follower>,
    model: Model,
    zone: TimeZone,
    began: Instant,
    asked: Duration,
}

#[derive(Clone, Copy)]
struct Woken {
    by_keys: bool,
    by_daemon: bool,
}

impl<'a> Watch<'a> {
    fn new(socket: &'a Path) -> Self {
        Self {
            socket,
            follower: None,
            model: Model::new(),
            zone: TimeZone::system(),
            began: Instant::now(),
            asked: Duration::ZERO,
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn take_up(&mut self, follower: Follower) {
        self.follower = Some(follower);
        self.model.note_link(Link::Up);
        self.ask();
    }

    /// Takes in what the daemon has told, or looks for it.
    fn go_on(&mut self) {
        let Some(follower) = &mut self.follower else {
            if let Ok(follower) = Follower::begin(self.socket, &Request::Watch {}) {
                self.take_up(follower);
            }
            return;
        };
        let Ok(told) = follower.take() else {
            self.follower = None;
            self.model.note_link(Link::Lost("knockd has ended; waiting for it".to_owned()));
            return;
        };
        let now = self.now();
        for said in told {
            let Said::Event(event) = said else { continue };
            self.model.happen(now, time_of_day(&event.at, &self.zone), &event);
        }
        if now.saturating_sub(self.asked) >= ASK_AGAIN || self.model.is_unsure() {
            self.ask();
        }
    }

    /// Asks how the daemon is and who is let in. What it does not answer is not worth ending for.
    fn ask(&mut self) {
        self.asked = self.now();
        if let Ok(Said::Status(status)) = follow::ask(self.socket, &Request::Status {}) {
            self.model.note_status(self.now(), *status);
        }
        if let Ok(Said::List(list)) = follow::ask(self.socket, &Request::List { door: None, source: None }) {
            self.model.note_list(self.now(), list);
        }
    }
}

fn wait(
    watch: &Watch<'_>,
    screen: &FullScreen,
    ending: &Signals,
    resized: &Signals,
) -> Result<Woken, WatchError> {
    let patience = match &watch.follower {
        Some(_) => watch.model.next_change(watch.now()),
        None => Some(LOOK_AGAIN),
    };
    let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
    let mut polled = vec![
        PollFd::new(screen, PollFlags::IN),
        PollFd::new(ending, PollFlags::IN),
        PollFd::new(resized, PollFlags::IN),
    ];
    polled.extend(watch.follower.as_ref().map(|follower| PollFd::new(follower, PollFlags::IN)));
    match poll(&mut polled, patience.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(io::Error::from(error).into()),
    }
    let is_ready = |place: usize| polled.get(place).is_some_and(|polled| !polled.revents().is_empty());
    Ok(Woken { by_keys: is_ready(0), by_daemon: is_ready(3) })
}
