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
