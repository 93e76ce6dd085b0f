//! How explanations look.

use jiff::{Timestamp, tz::TimeZone};
use knockd::explain::{Sentence, Told, Tone};

use crate::broken::broken;

/// How they are to be shown.
#[derive(Clone, Debug)]
pub struct Page {
    /// The zone of the times.
    pub zone: TimeZone,
    /// Whether there may be colours.
    pub has_colour: bool,
    /// After how many columns lines are broken; none if they are not.
    pub width: Option<usize>,
}

impl Page {
    /// A packet and what it did, some lines with their ends.
    #[must_use]
    pub fn told(&self, told: &Told) -> String {
        let mut text = self.time(&told.at);
        if let Some(packet) = &told.packet {
            text = format!("{text}  {}  to {}", told.subject(), packet.to);
        }
        text.push('\n');
        for sentence in &told.sentences {
            text.push_str(&self.sentence(sentence));
        }
        text
    }

    /// A text that stands for itself.
    #[must_use]
    pub fn note(&self, note: &str) -> String {
        format!("{}\n", self.broken(note, 0))
    }

    /// Something else that happened to the source.
    #[must_use]
    pub fn event(&self, at: &str, text: &str) -> String {
        format!("{}  {}\n", self.time(at), self.broken(text, 14))
    }

    fn sentence(&self, Sentence { door, tone, text, verdict }: &Sentence) -> String {
        let door = door.as_ref().map(|door| format!("{door}: ")).unwrap_or_default();
        let told = self.broken(&format!("    {door}{text}"), 6);
        let mut said = format!("{}\n", self.coloured(*tone, &told));
        if let Some(verdict) = verdict {
            said.push_str(&self.broken(&format!("    => {verdict}"), 7));
            said.push('\n');
        }
        said
    }

    /// The time of day, to the millisecond.
    fn time(&self, at: &str) -> String {
        let Ok(at) = at.parse::<Timestamp>() else { return at.to_owned() };
        at.to_zoned(self.zone.clone()).strftime("%H:%M:%S.%3f").to_string()
    }

    fn coloured(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.has_colour => return text.to_owned(),
            Tone::Right => "32",
            Tone::Open => "1;32",
            Tone::Failed => "31",
            Tone::Nothing => "90",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// The same with line breaks, where it is too long; the lines that follow begin with so many blanks.
    fn broken(&self, text: &str, indent: usize) -> String {
        // What comes from others is text, whatever is in it.
        let text: String = text.chars().map(|one| if one.is_control() { '?' } else { one }).collect();
        match self.width {
            Some(width) => broken(&text, width, indent).join("\n"),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use knockd::explain::Seen;

    use super::*;

    fn told() -> Told {
        Told {
            at: "2026-11-27T08:00:01.2345Z".to_owned(),
            packet: Some(Seen {
                number: 1,
                to: [192, 0, 2, 1].into(),
                protocol: "tcp".to_owned(),
                port: Some(9000),
                flags: Some("syn".to_owned()),
            }),
            sentences: vec![Sentence {
                door: Some("ssh".to_owned()),
                tone: Tone::Failed,
                text: "wrong: knock 2 of 3 (8000:udp) was waited for; the attempt is over".to_owned(),
                verdict: Some(
                    "this is knock 3: the order is wrong, or knock 2 (8000:udp) was lost on the way"
                        .to_owned(),
                ),
            }],
        }
    }

    fn page(has_colour: bool, width: Option<usize>) -> Page {
        Page { zone: TimeZone::UTC, has_colour, width }
    }

    #[test]
    fn a_packet_is_a_paragraph() {
        let text = "\
08:00:01.234  9000:tcp syn  to 192.0.2.1
    ssh: wrong: knock 2 of 3 (8000:udp) was waited for; the attempt is over
    => this is knock 3: the order is wrong, or knock 2 (8000:udp) was lost on
       the way
";
        assert_eq!(page(false, Some(80)).told(&told()), text);
        assert!(page(true, None).told(&told()).contains("\u{1b}[31m    ssh: wrong"));
        assert_eq!(page(false, None).told(&told()).lines().count(), 3);
    }

    #[test]
    fn lines_are_broken_between_words_and_others_can_not_break_them() {
        let page = page(false, Some(20));
        assert_eq!(
            page.note("a word that\n\u{1b}is broken twice or more"),
            "a word that??is\nbroken twice or more\n"
        );
        assert_eq!(page.note(&"x".repeat(30)), format!("{}\n", "x".repeat(30)));
    }
}
