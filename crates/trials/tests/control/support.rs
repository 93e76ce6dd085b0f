//! What the tests of the control socket share.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use knockd::control::protocol::{Happening, Request, Said};
use trials::{
    binaries,
    net::{Daemon, Ended, Lab, Setup},
    trouble::{Outcome, Trouble},
};

/// A door that a command opens and another closes, and one that does nothing.
pub(crate) const DOORS: &str = "
[ssh]
    Sequence = 7300:udp,7100:udp,7200:udp
    Start_Command = echo open %IP% >> {DIR}/done
    Cmd_Timeout = 3600
    Stop_Command = echo close %IP% >> {DIR}/done

[other]
    Sequence = 7300:udp,7900:udp,7800:udp
    Command = true
";

/// A door of which each packet can be explained.
pub(crate) const THREE_KNOCKS: &str = "
[ssh]
    Sequence = 7300,7100:udp,7200
    TCPFlags = syn
    Seq_Timeout = 2
    Command = true
    Cmd_Timeout = 600
    Stop_Command = true
";

/// Its knocks.
pub(crate) const FIRST: &str = "tcp CLIENT:40000 > SERVER:7300 syn";
pub(crate) const SECOND: &str = "udp CLIENT > SERVER:7100";
pub(crate) const THIRD: &str = "tcp CLIENT:40000 > SERVER:7200 syn";

/// Sends packets, one after the other.
pub(crate) fn send(lab: &Lab, packets: &[&str]) -> Outcome {
    packets.iter().try_for_each(|packet| lab.send(packet))
}

/// A client of the daemon.
pub(crate) struct Visitor(BufReader<UnixStream>);

/// Our daemon with this configuration and a control socket.
pub(crate) fn start<'a>(lab: &'a Lab, config: &str) -> Outcome<Daemon<'a>> {
    Setup::new(lab, config)?.with(&["--socket", "sock"]).start()
}

/// Where that socket is.
pub(crate) fn socket(lab: &Lab) -> PathBuf {
    lab.directory().join("sock")
}

/// Makes the knocks of the door `ssh`.
pub(crate) fn knock(lab: &Lab, source: &str) -> Outcome {
    lab.send(&format!("udp {source} > SERVER:7300,7100,7200"))
}

/// What becomes of an order of `knockctl`.
pub(crate) fn ctl(lab: &Lab, order: &[&str]) -> Outcome<Ended> {
    let output = Command::new(binaries::knockctl()?).arg("--socket").arg(socket(lab)).args(order).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ended { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}

impl Visitor {
    /// One who has heard the first line.
    pub(crate) fn new(lab: &Lab) -> Outcome<Self> {
        let stream = UnixStream::connect(socket(lab))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut visitor = Self(BufReader::new(stream));
        match visitor.hears()? {
            Said::Hello(_) => Ok(visitor),
            other => Err(Trouble::new(format!("{other:?} is no hello"))),
        }
    }

    /// What it is answered.
    pub(crate) fn asks(&mut self, request: &Request) -> Outcome<Said> {
        self.0.get_mut().write_all(format!("{}\n", request.encode()).as_bytes())?;
        self.hears()
    }

    /// What it hears next.
    pub(crate) fn hears(&mut self) -> Outcome<Said> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Said::decode(line.as_bytes()).map_err(|error| Trouble::new(format!("{error}: {line:?}")))
    }

    /// What it hears in the next moment, if there is something.
    pub(crate) fn hears_soon(&mut self) -> Option<Said> {
        self.0.get_ref().set_read_timeout(Some(Duration::from_millis(200))).ok()?;
        let said = self.hears().ok();
        self.0.get_ref().set_read_timeout(Some(Duration::from_secs(60))).ok()?;
        said
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> Outcome<Happening> {
        match self.hears()? {
            Said::Event(event) => Ok(event.what),
            other => Err(Trouble::new(format!("{other:?} is no event"))),
        }
    }

    /// Waits for an event like this one.
    pub(crate) fn awaits(&mut self, mut is_it: impl FnMut(&Happening) -> bool) -> Outcome<Happening> {
        loop {
            let event = self.event()?;
            if is_it(&event) {
                return Ok(event);
            }
        }
    }
}
