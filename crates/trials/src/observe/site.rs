//! A daemon with doors of every sort, and the exporter beside it.

use std::process::{Command, Stdio};

use super::prometheus::get;
use crate::{
    binaries,
    net::{Daemon, Lab, PATIENCE, Program, Setup, await_some},
    trouble::{Outcome, Trouble},
};

/// Where the exporter listens.
const EXPORTER: &str = "127.0.0.1:9707";

/// A door that the kernel opens, one with commands of which the second fails, and one with one-time sequences.
const DOORS: &str = "
[ssh]
    Sequence = 7300:udp,7100:udp,7200:udp
    Open = tcp/22
    Cmd_Timeout = 20

[backup]
    Sequence = 7400:udp,7600:udp,7500:udp
    Start_Command = sleep 0.02
    Cmd_Timeout = 5
    Stop_Command = false

[vault]
    One_Time_Sequences = {DIR}/sequences
    Open = tcp/443
";

/// The daemon and the exporter.
#[derive(Debug)]
pub struct Site<'a> {
    lab: &'a Lab,
    /// The daemon.
    pub daemon: Daemon<'a>,
    exporter: Program,
}

impl<'a> Site<'a> {
    /// Where the exporter listens on the server.
    pub const EXPORTER: &'static str = EXPORTER;

    /// Starts both.
    pub fn start(lab: &'a Lab) -> Outcome<Self> {
        lab.write("sequences", "7310:udp,7110:udp,7210:udp\n7311:udp,7111:udp,7211:udp\n")?;
        let daemon = Setup::new(lab, DOORS)?.with(&["--socket", "sock"]).start()?;
        let mut command = Command::new(binaries::knockctl()?);
        command.args(["--socket", "sock", "exporter", "--listen", EXPORTER]).current_dir(lab.directory());
        let exporter = lab.server().start(command.stderr(Stdio::inherit()))?;
        let site = Self { lab, daemon, exporter };
        await_some(PATIENCE, || site.page().ok())
            .ok_or_else(|| Trouble::new("the exporter does not listen"))?;
        Ok(site)
    }

    /// Ends both; no process may stay behind.
    pub fn end(mut self) -> Outcome {
        self.exporter.terminate()?;
        self.daemon.terminate()
    }

    /// What the exporter answers, at most a second old.
    pub fn page(&self) -> Outcome<String> {
        self.lab.server().inside(|| get(EXPORTER, "/metrics"))
    }

    /// The number of a sample as it stands on the page, such as `knockd_attempts` or `a{door="ssh"}`.
    #[must_use]
    pub fn number(&self, sample: &str) -> Option<f64> {
        self.page().ok()?.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
    }

    /// Waits until a sample has this number.
    pub fn await_number(&self, sample: &str, number: u32) -> Outcome {
        let has = || self.number(sample).filter(|found| (found - f64::from(number)).abs() < 0.5);
        let found = await_some(2 * PATIENCE, has);
        found.map(drop).ok_or_else(|| {
            Trouble::new(format!("{sample} is not {number}:\n{}", self.page().unwrap_or_default()))
        })
    }
}

/// What the program prints by itself.
pub fn page(lab: &Lab) -> Outcome<String> {
    let mut command = Command::new(binaries::knockctl()?);
    command.args(["--socket", "sock", "metrics"]).current_dir(lab.directory());
    let output = lab.server().output(&mut command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Trouble::new(String::from_utf8_lossy(&output.stderr).into_owned()))
}
