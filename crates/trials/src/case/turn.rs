//! What happens in a case, and when.

use std::{str::FromStr, time::Duration};

use crate::{
    frame::Frame,
    names,
    packet::{Packet, hex},
    trouble::{Outcome, Trouble},
};

/// The time between the packets of one line.
const BETWEEN: Duration = Duration::from_micros(200);

/// A moment of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When, counted from the beginning.
    pub at: Duration,
    /// What is done.
    pub what: Move,
}

/// What is done at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// A frame is sent.
    Send(Frame),
    /// A shell command is run on the server.
    Server(String),
    /// The next configuration is put in place and the daemon told to read it.
    Reload,
    /// A cable between both hosts, with interfaces of this name.
    Plug(String),
    /// The cable is gone, and so are its interfaces.
    Unplug(String),
    /// Nothing: the case lasts until now.
    End,
}

impl Move {
    /// Whether a capture can hold it.
    #[must_use]
    pub(super) fn is_replayable(&self) -> bool {
        matches!(self, Self::Send(_) | Self::End)
    }
}

/// The turns of one line, `SECONDS WHAT`.
pub(super) fn turns(line: &str, serial: &mut u16) -> Outcome<Vec<Turn>> {
    let (at, what) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let at = seconds(at)?;
    let what = what.trim();
    let (verb, rest) = what.split_once(char::is_whitespace).unwrap_or((what, ""));
    let rest = rest.trim();
    let one = |what| Ok(vec![Turn { at, what }]);
    match verb {
        "server" => one(Move::Server(names::filled_in(rest))),
        "reload" => one(Move::Reload),
        "plug" => one(Move::Plug(rest.to_owned())),
        "unplug" => one(Move::Unplug(rest.to_owned())),
        "end" => one(Move::End),
        "frame" => {
            let header = hex(rest)?;
            one(Move::Send(Frame {
                interface: "eth0".to_owned(),
                outgoing: false,
                header,
                packet: Vec::new(),
            }))
        }
        _ => {
            let frames = Packet::from_str(what)?.frames(serial)?.into_iter().map(Move::Send);
            let times = (0..).map(|place| at + BETWEEN * place);
            Ok(times.zip(frames).map(|(at, what)| Turn { at, what }).collect())
        }
    }
}

/// A span as cases write it: seconds, with a fraction or without.
pub(super) fn seconds(text: &str) -> Outcome<Duration> {
    let wrong = || Trouble::new(format!("{text:?}: expected a time in seconds"));
    let seconds = text.parse::<f64>().map_err(|_| wrong())?;
    let span = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    // To the microsecond, as captures have it.
    Ok(Duration::from_micros(u64::try_from((span.as_nanos() + 500) / 1000).map_err(|_| wrong())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_ports_are_several_turns() {
        let turns = turns("0.5 tcp CLIENT > SERVER:1,2", &mut 0).unwrap();
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[1].at, Duration::from_micros(500_200));
    }

    #[test]
    fn steps_are_told_from_packets() {
        let what = |line| turns(line, &mut 0).unwrap().remove(0).what;
        assert_eq!(what("0 server echo {CLIENT}"), Move::Server("echo 10.0.0.2".to_owned()));
        assert_eq!(what("1 end"), Move::End);
        assert!(!what("1 plug eth1").is_replayable());
        assert!(matches!(what("0 frame 0011"), Move::Send(frame) if frame.header == [0, 0x11]));
        assert!(turns("soon end", &mut 0).is_err());
        assert!(turns("-1 end", &mut 0).is_err());
        assert!(turns("1", &mut 0).is_err());
    }
}
