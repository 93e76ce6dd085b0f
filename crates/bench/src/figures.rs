//! Samples, and numbers as people read them.

use std::time::Duration;

/// What was measured several times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Takes in another one.
    pub(crate) fn add(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The one in the middle; none if there are none.
    pub(crate) fn median(&self) -> Option<f64> {
        self.percentile(50)
    }

    /// The smallest sample that at least so many percent (1 to 100) don't exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.checked_sub(1)?).copied()
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        Self(samples.into_iter().collect())
    }
}

/// A number with three digits that count, or a dash.
pub(crate) fn number(value: impl Into<Option<f64>>) -> String {
    let Some(value) = value.into() else { return "-".to_owned() };
    let digits = match value.abs() {
        below if below < 10.0 => 2,
        below if below < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// `a` in multiples of `b`, or a dash.
pub(crate) fn ratio(a: Option<f64>, b: Option<f64>) -> String {
    match (a, b) {
        (Some(a), Some(b)) if b > 0.0 => format!("{}×", number(a / b)),
        _ => "-".to_owned(),
    }
}

/// Nanoseconds for each of so many.
pub(crate) fn nanos_each(time: Duration, count: u32) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(count.max(1))
}

/// Kibibytes as megabytes (a million bytes).
pub(crate) fn megabytes(kibibytes: u32) -> f64 {
    f64::from(kibibytes) * 1024.0 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let samples: Samples = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            (samples.median(), samples.percentile(99), samples.percentile(100)),
            (Some(100.0), Some(198.0), Some(200.0))
        );
        assert_eq!(Samples::default().median(), None);
        assert_eq!(Samples::from_iter([3.0]).percentile(1), Some(3.0));
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!([0.123, 12.34, 1234.5].map(number), ["0.12", "12.3", "1234"]);
        assert_eq!(number(None), "-");
        assert_eq!(ratio(Some(3.0), Some(2.0)), "1.50×");
        assert_eq!(ratio(Some(3.0), Some(0.0)), "-");
    }

    #[test]
    fn time_is_shared_out() {
        assert!((nanos_each(Duration::from_micros(3), 2) - 1500.0).abs() < 1e-6);
    }
}
