//! What a daemon told about attempts, compared with what was expected.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    case::Event,
    trouble::{Outcome, Trouble},
};

/// The lines about attempts among others of a log.
pub(super) fn events(lines: Vec<String>) -> Vec<Event> {
    let events = lines.into_iter().filter(|line| what(line).is_some_and(is_about_an_attempt));
    events.map(|line| Event { at: None, line }).collect()
}

/// The same without the time-outs, which the classic daemon notices at the next packet, whosever it is.
pub(super) fn without_timeouts(events: &[Event]) -> Vec<Event> {
    let lasting = events.iter().filter(|event| what(&event.line).is_none_or(|what| !is_timeout(what)));
    lasting.cloned().collect()
}

/// Whether `told` is what was expected: the same for each source and door in the same order. Between sources and doors
/// the order is nobody's promise. Where a time is expected and one was told, it has to be the same.
///
/// Cases leave out the stage that completes a sequence, since the opening says it; a daemon may tell it all the same.
pub(super) fn compare(expected: &[Event], told: &[Event]) -> Outcome {
    let (wanted, found) = (grouped(expected), grouped(told));
    let same = wanted.keys().eq(found.keys())
        && wanted
            .values()
            .zip(found.values())
            .all(|(wanted, found)| wanted == found || with_last(wanted) == *found);
    if !same {
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

fn what(line: &str) -> Option<&str> {
    line.rsplit_once(": ").map(|(_, what)| what)
}

fn is_about_an_attempt(what: &str) -> bool {
    what == OPEN || what.starts_with(STAGE) || is_timeout(what)
}

fn is_timeout(what: &str) -> bool {
    what.starts_with("sequence timeout")
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
    fn the_last_stage_may_be_told_or_not() {
        let expected = told(&["a: x: Stage 1", "a: x: Stage 2", "a: x: OPEN SESAME", "a: x: OPEN SESAME"]);
        assert!(compare(&expected, &expected).is_ok());
        let mut with = expected.clone();
        with.insert(2, told(&["a: x: Stage 3"]).remove(0));
        assert!(compare(&expected, &with).is_err());
        with.insert(4, told(&["a: x: Stage 1"]).remove(0));
        assert!(compare(&expected, &with).is_ok());
        assert!(compare(&expected, &expected[1..]).is_err());
    }

    #[test]
    fn times_matter_where_both_have_them() {
        let at = |seconds| Event { at: Some(Duration::from_secs(seconds)), line: "a: x: Stage 1".to_owned() };
        assert!(compare(&[at(1)], &told(&["a: x: Stage 1"])).is_ok());
        assert!(compare(&[at(1)], &[at(1)]).is_ok());
        assert!(compare(&[at(1)], &[at(2)]).is_err());
    }
}
