//! How many runs of all sweeps there are at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A run waits far more than it works, but when too many work at once the daemons come too late for their promises.
pub const PLACES: usize = 20;

/// The places of one program.
pub static ALL: Places = Places { free: Mutex::new(PLACES), left: Condvar::new() };

/// A set number of places.
#[derive(Debug)]
pub struct Places {
    free: Mutex<usize>,
    left: Condvar,
}

/// A place that is taken until this value goes.
#[derive(Debug)]
pub struct Place<'a>(&'a Places);

impl Places {
    /// Waits for a place.
    pub fn take(&self) -> Place<'_> {
        let free = self.left.wait_while(self.free(), |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Place(self)
    }

    fn free(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free() += 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_value_goes() {
        let places = Places { free: Mutex::new(1), left: Condvar::new() };
        for _ in 0..2 {
            let place = places.take();
            assert_eq!(*places.free(), 0);
            drop(place);
            assert_eq!(*places.free(), 1);
        }
    }
}
