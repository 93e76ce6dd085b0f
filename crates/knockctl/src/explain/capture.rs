//! Explanations of a capture.

use std::path::Path;

use jiff::tz::TimeZone;
use knock_core::filter::Families;
use knockd::Inquiry;

use super::{Arguments, ExplainError, Voice};

/// The configuration where nobody names another.
const CONFIG: &str = "/etc/knockd.conf";

/// Explains the packets of a capture, by its own times, which are in UTC.
pub(super) fn run(arguments: &Arguments, capture: &Path) -> Result<(), ExplainError> {
    let mut voice = Voice::new(arguments, TimeZone::UTC);
    let inquiry = Inquiry {
        capture,
        config: arguments.config.as_deref().unwrap_or(Path::new(CONFIG)),
        addresses: &arguments.address,
        families: Families::Both,
        source: arguments.source,
    };
    inquiry.make(|findings| voice.tell(findings))?;
    voice.sum_up()?;
    Ok(())
}
