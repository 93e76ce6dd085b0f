//! Why an attempt failed, as far as packets tell, and what to try.

use std::time::Duration;

use super::{
    Configured, Finding, Outcome, Seen, Why,
    narrator::Attempt,
    words::{seconds, span},
};

/// Knocks that are nearer to each other than this may well overtake each other on the way, in microseconds.
const CLOSE_US: u64 = 100_000;

/// What was waited for when an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missed {
    /// As `PORT:PROTOCOL`.
    awaited: String,
    /// Which knock that would have been.
    place: u8,
    at_us: u64,
    /// Whether the time was over, and not only the attempt.
    ran_out: bool,
}

impl Missed {
    /// What this failure has left to come; none if it isn't known.
    pub(super) fn of(finding: &Finding) -> Option<Self> {
        let (Outcome::Discarded { stage } | Outcome::TimedOut { stage }) = finding.what else { return None };
        let awaited = finding.configured.as_ref()?.awaited.clone()?;
        let ran_out = matches!(finding.what, Outcome::TimedOut { .. });
        Some(Self { awaited, place: stage.saturating_add(1), at_us: finding.clock_us, ran_out })
    }

    /// What to say if this packet is what was waited for.
    pub(super) fn comes_with(&self, finding: &Finding) -> Option<String> {
        let Seen { protocol, port: Some(port), .. } = finding.packet.as_ref()? else { return None };
        // It would have been a knock at all, had there been an attempt.
        (finding.reason() == Some(Why::NotFirst) && format!("{port}:{protocol}") == self.awaited).then(|| {
            let late = span(finding.clock_us.saturating_sub(self.at_us));
            if self.ran_out {
                format!("too late by {late}: it is knock {}, and the time was over", self.place)
            } else {
                format!("came {late} after the attempt was over: it is knock {}", self.place)
            }
        })
    }
}

/// How a packet differed from the knock that was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unlike {
    /// The door does not look at such segments.
    Flags,
    /// It was sent to somebody else.
    Address,
}

impl Unlike {
    /// Whether this packet is the knock that an attempt at this stage waits for but for one thing, and which.
    pub(super) fn of(finding: &Finding, stage: u8) -> Option<Self> {
        let place = finding.configured.as_ref()?.place?;
        let unlike = match finding.reason()? {
            Why::Flags => Self::Flags,
            Why::NotAddressed => Self::Address,
            _ => return None,
        };
        (place == stage.saturating_add(1)).then_some(unlike)
    }
}

/// The verdict, if the finding ends an attempt.
pub(super) fn of(finding: &Finding, attempt: Option<Attempt>) -> Option<String> {
    match finding.what {
        Outcome::Discarded { stage } => Some(wrong(finding, stage, attempt)),
        Outcome::TimedOut { stage } => Some(late(finding, stage, attempt)),
        Outcome::GaveWay { .. } => Some(
            "not the knock is at fault, but a flood of forged ones: knock again, and raise MaxAttempts if it goes on"
                .to_owned(),
        ),
        _ => None,
    }
}

fn wrong(finding: &Finding, stage: u8, attempt: Option<Attempt>) -> String {
    let next = stage.saturating_add(1);
    let Some(Configured { place, awaited: Some(awaited), flags, .. }) = &finding.configured else {
        return format!(
            "either the order is wrong, or knock {next} was lost, or it is other traffic of the same address; root \
             is told which port it was"
        );
    };
    let gap = attempt.map(|attempt| finding.clock_us.saturating_sub(attempt.last_us));
    let close = gap.filter(|gap| *gap < CLOSE_US).map(|gap| {
        format!("; only {} lie between, and knocks that close overtake each other: knock -d 200", span(gap))
    });
    match place {
        Some(place) if *place > next => format!(
            "this is knock {place}: the order is wrong, or knock {next} ({awaited}) was lost on the way{}",
            close.unwrap_or_default()
        ),
        Some(1) if stage == 1 => {
            "this is knock 1 once more: the client sends it twice, or the knocks were begun anew".to_owned()
        }
        Some(place) if *place == stage => format!(
            "this is knock {place} once more: the client sends it twice, or the network has doubled it; begin \
             with knock 1"
        ),
        Some(1) => "this is knock 1: the knocks were begun anew before they were done".to_owned(),
        Some(place) => format!("this is knock {place} again: check the order of the client's sequence"),
        None => match other_protocol(finding, awaited) {
            Some(came) => format!(
                "the port is right, but it came over {came}: knock {next} is {awaited}; tell the client so"
            ),
            None => foreign(finding, flags.as_deref()),
        },
    }
}

/// The protocol of a packet to the port that was waited for, where another was.
fn other_protocol<'a>(finding: &'a Finding, awaited: &str) -> Option<&'a str> {
    let Seen { protocol, port: Some(port), .. } = finding.packet.as_ref()? else { return None };
    let (awaited, over) = awaited.split_once(':')?;
    (awaited == port.to_string() && over != protocol).then_some(protocol)
}

/// A port that is no knock of the door.
fn foreign(finding: &Finding, rule: Option<&str>) -> String {
    let seen = finding.packet.as_ref();
    match seen.and_then(|seen| seen.flags.as_deref()) {
        Some(flags) if rule.is_none() && !flags.split(',').any(|flag| flag == "syn") => format!(
            "the port is not in the sequence and the segment ({flags}) is of a connection that is open already: \
             TCPFlags = syn in the door overlooks those"
        ),
        Some(_) => "the port is not in the sequence: a mistake in the client's sequence, or another connection of the \
                    same address; knock while nothing else goes on, or see Wrong_Port"
            .to_owned(),
        None => "the port is not in the sequence: a mistake in the client's sequence, or other UDP traffic of the same \
                 address (a VPN, DNS); knock over TCP only, or see Wrong_Port"
            .to_owned(),
    }
}

fn late(finding: &Finding, stage: u8, attempt: Option<Attempt>) -> String {
    let next = stage.saturating_add(1);
    let timeout = Duration::from_millis(finding.timeout_ms);
    let began = attempt.and_then(|attempt| Some((attempt.first_us?, attempt.last_us)));
    if let Some(unlike) = attempt.and_then(|attempt| attempt.unlike) {
        let how = match unlike {
            Unlike::Flags => "with TCP flags that the door does not look at (TCPFlags)",
            Unlike::Address => "to another address than the door's (Target)",
        };
        return format!("knock {next} did come, but {how}, and that does not count");
    }
    let pace = began.and_then(|(first, last)| {
        let steps = u64::from(stage).checked_sub(1).filter(|steps| *steps > 0)?;
        let needed = last.saturating_sub(first) / steps * u64::from(finding.knocks).saturating_sub(1);
        (Duration::from_micros(needed) > timeout).then_some(needed)
    });
    match pace {
        Some(needed) => format!(
            "too slow: at this pace {} knocks take {}, and Seq_Timeout is {}: knock faster (knock -d), or raise \
             Seq_Timeout",
            finding.knocks,
            span(needed),
            seconds(timeout)
        ),
        None => format!(
            "knock {next} did not come: it was not sent, or lost on the way, perhaps to a firewall in front that lets \
             only some ports through; if it was sent later, raise Seq_Timeout ({})",
            seconds(timeout)
        ),
    }
}
