//! What a daemon told about attempts, compared with what was expected.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    case::Event,
    trouble::{Outcome, Trouble},
};

/// The lines about attempts among others of a log.
pub(super) fn events(lines: Vec<String>) -> Vec<Event> {
    lines.into_iter().map(|line| Event { at: None, line }).filter(is_about_an_attempt).collect()
}

/// The same without the time-outs, which the classic daemon notices at the next packet, whosever it is.
pub(super) fn without_timeouts(events: &[Event]) -> Vec<Event> {
    events.iter().filter(|event| !is_timeout(event)).cloned().collect()
}

/// Whether `told` is what was expected: the same for each source and door in the same order. Between sources and doors
/// the order is nobody's promise. Where a time is expected and one was told, it has to be the same.
///
/// Cases leave out the stage that completes a sequence, since the opening says it; daemons tell it before the opening.
pub(super) fn compare(expected: &[Event], told: &[Event]) -> Outcome {
    let mut wanted = grouped(expected);
    for whats in wanted.values_mut() {
        *whats = with_last(whats);
    }
    if wanted != grouped(told) {
        return Err(Trouble::new(format!("expected:\n{}\ntold:\n{}", listed(expected), listed(told))));
    }
    let has = |at, line: &str| told.iter().any(|event| event.at == Some(at) && event.line == line);
    let timeless = |line: &str| told.iter().all(|event| event.line != line || event.at.is_none());
    match expected
        .iter()
        .find(|event| event.at.is_some_and(|at| !timeless(&event.line) && !has(at, &event.line)))
    {
        Some(event) => {
            Err(Trouble::new(format!("not at the time expected: {}\ntold:\n{}", text(event), listed(told))))
        }
        None => Ok(()),
    }
}

/// What happened for each source and door.
fn grouped(events: &[Event]) -> BTreeMap<&str, Vec<String>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for (whose, what) in events.iter().filter_map(|event| event.line.rsplit_once(": ")) {
        groups.entry(whose).or_default().push(what.to_owned());
    }
    groups
}

/// The same with the completing stage before each opening.
fn with_last(whats: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    let mut stage = 0;
    for what in whats {
        if what == OPEN {
            all.push(format!("{STAGE}{}", stage + 1));
        }
        stage = what.strip_prefix(STAGE).and_then(|stage| stage.parse::<u8>().ok()).unwrap_or(0);
        all.push(what.clone());
    }
    all
}

const OPEN: &str = "OPEN SESAME";
const STAGE: &str = "Stage ";

/// Whether it says how far an attempt has come or that it has ended, rather than anything else about it.
pub(super) fn is_about_an_attempt(event: &Event) -> bool {
    is_timeout(event) || what(event).is_some_and(|what| what == OPEN || what.starts_with(STAGE))
}

/// Whether it says that an attempt's time is over.
pub(super) fn is_timeout(event: &Event) -> bool {
    what(event).is_some_and(|what| what.starts_with("sequence timeout"))
}

fn what(event: &Event) -> Option<&str> {
    event.line.rsplit_once(": ").map(|(_, what)| what)
}

fn listed(events: &[Event]) -> String {
    events.iter().map(|event| format!("    {}", text(event))).collect::<Vec<_>>().join("\n")
}

fn text(event: &Event) -> String {
    let at = event.at.map(|at: Duration| format!("{:.6} ", at.as_secs_f64()));
    at.unwrap_or_default() + &event.line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> Vec<Event> {
        events(lines.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn only_attempts_count() {
        let lines =
            ["starting up, listening on eth0", "::1: ssh: Stage 1", "ssh: running command: x: Stage", "y"];
        assert_eq!(told(&lines).len(), 1);
        assert_eq!(without_timeouts(&told(&["a: b: Stage 1", "a: b: sequence timeout (stage 1)"])).len(), 1);
    }

    #[test]
    fn order_matters_within_a_source_and_door() {
        let expected = told(&["a: x: Stage 1", "a: x: Stage 2", "a: y: Stage 1"]);
        assert!(compare(&expected, &told(&["a: y: Stage 1", "a: x: Stage 1", "a: x: Stage 2"])).is_ok());
        assert!(compare(&expected, &told(&["a: x: Stage 2", "a: x: Stage 1", "a: y: Stage 1"])).is_err());
        assert!(compare(&expected, &told(&["a: x: Stage 1", "a: x: Stage 2"])).is_err());
    }

    #[test]
    fn the_last_stage_is_told_with_the_opening() {
        let short = told(&["a: x: Stage 1", "a: x: Stage 2", "a: x: OPEN SESAME", "a: x: OPEN SESAME"]);
        let long = [
            "a: x: Stage 1",
            "a: x: Stage 2",
            "a: x: Stage 3",
            "a: x: OPEN SESAME",
            "a: x: Stage 1",
            "a: x: OPEN SESAME",
        ];
        assert!(compare(&short, &told(&long)).is_ok());
        assert!(compare(&short, &short).is_err());
    }

    #[test]
    fn times_matter_where_both_have_them() {
        let at = |seconds| Event { at: Some(Duration::from_secs(seconds)), line: "a: x: Stage 1".to_owned() };
        assert!(compare(&[at(1)], &told(&["a: x: Stage 1"])).is_ok());
        assert!(compare(&[at(1)], &[at(1)]).is_ok());
        assert!(compare(&[at(1)], &[at(2)]).is_err());
    }
}
