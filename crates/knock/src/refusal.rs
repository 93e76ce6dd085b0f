//! Why nothing is begun at all.

use crate::{config::ConfigError, settings::SettingsMistake};

/// What the user is told in place of a plan.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The user asked for this text.
    Information(String),
    /// The arguments are wrong: what is wrong with them, in one line.
    Usage(String),
    /// The profile can't be used.
    Config(ConfigError),
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<SettingsMistake> for Refusal {
    fn from(mistake: SettingsMistake) -> Self {
        Self::Usage(mistake.to_string())
    }
}
