//! The words for what a packet did.

use std::time::Duration;

use super::{Configured, Finding, Outcome, Seen, Why, narrator::Attempt};

/// What happened at the finding's door, where the source had this attempt.
pub(super) fn at_door(finding: &Finding, attempt: Option<Attempt>) -> String {
    let Finding { knocks, timeout_ms, what, .. } = finding;
    let first_us = attempt.and_then(|attempt| attempt.first_us);
    let since = |after: &str| match first_us {
        Some(first) => format!(", {}{after}", span(finding.clock_us.saturating_sub(first))),
        None => String::new(),
    };
    match *what {
        Outcome::Stage { stage: 1 } => {
            let timeout = seconds(Duration::from_millis(*timeout_ms));
            format!("knock 1 of {knocks}: right; the last has to come within {timeout}")
        }
        Outcome::Stage { stage } => {
            format!("knock {stage} of {knocks}{}: right", since(" after the first"))
        }
        Outcome::Opened { stage: 1 } => "the only knock, and right: OPEN SESAME".to_owned(),
        Outcome::Opened { stage } => {
            format!("knock {stage} of {knocks}{}: right, OPEN SESAME", since(" after the first"))
        }
        Outcome::Discarded { stage } => {
            let next = stage.saturating_add(1);
            let awaited = awaited(finding).map(|awaited| format!(" ({awaited})")).unwrap_or_default();
            format!("wrong: knock {next} of {knocks}{awaited} was waited for; the attempt is over")
        }
        Outcome::TimedOut { stage } => {
            let next = stage.saturating_add(1);
            let awaited = awaited(finding).map(|awaited| format!(" ({awaited})")).unwrap_or_default();
            let timeout = seconds(Duration::from_millis(*timeout_ms));
            format!(
                "time ran out {timeout} after the first knock: knock {next} of {knocks}{awaited} had not come"
            )
        }
        Outcome::GaveWay { stage } => {
            format!(
                "the attempt, at stage {stage} of {knocks}, had to give way: there were too many of others"
            )
        }
        Outcome::Ignored { reason } => ignored(finding, reason),
    }
}

/// What happened at every door for the same reason.
pub(super) fn everywhere(finding: &Finding, reason: Why) -> String {
    match reason {
        Why::NotFirst => "does nothing: no attempt is under way, and it is no door's first knock".to_owned(),
        Why::Flags | Why::Protocol | Why::Overlooked => {
            format!("does nothing at any door: {}", because(finding, reason))
        }
        _ => format!("does nothing: {}", because(finding, reason)),
    }
}

fn ignored(finding: &Finding, reason: Why) -> String {
    let Some(Configured { place: Some(place), awaited: Some(first), .. }) = &finding.configured else {
        return format!("does nothing: {}", because(finding, reason));
    };
    match reason {
        Why::NotFirst => format!(
            "does nothing: it is knock {place} of {}, but no attempt is under way; knock 1 ({first}) has to come first",
            finding.knocks
        ),
        _ => format!("does nothing: {}", because(finding, reason)),
    }
}

fn because(finding: &Finding, reason: Why) -> String {
    let configured = finding.configured.as_ref();
    let seen = finding.packet.as_ref();
    match reason {
        Why::NotAddressed => {
            let to = seen.map(|seen| seen.to.to_string()).unwrap_or_default();
            match configured.and_then(|configured| configured.target) {
                Some(target) => format!("it was sent to {to}, and the door's Target is {target}"),
                None => {
                    format!("it was sent to {to}, which is no address of the interface that it came in on")
                }
            }
        }
        Why::NoPeer => "its source address can't be that of a real peer".to_owned(),
        Why::Flags => {
            let flags = seen.and_then(|seen| seen.flags.as_deref()).unwrap_or("none");
            match configured.and_then(|configured| configured.flags.as_deref()) {
                Some(wanted) => {
                    format!("its TCP flags are {flags}, and the door looks at TCPFlags = {wanted}")
                }
                None => format!("its TCP flags ({flags}) do not match the door's"),
            }
        }
        Why::Protocol => {
            let protocol = seen.map_or("of its protocol", |Seen { protocol, .. }| protocol);
            format!("no knock of the door is {protocol}")
        }
        Why::Copy => "it is a retransmission of the last knock".to_owned(),
        Why::NotFirst => "no attempt is under way, and it is not the first knock".to_owned(),
        Why::Overlooked => {
            "its port is not in the sequence, and the door overlooks those (Wrong_Port = ignore)".to_owned()
        }
    }
}

fn awaited(finding: &Finding) -> Option<&str> {
    finding.configured.as_ref()?.awaited.as_deref()
}

/// A span of so many microseconds, as exactly as people care.
pub(super) fn span(micros: u64) -> String {
    match micros {
        0..1_000 => "less than 1 ms".to_owned(),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// Seconds, with a fraction if there is one.
pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_exact_as_people_care() {
        let texts = [0, 999, 1_000, 250_400, 999_999, 1_000_000, 12_345_678].map(span);
        assert_eq!(
            texts,
            ["less than 1 ms", "less than 1 ms", "1 ms", "250 ms", "999 ms", "1.0 s", "12.3 s"]
        );
        assert_eq!([10_000, 1_500].map(|millis| seconds(Duration::from_millis(millis))), ["10 s", "1.5 s"]);
    }
}
