//! A guard that an earlier daemon has left, where none of the doors of this one guards anything.

use super::claim;
use crate::firewall::{self, FirewallError};

/// What there is to say of it: its ports stay shut, and nobody opens them. None if there is no such guard, or a daemon to
/// which it belongs. One look at the kernel's tables, for which it takes the right to change them.
pub fn leftover() -> Result<Option<&'static str>, FirewallError> {
    if !firewall::has_own_table()? || claim::is_guarded() {
        return Ok(None);
    }
    Ok(Some(
        "an earlier knockd has left its guard (table inet knockd): the ports in it stay shut, and no door of this \
         configuration opens them; if they are to be open, run knockd --flush",
    ))
}
