//! `docs/grafana/knockd.json`, as far as it has to do with metrics.

use std::{fs, path::Path};

use serde_json::Value;

use crate::trouble::{Outcome, Trouble, While};

/// The dashboard.
#[derive(Clone, Debug, PartialEq)]
pub struct Dashboard {
    /// Its panels, in their order.
    pub panels: Vec<Panel>,
}

/// A panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// Whether it shows how something goes on, and not only how it is.
    pub is_graph: bool,
    /// What its numbers are, as Grafana calls it: `s`, `cps`, `short` and so on.
    pub unit: String,
    /// Place and size: columns from the left and rows from above, columns and rows. There are 24 columns.
    pub place: [u32; 4],
    /// What it shows.
    pub queries: Vec<Query>,
}

/// What a panel asks Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The question, without variables.
    pub text: String,
    /// How an answer is called, with `{{label}}` for labels.
    pub legend: String,
}

impl Dashboard {
    /// Reads it, with this for the time over which rates are taken.
    pub fn read(rate_interval: &str) -> Outcome<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/grafana/knockd.json");
        let text =
            fs::read_to_string(&path).while_(path.display())?.replace("$__rate_interval", rate_interval);
        let whole: Value = serde_json::from_str(&text).map_err(|error| Trouble::new(error.to_string()))?;
        let panels = list(&whole, "/panels").map(Panel::new).collect();
        Ok(Self { panels })
    }

    /// All that is asked.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        self.panels.iter().flat_map(|panel| &panel.queries)
    }
}

impl Panel {
    fn new(panel: &Value) -> Self {
        let number = |name: &str| {
            let number =
                panel.pointer(&format!("/gridPos/{name}")).and_then(Value::as_u64).unwrap_or_default();
            u32::try_from(number).unwrap_or_default()
        };
        let query =
            |target: &Value| Query { text: text(target, "/expr"), legend: text(target, "/legendFormat") };
        Self {
            title: text(panel, "/title"),
            is_graph: text(panel, "/type") == "timeseries",
            unit: text(panel, "/fieldConfig/defaults/unit"),
            place: ["x", "y", "w", "h"].map(number),
            queries: list(panel, "/targets").map(query).collect(),
        }
    }
}

impl Query {
    /// The names of our metrics in it.
    #[must_use]
    pub fn metrics(&self) -> Vec<&str> {
        let words = self.text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
        words.filter(|word| word.starts_with("knockd_")).collect()
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}
