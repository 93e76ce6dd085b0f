//! A line as a JSON object (RFC 8259).

use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    fields::{self, Value},
    hostname::Hostname,
    line::Line,
    stamp,
    wording::Wording,
};

/// A line that was said at a time, with what is known of its source.
pub(super) struct Record<'a> {
    pub(super) line: &'a Line,
    pub(super) name: Option<&'a Hostname>,
    pub(super) at: Timestamp,
}

impl Record<'_> {
    /// The object, without a line end: there is none in it either.
    pub(super) fn to_json(&self) -> String {
        // It fails for keys that are no text, of which it has none.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &stamp::for_machines(self.at, stamp::zone()))?;
        map.serialize_entry("level", self.line.level().name())?;
        map.serialize_entry("event", fields::event(self.line))?;
        let mut done = Ok(());
        fields::each(self.line, &mut |name, value| {
            if done.is_ok() {
                done = map.serialize_entry(name, &value);
            }
        });
        done?;
        if let Some(name) = self.name {
            map.serialize_entry("source_name", &Value::text(name))?;
        }
        let words = Wording { line: self.line, name: self.name };
        map.serialize_entry("message", &words.to_string())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::log::samples;

    fn json(line: &Line) -> String {
        let name = Hostname::new("a.example");
        let name = name.as_ref().filter(|_| line.source().is_some());
        Record { line, name, at: "2026-11-22T18:34:06.5Z".parse().unwrap() }.to_json()
    }

    #[test]
    fn every_line_is_one_object_of_plain_values_with_what_all_have() {
        let mut events = BTreeSet::new();
        for line in samples::every_event() {
            let text = json(&line);
            assert_eq!(text.lines().count(), 1, "{text}");
            let object: Value = serde_json::from_str(&text).unwrap();
            let object = object.as_object().unwrap();
            assert!(object.values().all(|value| !value.is_object() && !value.is_array()), "{text}");
            let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap().to_owned();
            assert!(text("time").starts_with("2026-11-2"));
            assert_eq!(text("level"), line.level().name());
            assert!(!text("message").is_empty());
            events.insert(text("event"));
        }
        assert_eq!(events.len(), 43);
    }

    #[test]
    fn what_people_look_for_has_a_field() {
        let lines: Vec<String> = samples::every_event().iter().map(json).collect();
        let holds = |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
        for parts in [
            &[r#""event":"stage","door":"ssh","source":"192.0.2.7","stage":1,"source_name":"a.example","#][..],
            &[r#""message":"192.0.2.7 (a.example): ssh: Stage 1"}"#],
            &[r#""event":"discarded","#, r#""port":9303,"protocol":"tcp","stage":2,"#],
            &[r#""source":"192.0.2.7","purpose":"start","command":"true \"1\"","#],
            &[r#""event":"command-ended","#, r#""duration":1.25,"#],
            &[r#""event":"command-failed","#, r#""status":3,"#],
            &[r#""event":"let-in","#, r#""opens":"tcp/22","duration":1.25,"extended":true,"#],
            &[r#""event":"left-out","left_out":"gave-way","count":12,"#],
            &[r#""level":"error","event":"watcher-ended","reason":"it is full","duration":1.25,"#],
        ] {
            assert!(holds(parts), "{parts:?} in {lines:#?}");
        }
    }

    #[test]
    fn no_text_from_outside_ends_a_string() {
        let evil = "\"}\n{\"event\":\"opened\"\u{202e}";
        let text = json(&Line::note(evil));
        let object: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["event"], "note");
        assert_eq!(object["message"], "\"}\\n{\"event\":\"opened\"\\u{202e}");
    }
}
