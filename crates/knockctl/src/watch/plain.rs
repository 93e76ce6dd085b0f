//! A line for each event.

use std::{
    io::{self, Write},
    path::Path,
};

use jiff::tz::TimeZone;
use knockd::control::protocol::{Event, Request, Said};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use super::{Arguments, WatchError, time_of_day, words};
use crate::{follow::Follower, signals::Signals};

/// Prints what happens until somebody ends it or the daemon ends.
pub(super) fn run(arguments: &Arguments, socket: &Path) -> Result<(), WatchError> {
    let mut ending = Signals::of_end()?;
    let mut follower = Follower::begin(socket, &Request::Watch {})?;
    let zone = TimeZone::system();
    loop {
        let mut polled = [PollFd::new(&follower, PollFlags::IN), PollFd::new(&ending, PollFlags::IN)];
        match poll(&mut polled, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        if ending.take() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        for said in follower.take()? {
            let Said::Event(event) = said else { continue };
            if let Some(line) = line(&event, arguments.json, &zone)? {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
    }
}

fn line(event: &Event, is_json: bool, zone: &TimeZone) -> io::Result<Option<String>> {
    if is_json {
        return Ok(Some(serde_json::to_string(event)?));
    }
    let Some((_, text)) = words::of(&event.what) else { return Ok(None) };
    // What comes from others is text, whatever is in it.
    let text: String = text.chars().map(|one| if one.is_control() { '?' } else { one }).collect();
    Ok(Some(format!("{} {text}", time_of_day(&event.at, zone))))
}

#[cfg(test)]
mod tests {
    use knockd::control::protocol::Happening;

    use super::*;

    #[test]
    fn an_event_is_a_line_or_an_object() {
        let what = Happening::Log { level: "info".to_owned(), text: "a\nb".to_owned() };
        let event = Event { at: "2026-11-27T08:00:01.5Z".to_owned(), what };
        assert_eq!(line(&event, false, &TimeZone::UTC).unwrap().unwrap(), "08:00:01 a?b");
        let json = line(&event, true, &TimeZone::UTC).unwrap().unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        let other = Event { what: Happening::Other, ..event };
        assert_eq!(line(&other, false, &TimeZone::UTC).unwrap(), None);
    }
}
