//! Explanations of a capture.

use std::path::Path;

use jiff::tz::TimeZone;
use knock_core::filter::Families;
use knockd::Inquiry;

use super::{Arguments, ExplainError, Voice};
use crate::configuration;

/// Explains the packets of a capture, by its own times, which are in UTC.
pub(super) fn run(arguments: &Arguments, capture: &Path, socket: &Path) -> Result<(), ExplainError> {
    let mut voice = Voice::new(arguments, TimeZone::UTC);
    let config = arguments.config.clone().unwrap_or_else(|| configuration::in_use(socket));
    voice.note(&format!("explaining {} by {}", capture.display(), config.display()))?;
    let inquiry = Inquiry {
        capture,
        config: &config,
        addresses: &arguments.address,
        families: Families::Both,
        source: arguments.source,
    };
    inquiry.make(|findings| voice.tell(findings))?;
    voice.sum_up()?;
    Ok(())
}
