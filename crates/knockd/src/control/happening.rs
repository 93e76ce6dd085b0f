//! From lines of the log to events.

use std::{net::IpAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use knock_core::event::What;

use super::protocol::{Event, Happening, Stage, millis};
use crate::log::{By, Heard, Line, Purpose, line::Hand};

/// What those who watch are told of it.
pub(super) fn of(heard: &Heard) -> Option<Event> {
    let (at, what) = match heard {
        Heard::Lost(_) => return None,
        Heard::Said(line, at) => (*at, said(line)),
        Heard::LeftOut(kind, count, at) => {
            (*at, Happening::LeftOut { count: *count, what: kind.to_string() })
        }
    };
    Some(Event { at: written(at), what })
}

/// Now, as it is written in events.
pub(super) fn now() -> String {
    written(crate::log::now())
}

/// In RFC 3339, in UTC, to the microsecond.
fn written(at: Timestamp) -> String {
    format!("{at:.6}")
}

fn said(line: &Line) -> Happening {
    match line {
        Line::Attempt { source, door, what } => attempt(*source, door, *what),
        Line::ByHand { source, door, hand, user } => {
            let by_ms = match hand {
                Hand::Extended(by) => Some(millis(*by)),
                Hand::Opened | Hand::Closed => None,
            };
            Happening::ByHand {
                door: text(door),
                source: *source,
                hand: hand.to_string(),
                by_ms,
                user: *user,
            }
        }
        Line::Opened { source, door, left } => {
            Happening::Opened { door: text(door), source: *source, left_ms: millis(*left), by_kernel: false }
        }
        Line::Extended { source, door, by, left } => extended(door, *source, *left, *by == By::Kernel),
        Line::LetIn { source, door, stay, longer: true, .. } => extended(door, *source, Some(*stay), true),
        Line::LetIn { source, door, stay, longer: false, .. } => {
            Happening::Opened { door: text(door), source: *source, left_ms: millis(*stay), by_kernel: true }
        }
        Line::CommandTimeout { source, door } => Happening::Expired { door: text(door), source: *source },
        Line::Closed { source, door } => Happening::Closed { door: text(door), source: *source },
        Line::NotOpened { source, door, reason } | Line::StaysShut { source, door, reason } => {
            Happening::NotOpened { door: text(door), source: *source, reason: reason.clone() }
        }
        Line::LeftOpen { source, door, left } => {
            Happening::LeftOpen { door: text(door), source: *source, left_ms: millis(*left) }
        }
        Line::Running { door, source, purpose, .. } => {
            Happening::CommandStarted { door: text(door), source: *source, closes: closes(*purpose) }
        }
        Line::CommandHangs { door, source, purpose, since, .. } => Happening::CommandHangs {
            door: text(door),
            source: *source,
            closes: closes(*purpose),
            since_ms: millis(*since),
        },
        Line::CommandFailed { door, source, purpose, status } => Happening::CommandFailed {
            door: text(door),
            source: *source,
            closes: closes(*purpose),
            status: *status,
        },
        Line::Ran { door, source, purpose, took } => ended(door, *source, *purpose, Some(*took), None),
        Line::CommandKilled { door, source, purpose, signal, took } => {
            ended(door, *source, *purpose, Some(*took), Some(format!("signal {signal}")))
        }
        Line::CommandNotStarted { door, source, purpose, reason } => {
            ended(door, *source, *purpose, None, Some(reason.clone()))
        }
        Line::OneTimeUsed { door, left, .. } => {
            Happening::SequenceUsed { door: text(door), left: u64::try_from(*left).unwrap_or(u64::MAX) }
        }
        Line::PacketsDropped { count } => Happening::PacketsDropped { count: *count },
        Line::OpeningsLost { count } => Happening::OpeningsLost { count: *count },
        Line::WatcherEnded { how, pause } => {
            Happening::WatcherEnded { how: how.clone(), pause_ms: millis(*pause) }
        }
        Line::Rereading { .. } => Happening::Reloading {},
        Line::ShuttingDown => Happening::Ending {},
        other => Happening::Log { level: other.level().name().to_owned(), text: other.to_string() },
    }
}

fn attempt(source: IpAddr, door: &Arc<str>, what: What) -> Happening {
    let at = |stage| Stage { door: text(door), source, stage };
    match what {
        What::Stage(stage) => Happening::Stage(at(stage)),
        What::Opened(stage) => Happening::Completed(at(stage)),
        What::Discarded { stage, port, protocol } => {
            Happening::Discarded { at: at(stage), hit: Some(format!("{port}:{protocol}")) }
        }
        What::TimedOut(stage) => Happening::TimedOut(at(stage)),
        What::GaveWay(stage) => Happening::GaveWay(at(stage)),
        What::Ignored { port, protocol, reason } => Happening::Ignored {
            door: text(door),
            source,
            hit: format!("{port}:{protocol}"),
            reason: reason.to_string(),
        },
    }
}

fn extended(door: &Arc<str>, source: IpAddr, left: Option<Duration>, by_kernel: bool) -> Happening {
    Happening::Extended { door: text(door), source, left_ms: left.map(millis), by_kernel }
}

fn ended(
    door: &Arc<str>,
    source: IpAddr,
    purpose: Purpose,
    took: Option<Duration>,
    failure: Option<String>,
) -> Happening {
    let (door, closes) = (text(door), closes(purpose));
    Happening::CommandEnded { door, source, closes, took_ms: took.map(millis), failure }
}

fn closes(purpose: Purpose) -> bool {
    purpose == Purpose::Stop
}

fn text(name: &Arc<str>) -> String {
    name.as_ref().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Kind, Level};

    fn event(line: Line) -> Happening {
        of(&Heard::Said(line, Timestamp::UNIX_EPOCH)).unwrap().what
    }

    #[test]
    fn lines_are_events_with_what_they_are_about() {
        let (source, door): (IpAddr, Arc<str>) = ([192, 0, 2, 7].into(), "ssh".into());
        let stay = Duration::from_secs(30);
        let (longer, what) = (false, "tcp/22".into());
        let let_in = event(Line::LetIn { source, door: Arc::clone(&door), what, stay, longer });
        let opened = Happening::Opened { door: "ssh".to_owned(), source, left_ms: 30_000, by_kernel: true };
        assert_eq!(let_in, opened);
        let killed = Line::CommandKilled {
            door,
            source,
            purpose: Purpose::Stop,
            signal: 9,
            took: Duration::from_millis(5),
        };
        let ended = Happening::CommandEnded {
            door: "ssh".to_owned(),
            source,
            closes: true,
            took_ms: Some(5),
            failure: Some("signal 9".to_owned()),
        };
        assert_eq!(event(killed), ended);
    }

    #[test]
    fn by_how_much_a_door_was_extended_by_hand_is_told() {
        for (hand, by_ms) in [(Hand::Extended(Duration::from_secs(60)), Some(60_000)), (Hand::Closed, None)] {
            let told = event(Line::ByHand { source: None, door: "ssh".into(), hand, user: 7 });
            let (door, hand) = ("ssh".to_owned(), hand.to_string());
            assert_eq!(told, Happening::ByHand { door, source: None, hand, by_ms, user: 7 });
        }
    }

    #[test]
    fn who_closes_what_is_extended_is_told() {
        let (source, left): (IpAddr, _) = ([192, 0, 2, 7].into(), Some(Duration::from_secs(90)));
        for (by, by_kernel) in [(By::Kernel, true), (By::Command, false)] {
            let extended =
                Happening::Extended { door: "ssh".to_owned(), source, left_ms: Some(90_000), by_kernel };
            assert_eq!(event(Line::Extended { source, door: "ssh".into(), by, left }), extended);
        }
    }

    #[test]
    fn what_has_no_event_of_its_own_is_a_line_of_the_log() {
        let line = Line::Text { level: Level::Warning, text: "strange".to_owned() };
        let log = Happening::Log { level: "warning".to_owned(), text: "strange".to_owned() };
        assert_eq!(event(line), log);
        let left_out = of(&Heard::LeftOut(Kind::PacketsDropped, 7, Timestamp::UNIX_EPOCH)).unwrap();
        assert_eq!(left_out.at, "1970-01-01T00:00:00.000000Z");
        assert_eq!(left_out.what, Happening::LeftOut { count: 7, what: "packets dropped".to_owned() });
        assert_eq!(of(&Heard::Lost(3)), None);
    }
}
