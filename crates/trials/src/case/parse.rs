//! The text of a case.

use super::{
    Case, Content, Difference, Event, Expected, Only,
    turn::{Turn, seconds, turns},
};
use crate::{
    names,
    pcap::Link,
    trouble::{Outcome, Trouble, While},
};

/// Begins the line that names a section.
const SECTION: &str = "--- ";

/// A section's title and its lines with their numbers.
struct Section<'a> {
    title: &'a str,
    lines: Vec<(usize, &'a str)>,
}

impl Case {
    /// The case that `text` tells.
    pub fn parse(name: &str, text: &str) -> Outcome<Self> {
        let mut sections = sections(text).into_iter();
        let mut case = Self::empty(name);
        if let Some(head) = sections.next() {
            case.head(&head)?;
        }
        sections.try_for_each(|section| case.section(&section))?;
        case.checked()
    }

    fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            proves: String::new(),
            classic: None,
            only: None,
            link: Link::Ethernet,
            interface: "eth0".to_owned(),
            own_options: false,
            arguments: Vec::new(),
            config: String::new(),
            reloads: Vec::new(),
            files: Vec::new(),
            turns: Vec::new(),
            expected: Expected::default(),
        }
    }

    fn head(&mut self, head: &Section) -> Outcome {
        for (number, line) in head.content() {
            if let Some(comment) = line.strip_prefix('#') {
                let gap = if self.proves.is_empty() { "" } else { " " };
                self.proves += gap;
                self.proves += comment.trim();
                continue;
            }
            let wrong = |text| Trouble::new(text).at(format!("line {number}"));
            let (key, value) = line.split_once(": ").ok_or_else(|| wrong("expected `key: value`"))?;
            let value = value.trim();
            match key {
                "classic" => self.classic = Some(difference(value).while_(format!("line {number}"))?),
                "live-only" => self.only = Some(Only::Live(value.to_owned())),
                "replay-only" => self.only = Some(Only::Replay(value.to_owned())),
                "link" => self.link = value.parse().while_(format!("line {number}"))?,
                "interface" => value.clone_into(&mut self.interface),
                "options" => self.own_options = own_options(value).while_(format!("line {number}"))?,
                "arguments" => self.arguments = value.split_whitespace().map(str::to_owned).collect(),
                _ => return Err(wrong("the key is not known")),
            }
        }
        Ok(())
    }

    fn section(&mut self, section: &Section) -> Outcome {
        let (kind, name) = section.title.split_once(' ').unwrap_or((section.title, ""));
        let content = || Content { name: names::filled_in(name), text: section.text() };
        match kind {
            "config" => self.config = section.text(),
            "reload" => self.reloads.push(section.text()),
            "file" => self.files.push(content()),
            "packets" => self.turns = section.turns()?,
            "events" => self.expected.events = section.events()?,
            "log" => self.expected.log = section.lines(),
            "after" => self.expected.after.push(content()),
            "at-end" => self.expected.at_end.push(content()),
            "refused" => self.expected.refused = section.lines(),
            "warned" => self.expected.warned = section.lines(),
            _ => return Err(Trouble::new(format!("{:?} is no section of a case", section.title))),
        }
        Ok(())
    }

    fn checked(self) -> Outcome<Self> {
        let live_only = matches!(self.only, Some(Only::Live(_)));
        let wrong = if self.proves.is_empty() {
            "it does not say what it proves"
        } else if self.config.is_empty() {
            "it has no configuration"
        } else if !live_only && self.turns.iter().any(|turn| !turn.what.is_replayable()) {
            "it has steps that a capture cannot hold: say `live-only: reason`"
        } else if self.link != Link::Ethernet && !matches!(self.only, Some(Only::Replay(_))) {
            "only a capture can have that link: say `replay-only: reason`"
        } else if self.turns.is_empty() && self.expected == Expected::default() {
            "nothing happens and nothing is expected"
        } else if !self.turns.is_sorted_by_key(|turn| turn.at) {
            "its packets are not in the order of their times"
        } else {
            return Ok(self);
        };
        Err(Trouble::new(wrong))
    }
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections = vec![Section { title: "", lines: Vec::new() }];
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(title) = line.strip_prefix(SECTION) {
            sections.push(Section { title: title.trim(), lines: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push((number, line));
        }
    }
    sections
}

