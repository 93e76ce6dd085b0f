//! A clock that the shell can read as well.

use std::{fmt, fs, thread, time::Duration};

use crate::trouble::{Outcome, Trouble, While};

/// The time since the machine was started, in hundredths of a second: the first number in `/proc/uptime` (proc(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uptime(u64);

impl Uptime {
    /// Now.
    pub fn now() -> Outcome<Self> {
        let text = fs::read_to_string("/proc/uptime").while_("/proc/uptime")?;
        let seconds = text.split(' ').next().and_then(Self::parse);
        seconds.ok_or_else(|| Trouble::new(format!("/proc/uptime holds {text:?}")))
    }

    /// What the file says, seconds with two decimals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (seconds, hundredths) = text.split_once('.')?;
        let [seconds, hundredths] = [seconds, hundredths].map(|digits| digits.parse::<u64>().ok());
        Some(Self(seconds? * 100 + hundredths.filter(|number| *number < 100)?))
    }

    /// Sleeps until then.
    pub fn wait(self) -> Outcome {
        let left = self.0.saturating_sub(Self::now()?.0);
        thread::sleep(Duration::from_millis(10 * left));
        Ok(())
    }

    /// So much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0 + u64::try_from(time.as_millis() / 10).unwrap_or(u64::MAX / 2))
    }
}

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on() {
        let now = Uptime::now().unwrap();
        assert!(now <= Uptime::now().unwrap());
        assert_eq!(Uptime::parse(&now.to_string()), Some(now));
        let later = now.after(Duration::from_millis(20));
        later.wait().unwrap();
        assert!(later <= Uptime::now().unwrap());
        assert_eq!(Uptime(1).after(Duration::from_millis(1010)).to_string(), "1.02");
        assert_eq!(Uptime::parse("1.234"), None);
    }
}
