//! How often something took how long.

use std::time::Duration;

/// Counts times by what they do not exceed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// The bounds, which rise.
    bounds: &'static [Duration],
    /// How many lie within each bound but not the one before; the last lie beyond all.
    counts: Vec<u64>,
    sum: Duration,
}

impl Histogram {
    /// Nothing yet.
    #[must_use]
    pub fn new(bounds: &'static [Duration]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: Duration::ZERO }
    }

    /// Takes in a time.
    pub fn take(&mut self, time: Duration) {
        let place = self.bounds.partition_point(|bound| *bound < time);
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        self.sum = self.sum.saturating_add(time);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().copied().fold(0, u64::saturating_add)
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Each bound with how many do not exceed it.
    pub fn within(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut so_far = 0_u64;
        self.bounds.iter().zip(&self.counts).map(move |(bound, count)| {
            so_far = so_far.saturating_add(*count);
            (*bound, so_far)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(5)];

    #[test]
    fn a_time_counts_with_every_bound_that_it_does_not_exceed() {
        let mut histogram = Histogram::new(&BOUNDS);
        for micros in [0, 1000, 1001, 5000, 5001, 9000] {
            histogram.take(Duration::from_micros(micros));
        }
        let within: Vec<u64> = histogram.within().map(|(_, count)| count).collect();
        assert_eq!((within, histogram.count()), (vec![2, 4], 6));
        assert_eq!(histogram.sum(), Duration::from_micros(21_002));
    }
}
