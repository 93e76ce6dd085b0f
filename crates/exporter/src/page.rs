//! The page of metrics, which is asked for once a second at most.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So long a page is good for all who ask.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Where pages come from: the daemon. The error tells why there is none.
pub struct Source {
    ask: Box<dyn Fn() -> Result<String, String> + Send + Sync>,
    last: Mutex<Option<(Instant, Result<String, String>)>>,
}

impl Source {
    /// One that asks in this way.
    pub fn new(ask: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self { ask: Box::new(ask), last: Mutex::default() }
    }

    /// The page as it is now, or was within the last second. Others wait meanwhile for the same.
    pub(super) fn page(&self) -> Result<String, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, page)) = last.as_ref().filter(|(at, _)| at.elapsed() < GOOD_FOR) {
            return page.clone();
        }
        let page = (self.ask)();
        *last = Some((Instant::now(), page.clone()));
        page
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}
