//! The words for what happens.

use knockd::control::protocol::{Happening, Stage};

use crate::span::Span;

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Somebody comes nearer.
    Step,
    /// Somebody is let in.
    Open,
    /// Something is over, as it should be.
    Over,
    /// Somebody has failed.
    Failed,
    /// Somebody should look after it.
    Trouble,
    /// It is good to know.
    Plain,
}

/// What has happened, in a line; none if there is nothing to say.
#[must_use]
pub fn of(what: &Happening) -> Option<(Mood, String)> {
    let told = match what {
        Happening::Stage(at) => (Mood::Step, attempt(at, &format!("stage {}", at.stage))),
        Happening::Completed(at) => (Mood::Open, attempt(at, "OPEN SESAME")),
        Happening::Discarded { at, hit } => {
            let hit = hit.as_ref().map(|hit| format!(" {hit}")).unwrap_or_default();
            (Mood::Failed, attempt(at, &format!("wrong port{hit} after stage {}", at.stage)))
        }
        Happening::TimedOut(at) => (Mood::Failed, attempt(at, &format!("too late after stage {}", at.stage))),
        Happening::GaveWay(at) => (Mood::Failed, attempt(at, &format!("gave way at stage {}", at.stage))),
        Happening::Ignored { door, source, hit, reason } => {
            (Mood::Plain, format!("{source} {door}: {hit} ignored: {reason}"))
        }
        Happening::ByHand { door, source, hand, by_ms, user } => {
            let who = source.map(|source| format!("{source} ")).unwrap_or_default();
            let for_all = if source.is_none() { " for all" } else { "" };
            let by = by_ms.map(|by| format!(" for {} more", Span(by))).unwrap_or_default();
            (Mood::Plain, format!("{who}{door}: {hand}{for_all} by hand{by}, by user {user}"))
        }
        Happening::Opened { door, source, left_ms, .. } => {
            (Mood::Open, format!("{source} {door}: open for {}", Span(*left_ms)))
        }
        Happening::Extended { door, source, left_ms, .. } => {
            let left = left_ms.map_or("longer".to_owned(), |left| format!("for {}", Span(left)));
            (Mood::Open, format!("{source} {door}: stays open {left}"))
        }
        Happening::Expired { door, source } => (Mood::Over, format!("{source} {door}: time is over")),
        Happening::Closed { door, source } => (Mood::Over, format!("{source} {door}: closed")),
        Happening::NotOpened { door, source, reason } => {
            (Mood::Trouble, format!("{source} {door}: not opened: {reason}"))
        }
        Happening::LeftOpen { door, source, left_ms } => {
            (Mood::Plain, format!("{source} {door}: was left open, closing it in {}", Span(*left_ms)))
        }
        Happening::CommandStarted { door, source, closes } => {
            (Mood::Plain, format!("{source} {door}: {} command runs", sort(*closes)))
        }
        Happening::CommandFailed { door, source, closes, status } => {
            (Mood::Trouble, format!("{source} {door}: {} command failed: status {status}", sort(*closes)))
        }
        Happening::CommandEnded { failure: None, .. } => return None,
        Happening::CommandEnded { door, source, closes, failure: Some(failure), .. } => {
            (Mood::Trouble, format!("{source} {door}: {} command failed: {failure}", sort(*closes)))
        }
        Happening::CommandHangs { door, source, closes, since_ms } => {
            let since = Span(*since_ms);
            (Mood::Trouble, format!("{source} {door}: {} command still runs after {since}", sort(*closes)))
        }
        other => return of_daemon(other),
    };
    Some(told)
}

/// The same, where it is nobody's knock.
fn of_daemon(what: &Happening) -> Option<(Mood, String)> {
    let told = match what {
        Happening::SequenceUsed { door, left } => {
            (Mood::Plain, format!("{door}: one-time sequence used, {left} left"))
        }
        Happening::PacketsDropped { count } => {
            (Mood::Trouble, format!("the kernel had no room for {}", counted(*count, "packet")))
        }
        Happening::OpeningsLost { count } => (
            Mood::Trouble,
            format!("too many openings: {} opened nothing", counted(*count, "completed sequence")),
        ),
        Happening::LeftOut { count, what } => (Mood::Plain, format!("{count} more left out: {what}")),
        Happening::WatcherEnded { how, pause_ms } => {
            (Mood::Trouble, format!("the watcher ended ({how}), the next starts in {}", Span(*pause_ms)))
        }
        Happening::Reloading {} => (Mood::Plain, "the configuration is read again".to_owned()),
        Happening::Ending {} => (Mood::Plain, "knockd is shutting down".to_owned()),
        Happening::Log { level, .. } if level == "debug" => return None,
        Happening::Log { level, text } => {
            let mood = if level == "warning" || level == "error" { Mood::Trouble } else { Mood::Plain };
            (mood, text.clone())
        }
        Happening::Missed { count } => {
            (Mood::Trouble, format!("{} came too fast to be shown", counted(*count, "event")))
        }
        _ => return None,
    };
    Some(told)
}

fn attempt(at: &Stage, what: &str) -> String {
    format!("{} {}: {what}", at.source, at.door)
}

fn sort(closes: bool) -> &'static str {
    if closes { "stop" } else { "start" }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_by_hand_is_told_with_who_did_it() {
        let text = |source, hand: &str, by_ms| {
            let (door, hand) = ("ssh".to_owned(), hand.to_owned());
            of(&Happening::ByHand { door, source, hand, by_ms, user: 1000 }).unwrap().1
        };
        let source = Some([192, 0, 2, 7].into());
        assert_eq!(text(source, "closed", None), "192.0.2.7 ssh: closed by hand, by user 1000");
        assert_eq!(text(None, "closed", None), "ssh: closed for all by hand, by user 1000");
        let extended = text(source, "extended", Some(600_000));
        assert_eq!(extended, "192.0.2.7 ssh: extended by hand for 10 min more, by user 1000");
    }

    #[test]
    fn a_command_that_fails_is_told() {
        let (door, source) = ("ssh".to_owned(), [192, 0, 2, 7].into());
        let failed = Happening::CommandFailed { door, source, closes: false, status: 3 };
        let told = (Mood::Trouble, "192.0.2.7 ssh: start command failed: status 3".to_owned());
        assert_eq!(of(&failed), Some(told));
    }

    #[test]
    fn ports_are_told_where_they_are_known() {
        let at = || Stage { door: "ssh".to_owned(), source: [192, 0, 2, 7].into(), stage: 2 };
        let discarded = |hit: Option<&str>| of(&Happening::Discarded { at: at(), hit: hit.map(Into::into) });
        let text = |told: Option<(Mood, String)>| told.unwrap().1;
        assert_eq!(text(discarded(Some("22:tcp"))), "192.0.2.7 ssh: wrong port 22:tcp after stage 2");
        assert_eq!(text(discarded(None)), "192.0.2.7 ssh: wrong port after stage 2");
        assert_eq!(of(&Happening::Other), None);
    }
}
