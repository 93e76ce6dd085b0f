//! What was done.

use knockd::control::protocol::Said;
use serde_json::Value;

use super::plain;
use crate::span::Span;

/// A line that tells of it, and what there is to mind; none if this answer is about something else.
pub(crate) fn done(said: &Said) -> Option<String> {
    let text = match said {
        Said::Opened { by_kernel, by_command, stay_ms } => {
            let stay = stay_ms.map(|stay| format!(" for {}", Span(stay))).unwrap_or_default();
            let then = if *by_command { "its command is started" } else { "" };
            match (by_kernel, by_command) {
                (true, false) => format!("open{stay}"),
                (true, true) => format!("open{stay}; {then}"),
                (false, _) => {
                    format!("{then}{}", if stay.is_empty() { stay } else { format!(", then open{stay}") })
                }
            }
        }
        Said::Closed { count: 0 } => "nobody was let in".to_owned(),
        Said::Closed { count: 1 } => "closed; connections that exist go on".to_owned(),
        Said::Closed { count } => format!("closed, openings: {count}; connections that exist go on"),
        Said::Extended { left_ms } => format!("stays open for {}", Span(*left_ms)),
        Said::Reloaded { warnings } => {
            let warnings = warnings.iter().map(|warning| format!("{}\n", lines(warning)));
            return Some(format!("{}the configuration is in force\n", warnings.collect::<String>()));
        }
        _ => return None,
    };
    Some(text + "\n")
}

/// The object of such an answer.
pub(crate) fn object(said: &Said) -> Option<Value> {
    done(said)?;
    let Value::Object(names) = serde_json::to_value(said).ok()? else { return None };
    names.into_iter().next().map(|(_, object)| object)
}

/// The same for text of several lines.
fn lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_an_object_for_programs() {
        for (said, text) in [
            (
                Said::Opened { by_kernel: true, by_command: false, stay_ms: Some(30_000) },
                r#"{"by_command":false,"by_kernel":true,"stay_ms":30000}"#,
            ),
            (Said::Closed { count: 2 }, r#"{"count":2}"#),
            (Said::Extended { left_ms: 61_000 }, r#"{"left_ms":61000}"#),
            (Said::Reloaded { warnings: Vec::new() }, r#"{"warnings":[]}"#),
        ] {
            assert_eq!(object(&said).unwrap().to_string(), text);
        }
        assert_eq!(object(&Said::Watching {}), None);
    }

    #[test]
    fn each_answer_is_a_line() {
        let opened =
            |by_kernel, by_command, stay_ms| done(&Said::Opened { by_kernel, by_command, stay_ms }).unwrap();
        assert_eq!(opened(true, false, Some(30_000)), "open for 30 s\n");
        assert_eq!(opened(true, true, Some(30_000)), "open for 30 s; its command is started\n");
        assert_eq!(opened(false, true, Some(30_000)), "its command is started, then open for 30 s\n");
        assert_eq!(opened(false, true, None), "its command is started\n");
        assert_eq!(done(&Said::Closed { count: 0 }).unwrap(), "nobody was let in\n");
        assert_eq!(done(&Said::Extended { left_ms: 61_000 }).unwrap(), "stays open for 1 min 1 s\n");
        let warnings = vec!["a: b\n  ^".to_owned()];
        assert_eq!(done(&Said::Reloaded { warnings }).unwrap(), "a: b\n  ^\nthe configuration is in force\n");
        assert_eq!(done(&Said::Watching {}), None);
    }
}
