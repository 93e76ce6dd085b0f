//! The daemons that are compared.

use std::{env, path::PathBuf};

use trials::{
    net::{Daemon, Lab, Setup},
    trouble::{Outcome, Trouble},
};

use crate::site::KNOCKS;

/// Whose daemon it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// Ours.
    Ours,
    /// The classic knockd, as Debian installs it.
    Classic,
    /// Another build of ours, see [`BEFORE`].
    Before,
}

/// The environment variable with the path of a `knockd` to compare ours with, say, that of the last release.
pub(crate) const BEFORE: &str = "BENCH_BEFORE";

impl Keeper {
    /// Those that are always there.
    pub(crate) const ALL: [Self; 2] = [Self::Ours, Self::Classic];

    /// As it stands in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Classic => "classic knockd",
            Self::Before => "ours, before",
        }
    }

    /// Whether there is one.
    pub(crate) fn is_there(self) -> bool {
        self != Self::Before || env::var_os(BEFORE).is_some()
    }

    /// What is to be started.
    pub(crate) fn setup<'a>(self, lab: &'a Lab, config: &str) -> Outcome<Setup<'a>> {
        let setup = Setup::new(lab, config)?;
        match self {
            Self::Ours => Ok(setup),
            Self::Classic => setup.classic(),
            Self::Before => {
                let program = env::var_os(BEFORE).map(PathBuf::from);
                Ok(setup.with_program(program.ok_or_else(|| Trouble::new(format!("{BEFORE} is not set")))?))
            }
        }
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start<'a>(self, lab: &'a Lab, config: &str) -> Outcome<Daemon<'a>> {
        self.setup(lab, config)?.start()
    }
}

/// A configuration with one door that is opened by the usual knocks over `protocol`; `more` are further lines.
pub(crate) fn door(protocol: &str, more: &str) -> String {
    let knocks = KNOCKS.map(|port| format!("{port}:{protocol}")).join(",");
    format!("[door]\n Sequence = {knocks}\n Seq_Timeout = 10\n{more}\n")
}