impl<'a> Section<'a> {
    /// Its text, without the blank lines at its end.
    fn text(&self) -> String {
        let text: Vec<_> = self.lines.iter().map(|(_, line)| *line).collect();
        let text = names::filled_in(text.join("\n").trim_end());
        if text.is_empty() { text } else { text + "\n" }
    }

    fn content(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.lines.iter().map(|(number, line)| (*number, line.trim())).filter(|(_, line)| !line.is_empty())
    }

    fn lines(&self) -> Vec<String> {
        self.content().map(|(_, line)| names::filled_in(line)).collect()
    }

    fn turns(&self) -> Outcome<Vec<Turn>> {
        let mut serial = 0;
        let mut all = Vec::new();
        for (number, line) in self.content().filter(|(_, line)| !line.starts_with('#')) {
            all.extend(turns(line, &mut serial).while_(format!("line {number}"))?);
        }
        Ok(all)
    }

    fn events(&self) -> Outcome<Vec<Event>> {
        self.content().map(|(number, line)| event(line).while_(format!("line {number}"))).collect()
    }
}

/// `[SECONDS] NAME: door: what`.
fn event(line: &str) -> Outcome<Event> {
    let timed = line.split_once(' ').and_then(|(at, line)| Some((seconds(at).ok()?, line)));
    let (at, line) = timed.map_or((None, line), |(at, line)| (Some(at), line));
    let (name, what) = line.split_once(": ").ok_or_else(|| Trouble::new("expected `NAME: door: what`"))?;
    let source = names::address(name).ok_or_else(|| Trouble::new(format!("{name:?} is no known address")))?;
    Ok(Event { at, line: format!("{source}: {what}") })
}

fn own_options(text: &str) -> Outcome<bool> {
    match text {
        "from the file" => Ok(true),
        _ => Err(Trouble::new("expected `from the file`")),
    }
}

/// `fails - reason` or `differs - reason`.
fn difference(text: &str) -> Outcome<Difference> {
    let expected = || Trouble::new("expected `fails - reason` or `differs - reason`");
    let (verb, reason) = text.split_once(" - ").ok_or_else(expected)?;
    let fault = match verb {
        "fails" => true,
        "differs" => false,
        _ => return Err(expected()),
    };
    Ok(Difference { fault, reason: reason.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const WHOLE: &str = "\
# One thing,
# well told.
classic: fails - it does not
arguments: -4

--- config
[ssh]
    Command = echo {CLIENT} # as it is

--- file spare
 1,2
--- packets
0.00 tcp CLIENT > SERVER:1
# then
1 end
--- events
CLIENT: ssh: Stage 1
1.0 CLIENT6: ssh: OPEN SESAME
";

    #[test]
    fn a_case_is_read() {
        let case = Case::parse("it", WHOLE).unwrap();
        assert_eq!(case.proves, "One thing, well told.");
        assert_eq!(case.classic, Some(Difference { fault: true, reason: "it does not".to_owned() }));
        assert_eq!(case.config, "[ssh]\n    Command = echo 10.0.0.2 # as it is\n");
        assert_eq!(case.files, [Content { name: "spare".to_owned(), text: " 1,2\n".to_owned() }]);
        assert_eq!(case.turns.len(), 2);
        let late = Event { at: Some(Duration::from_secs(1)), line: "fd00::2: ssh: OPEN SESAME".to_owned() };
        assert_eq!(case.expected.events[0].line, "10.0.0.2: ssh: Stage 1");
        assert_eq!(case.expected.events[1], late);
    }

    #[test]
    fn mistakes_are_named() {
        let mistake = |from, to| Case::parse("it", &WHOLE.replace(from, to)).unwrap_err().to_string();
        assert!(mistake("SERVER", "SURVER").starts_with("line 13:"));
        assert!(mistake("0.00 tcp", "2 tcp").contains("order"));
        assert!(mistake("1 end", "1 reload").contains("live-only"));
        assert!(mistake("--- file", "--- flie").contains("flie"));
        assert!(mistake("fails -", "is bad -").contains("line 3"));
        assert!(mistake("arguments: -4", "link: raw").contains("replay-only"));
        assert!(mistake("CLIENT6:", "6:").contains("line 18"));
    }
}
