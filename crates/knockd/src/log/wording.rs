//! The words of each line.

use std::{
    fmt::{self, Write},
    time::Duration,
};

use super::{
    hostname::Hostname,
    line::{Hand, Line, Output},
    plain::Plain,
};

/// A line with what is known of its source.
pub(super) struct Wording<'a> {
    pub(super) line: &'a Line,
    pub(super) name: Option<&'a Hostname>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Wording { line: self, name: None }.fmt(f)
    }
}

impl fmt::Display for Wording<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every word of every line goes through here, wherever it comes from.
        let mut f = Plain(f);
        if let Some(source) = self.line.source() {
            write!(f, "{source}")?;
            self.name.map_or(Ok(()), |name| write!(f, " ({name})"))?;
            f.write_str(": ")?;
        }
        write(&mut f, self.line)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "log file {}", path.display()),
            Self::Syslog => f.write_str("syslog"),
        }
    }
}

/// What follows the source.
fn write(f: &mut impl Write, line: &Line) -> fmt::Result {
    match line {
        Line::Attempt { door, what, .. } => write!(f, "{door}: {what}"),
        Line::Running { door, command, .. } => write!(f, "{door}: running command: {command}"),
        Line::Ran { door, took, .. } => write!(f, "{door}: command ended after {}", Seconds(*took)),
        Line::CommandFailed { door, status, .. } => {
            write!(f, "{door}: command returned non-zero status code ({status})")
        }
        Line::CommandKilled { door, signal, took, .. } => {
            let name = signal_hook::low_level::signal_name(*signal).unwrap_or("unnamed");
            write!(f, "{door}: command killed by signal {signal} ({name}) after {}", Seconds(*took))
        }
        Line::CommandHangs { door, command, since, .. } => {
            write!(f, "{door}: command still running after {}: {command}", Seconds(*since))
        }
        Line::CommandNotStarted { door, reason, .. } => {
            write!(f, "{door}: command could not be started: {reason}")
        }
        Line::ByHand { door, hand, user, source } => {
            let for_all = if source.is_none() { " for all" } else { "" };
            write!(f, "{door}: {hand}{for_all} by hand")?;
            if let Hand::Extended(by) = hand {
                write!(f, " for {} more", Seconds(*by))?;
            }
            write!(f, ", by user {user}")
        }
        Line::Opened { door, left, .. } => write!(f, "{door}: open for {}", Seconds(*left)),
        Line::Extended { door, left: None, .. } => write!(f, "{door}: stays open longer"),
        Line::Extended { door, left: Some(left), .. } => {
            write!(f, "{door}: stays open longer, for {}", Seconds(*left))
        }
        Line::Closed { door, .. } => write!(f, "{door}: closed"),
        Line::CommandTimeout { door, .. } => write!(f, "{door}: command timeout"),
        Line::NotOpened { door, reason, .. } => {
            write!(f, "{door}: not opened, as {reason}")
        }
        Line::LetIn { door, what, stay, longer, .. } => {
            let another = if *longer { "another " } else { "" };
            write!(f, "{door}: open for {another}{}: {what}", Seconds(*stay))
        }
        Line::StaysShut { door, reason, .. } => write!(f, "{door}: not opened: {reason}"),
        Line::LeftOpen { door, left: Duration::ZERO, .. } => {
            write!(f, "{door}: was left open, closing it now")
        }
        Line::LeftOpen { door, left, .. } => {
            write!(f, "{door}: was left open, closing it in {}", Seconds(*left))
        }
        Line::OneTimeUsed { door, line, left } => {
            write!(f, "{door}: one-time sequence in line {line} is used, {left} left")
        }
        Line::OneTimeEmpty { door } => write!(f, "{door}: no one-time sequence left: the door stays shut"),
        Line::OneTimeNotMarked { door, path, reason } => {
            let path = path.display();
            write!(f, "{door}: one-time sequence cannot be marked in {path}: {reason}: the door stays shut")
        }
        Line::NoSequence { door, path, mistake } => write!(f, "{door}: {}: {mistake}", path.display()),
        Line::Starting { interfaces } => write!(f, "starting up, listening on {interfaces}"),
        Line::Waiting { interfaces } => write!(f, "waiting for interfaces: {interfaces}"),
        Line::ShuttingDown => f.write_str("shutting down"),
        Line::Rereading { path } => write!(f, "re-reading config file: {}", path.display()),
        Line::ConfigurationTaken { doors } => {
            write!(f, "configuration read again: {doors} {}", if *doors == 1 { "door" } else { "doors" })
        }
        Line::ConfigurationKept { path, mistakes, first } => {
            write!(f, "{} stays unused, the running configuration in force: ", path.display())?;
            write!(f, "{mistakes} {}, first: {first}", if *mistakes == 1 { "mistake" } else { "mistakes" })
        }
        Line::InterfaceCame { name } => write!(f, "interface {name} has come, listening on it"),
        Line::InterfaceWent { name } => write!(f, "interface {name} has gone"),
        Line::PacketsDropped { count } => write!(f, "packets dropped by the kernel: {count}"),
        Line::OpeningsLost { count } => {
            write!(f, "too many openings: {count} completed sequences opened nothing")
        }
        Line::WatcherEnded { how, pause } => {
            write!(f, "watcher ended ({how}), started anew in {}", Seconds(*pause))
        }
        Line::LeftOut { count, sample: Some(sample), .. } => {
            write!(f, "{count} {} like this left out: {sample}", lines(*count))
        }
        Line::LeftOut { count, kind, sample: None } => {
            write!(f, "{count} {} left out: {kind}", lines(*count))
        }
        Line::OutputBroken { output, reason } => {
            write!(f, "{output} takes no lines: {reason}; it is tried again")
        }
        Line::OutputWorks { output, lost } => {
            write!(f, "{output} takes lines again, {lost} {} lost", lines(*lost))
        }
        Line::NotShown { count } => {
            write!(f, "{count} {} not shown: the terminal did not keep up", lines(*count))
        }
        Line::FileReopened { path } => write!(f, "re-opening log file: {}", path.display()),
        Line::FileNotReopened { path, reason } => {
            let path = path.display();
            write!(f, "log file {path} cannot be opened: {reason}; the last one stays in use")
        }
        Line::Text { text, .. } => f.write_str(text),
    }
}

