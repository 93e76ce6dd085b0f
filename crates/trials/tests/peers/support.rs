//! Clients.

use std::{path::PathBuf, process::Command};

use trials::{
    binaries,
    net::{Ended, Lab},
    trouble::Outcome,
};

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    Ours,
    Classic,
}

/// This program at the client, in the laboratory's directory, where the names of hosts are those of its file `hosts`.
pub(crate) fn with_hosts(lab: &Lab, program: &[&str]) -> Command {
    let script = "echo 'hosts: files' > nsswitch.conf && mount --bind hosts /etc/hosts && \
        { test ! -e /etc/nsswitch.conf || mount --bind nsswitch.conf /etc/nsswitch.conf; } && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).args(program).current_dir(lab.directory());
    command
}

impl Maker {
    fn knock(self) -> Outcome<PathBuf> {
        match self {
            Self::Ours => binaries::knock(),
            Self::Classic => binaries::classic_knock(),
        }
    }

    /// Runs this client on the laboratory's client, in the laboratory's directory.
    pub(crate) fn run(self, lab: &Lab, arguments: &[&str]) -> Outcome<Ended> {
        let mut command = Command::new(self.knock()?);
        let output = lab.client().output(command.args(arguments).current_dir(lab.directory()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
    }
}
