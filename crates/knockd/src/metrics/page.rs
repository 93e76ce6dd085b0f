//! The text that Prometheus reads.
//!
//! Written by hand: `prometheus-client` and `prometheus` are there to share counters between threads, bring eight
//! packages and more, and would still have to be filled from ours; what we need of them is three shapes of lines (text
//! format 0.0.4, `https://prometheus.io/docs/instrumenting/exposition_formats/`).

use std::fmt::{self, Display, Write};

use super::Histogram;

/// Metrics that share a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name.
    pub name: &'static str,
    /// What they are.
    pub kind: Type,
    /// What they tell, in one line.
    pub help: &'static str,
}

/// What metrics are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// It only rises, and begins anew with the daemon.
    Counter,
    /// It rises and falls.
    Gauge,
    /// How often something took how long, in seconds.
    Histogram,
}

/// A label: its name and its value.
pub type Label<'a> = (&'static str, &'a str);

/// A page as it grows. All of a family have to follow each other.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Begins a family.
    pub fn family(&mut self, family: Family) {
        let Family { name, help, kind } = family;
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// A number of a family.
    pub fn number(&mut self, family: Family, labels: &[Label<'_>], number: impl Display) {
        self.sample(family.name, "", labels, number);
    }

    /// Times of a family.
    pub fn times(&mut self, family: Family, labels: &[Label<'_>], times: &Histogram) {
        for (bound, count) in times.within() {
            let bound = bound.as_secs_f64().to_string();
            self.sample(family.name, "_bucket", &[labels, &[("le", &bound)]].concat(), count);
        }
        self.sample(family.name, "_bucket", &[labels, &[("le", "+Inf")]].concat(), times.count());
        self.sample(family.name, "_sum", labels, times.sum().as_secs_f64());
        self.sample(family.name, "_count", labels, times.count());
    }

    /// The whole page.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[Label<'_>], value: impl Display) {
        self.line(format_args!("{name}{suffix}{} {value}", Labels(labels)));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // To write to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

struct Labels<'a>(&'a [Label<'a>]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            f.write_char(if place == 0 { '{' } else { ',' })?;
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{name}=\"{value}\"")?;
        }
        if self.0.is_empty() { Ok(()) } else { f.write_char('}') }
    }
}

impl Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_page_is_what_prometheus_reads() {
        const BOUNDS: [Duration; 2] = [Duration::from_micros(50), Duration::from_secs(1)];
        let openings = Family { name: "a_total", kind: Type::Counter, help: "Openings." };
        let times = Family { name: "b_seconds", kind: Type::Histogram, help: "Times." };
        let mut page = Page::default();
        page.family(openings);
        page.number(openings, &[("door", "a \"b\" \\ c")], 3);
        page.number(openings, &[], 4);
        page.family(times);
        let mut histogram = Histogram::new(&BOUNDS);
        histogram.take(Duration::from_millis(500));
        page.times(times, &[("door", "ssh")], &histogram);
        let expected = r#"# HELP a_total Openings.
# TYPE a_total counter
a_total{door="a \"b\" \\ c"} 3
a_total 4
# HELP b_seconds Times.
# TYPE b_seconds histogram
b_seconds_bucket{door="ssh",le="0.00005"} 0
b_seconds_bucket{door="ssh",le="1"} 1
b_seconds_bucket{door="ssh",le="+Inf"} 1
b_seconds_sum{door="ssh"} 0.5
b_seconds_count{door="ssh"} 1
"#;
        assert_eq!(page.finish(), expected);
    }
}