fn lines(count: u64) -> &'static str {
    if count == 1 { "line" } else { "lines" }
}

/// A span in seconds, to the millisecond.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.subsec_millis();
        write!(f, "{}", self.0.as_secs())?;
        if millis > 0 {
            let fraction = format!("{millis:03}");
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str(" s")
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use knock_core::{
        event::{self, What},
        one_time::LineMistake,
        sequence::Sequence,
    };

    use super::*;
    use crate::log::{By, kind::Kind, level::Level, purpose::Purpose};

    fn said(line: &Line) -> String {
        line.to_string()
    }

    fn attempt(what: What) -> Line {
        Line::Attempt { source: [10, 0, 0, 2].into(), door: "ssh".into(), what }
    }

    #[test]
    fn classic_lines_have_the_classic_words_and_are_notices() {
        let source: IpAddr = "2001:db8::1".parse().unwrap();
        let classic = [
            (attempt(What::Stage(2)), "10.0.0.2: ssh: Stage 2"),
            (attempt(What::Opened(3)), "10.0.0.2: ssh: OPEN SESAME"),
            (attempt(What::TimedOut(2)), "10.0.0.2: ssh: sequence timeout (stage 2)"),
            (Line::CommandTimeout { source, door: "ssh".into() }, "2001:db8::1: ssh: command timeout"),
            (
                Line::Running { door: "ssh".into(), source, purpose: Purpose::Start, command: "a b".into() },
                "ssh: running command: a b",
            ),
            (
                Line::CommandFailed { door: "ssh".into(), source, purpose: Purpose::Start, status: 3 },
                "ssh: command returned non-zero status code (3)",
            ),
            (Line::Starting { interfaces: "eth0".into() }, "starting up, listening on eth0"),
            (Line::Waiting { interfaces: "eth7, ppp0".into() }, "waiting for interfaces: eth7, ppp0"),
            (Line::ShuttingDown, "shutting down"),
            (Line::Rereading { path: "/etc/knockd.conf".into() }, "re-reading config file: /etc/knockd.conf"),
            (Line::FileReopened { path: "/var/log/k".into() }, "re-opening log file: /var/log/k"),
        ];
        for (line, text) in classic {
            assert_eq!(said(&line), text);
            assert_eq!(line.level(), Level::Notice, "{text}");
        }
    }

    #[test]
    fn a_name_stands_behind_the_source() {
        let name = Hostname::new("a.example");
        let line = attempt(What::Stage(1));
        let text = Wording { line: &line, name: name.as_ref() }.to_string();
        assert_eq!(text, "10.0.0.2 (a.example): ssh: Stage 1");
    }

    #[test]
    fn commands_tell_how_they_ended() {
        let door = || "ssh".into();
        let (source, purpose) = (IpAddr::from([10, 0, 0, 2]), Purpose::Stop);
        let took = Duration::from_millis(1250);
        let killed = |signal| Line::CommandKilled { door: door(), source, purpose, signal, took };
        assert_eq!(said(&killed(9)), "ssh: command killed by signal 9 (SIGKILL) after 1.25 s");
        assert_eq!(said(&killed(99)), "ssh: command killed by signal 99 (unnamed) after 1.25 s");
        let since = Duration::from_secs(60);
        let hangs = Line::CommandHangs { door: door(), source, purpose, command: "x".into(), since };
        assert_eq!(said(&hangs), "ssh: command still running after 60 s: x");
        let ran = Line::Ran { door: door(), source, purpose, took: Duration::from_micros(20) };
        assert_eq!(said(&ran), "ssh: command ended after 0 s");
    }

    #[test]
    fn what_the_classic_daemon_does_not_say() {
        let (door, path, reason) = (|| "ssh".into(), || "/f".into(), || "full".into());
        let (source, purpose) = (IpAddr::from([10, 0, 0, 2]), Purpose::Start);
        let wrong = "0".parse::<Sequence>().unwrap_err().into();
        let lines = [
            (
                Line::CommandNotStarted { door: door(), source, purpose, reason: reason() },
                "ssh: command could not be started: full",
            ),
            (
                Line::OneTimeUsed { door: door(), line: 3, left: 2 },
                "ssh: one-time sequence in line 3 is used, 2 left",
            ),
            (Line::OneTimeEmpty { door: door() }, "ssh: no one-time sequence left: the door stays shut"),
            (
                Line::OneTimeNotMarked { door: door(), path: path(), reason: reason() },
                "ssh: one-time sequence cannot be marked in /f: full: the door stays shut",
            ),
            (
                Line::NoSequence { door: door(), path: path(), mistake: LineMistake { line: 4, wrong } },
                "ssh: /f: line 4 is no sequence and is skipped: a port is a whole number from 1 to 65535",
            ),
            (
                Line::ConfigurationKept { path: path(), mistakes: 2, first: "line 1: x".into() },
                "/f stays unused, the running configuration in force: 2 mistakes, first: line 1: x",
            ),
            (Line::InterfaceCame { name: "tun0".into() }, "interface tun0 has come, listening on it"),
            (Line::InterfaceWent { name: "tun0".into() }, "interface tun0 has gone"),
            (Line::PacketsDropped { count: 7 }, "packets dropped by the kernel: 7"),
            (Line::OpeningsLost { count: 7 }, "too many openings: 7 completed sequences opened nothing"),
            (
                Line::WatcherEnded { how: "status 1".into(), pause: Duration::from_millis(500) },
                "watcher ended (status 1), started anew in 0.5 s",
            ),
            (Line::OutputWorks { output: Output::Syslog, lost: 1 }, "syslog takes lines again, 1 line lost"),
        ];
        for (line, text) in lines {
            assert_eq!(said(&line), text);
        }
    }

    #[test]
    fn what_is_done_by_hand_is_told_with_its_seconds() {
        let (source, door) = (IpAddr::from([10, 0, 0, 2]), || "ssh".into());
        let by_hand = |source, hand| said(&Line::ByHand { source, door: door(), hand, user: 7 });
        let span = Duration::from_millis(90_500);
        assert_eq!(by_hand(Some(source), Hand::Opened), "10.0.0.2: ssh: opened by hand, by user 7");
        assert_eq!(
            by_hand(Some(source), Hand::Extended(span)),
            "10.0.0.2: ssh: extended by hand for 90.5 s more, by user 7"
        );
        assert_eq!(by_hand(None, Hand::Closed), "ssh: closed for all by hand, by user 7");
        let extended = |left| said(&Line::Extended { source, door: door(), by: By::Kernel, left });
        assert_eq!(extended(Some(span)), "10.0.0.2: ssh: stays open longer, for 90.5 s");
        assert_eq!(extended(None), "10.0.0.2: ssh: stays open longer");
        let taken = |doors| said(&Line::ConfigurationTaken { doors });
        assert_eq!(
            [1, 3].map(taken),
            ["configuration read again: 1 door", "configuration read again: 3 doors"]
        );
    }

    #[test]
    fn who_is_let_in_is_told_where_and_how_long() {
        let let_in = |longer| Line::LetIn {
            source: "10.0.0.2".parse().unwrap(),
            door: "ssh".into(),
            what: "tcp/22, udp/60000-61000".into(),
            stay: Duration::from_millis(1500),
            longer,
        };
        assert_eq!(said(&let_in(false)), "10.0.0.2: ssh: open for 1.5 s: tcp/22, udp/60000-61000");
        assert_eq!(said(&let_in(true)), "10.0.0.2: ssh: open for another 1.5 s: tcp/22, udp/60000-61000");
        let source = "fd00::2".parse().unwrap();
        let shut = Line::StaysShut { source, door: "ssh".into(), reason: "why".to_owned() };
        assert_eq!(said(&shut), "fd00::2: ssh: not opened: why");
        assert_eq!((shut.level(), let_in(true).level()), (Level::Error, Level::Notice));
        assert_eq!((shut.kind(), let_in(true).kind()), (None, None));
    }

    #[test]
    fn no_text_from_outside_makes_a_second_line() {
        let evil = "x\n[2026-01-01 00:00:00] 10.0.0.9: ssh: OPEN SESAME\u{1b}[2J";
        let (door, path) = (|| evil.into(), || evil.into());
        let (source, purpose) = (IpAddr::from([10, 0, 0, 2]), Purpose::Start);
        let lines = [
            Line::Running { door: door(), source, purpose, command: evil.into() },
            Line::CommandNotStarted { door: door(), source, purpose, reason: evil.into() },
            Line::OneTimeNotMarked { door: door(), path: path(), reason: evil.into() },
            Line::Starting { interfaces: evil.into() },
            Line::Waiting { interfaces: evil.into() },
            Line::Rereading { path: path() },
            Line::ConfigurationKept { path: path(), mistakes: 2, first: evil.into() },
            Line::InterfaceCame { name: evil.into() },
            Line::WatcherEnded { how: evil.into(), pause: Duration::ZERO },
            Line::OutputBroken { output: Output::File(path()), reason: evil.into() },
            Line::LeftOut { count: 2, kind: Kind::Text, sample: Some(Box::new(Line::note(evil))) },
        ];
        for line in lines {
            let text = said(&line);
            assert!(!text.chars().any(char::is_control), "{text}");
            assert!(text.contains(r"x\n[2026"), "{text}");
        }
    }

    #[test]
    fn sums_up() {
        let sample = Some(Box::new(attempt(What::Stage(1))));
        let line = Line::LeftOut { count: 12, kind: Kind::Attempt(event::Kind::Stage), sample };
        assert_eq!(said(&line), "12 lines like this left out: 10.0.0.2: ssh: Stage 1");
        assert_eq!(line.source(), None);
        let line = Line::LeftOut { count: 1, kind: Kind::Attempt(event::Kind::Stage), sample: None };
        assert_eq!(said(&line), "1 line left out: stages");
    }
}
