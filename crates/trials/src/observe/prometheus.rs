//! A real Prometheus, as Debian has it, on the laboratory's server.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{
    net::{Lab, PATIENCE, Program, await_some},
    trouble::{Outcome, Trouble, While},
};

/// Where it listens.
const ADDRESS: &str = "127.0.0.1:9090";

/// One that asks our exporter every second. It is killed when this value goes.
#[derive(Debug)]
pub struct Prometheus<'a> {
    lab: &'a Lab,
    _program: Program,
}

/// Numbers that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// What they are of.
    pub labels: BTreeMap<String, String>,
    /// Times, in seconds since 1970, and numbers.
    pub points: Vec<(f64, f64)>,
}

impl<'a> Prometheus<'a> {
    /// Starts one that asks an exporter at this address of the server, and waits until it is ready.
    pub fn start(lab: &'a Lab, exporter: &str) -> Outcome<Self> {
        let config = format!(
            "global: {{ scrape_interval: 1s }}\n\
             scrape_configs: [ {{ job_name: knockd, static_configs: [ {{ targets: ['{exporter}'] }} ] }} ]\n"
        );
        lab.write("prometheus.yml", &config)?;
        let mut command = Command::new("prometheus");
        command
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=prometheus", "--log.level=error"])
            .arg(format!("--web.listen-address={ADDRESS}"))
            .current_dir(lab.directory())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(lab.directory().join("prometheus.log"))?);
        let program = lab.server().start(&mut command).while_("starting prometheus (package prometheus)")?;
        let prometheus = Self { lab, _program: program };
        let is_ready = || prometheus.get("/-/ready").ok().filter(|answer| answer.contains("Ready"));
        await_some(3 * PATIENCE, is_ready)
            .ok_or_else(|| Trouble::new(format!("it is not ready: {}", lab.file("prometheus.log"))))?;
        Ok(prometheus)
    }

    /// What it answers now.
    pub fn ask(&self, query: &str) -> Outcome<Vec<Series>> {
        self.answer(&format!("/api/v1/query?query={}", encoded(query)))
    }

    /// What it answered from a time to another, in seconds since 1970, every second.
    pub fn ask_range(&self, query: &str, from: f64, to: f64) -> Outcome<Vec<Series>> {
        self.answer(&format!("/api/v1/query_range?query={}&start={from}&end={to}&step=1", encoded(query)))
    }

    fn answer(&self, path: &str) -> Outcome<Vec<Series>> {
        let text = self.get(path)?;
        let answer: Value = serde_json::from_str(&text)
            .map_err(|error| Trouble::new(format!("{path} is answered by {text:?}: {error}")))?;
        if answer.get("status").is_none_or(|status| status != "success") {
            return Err(Trouble::new(format!("{path} is answered by {text}")));
        }
        Ok(answer
            .pointer("/data/result")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(Series::new)
            .collect())
    }

    fn get(&self, path: &str) -> Outcome<String> {
        self.lab.server().inside(|| get(ADDRESS, path))
    }
}

/// What is answered to a request in HTTP/1.0, without the head, by whoever listens at an address of this host.
pub(super) fn get(address: &str, path: &str) -> Outcome<String> {
    let mut stream = TcpStream::connect(address).while_(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).while_(path)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    body.ok_or_else(|| Trouble::new(format!("{path} is answered by {answer:?}")))
}

/// As it may stand behind `?` (RFC 3986, section 2.1).
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            // To write to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

impl Series {
    fn new(result: &Value) -> Self {
        let label = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let labels =
            result.get("metric").and_then(Value::as_object).into_iter().flatten().filter_map(label).collect();
        let point = |pair: &Value| {
            let number: f64 = pair.get(1)?.as_str()?.parse().ok()?;
            Some((pair.get(0)?.as_f64()?, number)).filter(|_| number.is_finite())
        };
        let many = result.get("values").and_then(Value::as_array).into_iter().flatten();
        Self { labels, points: many.chain(result.get("value")).filter_map(point).collect() }
    }

    /// The last number.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.points.last().map(|(_, number)| *number)
    }

    /// A legend with its labels filled in.
    #[must_use]
    pub fn named(&self, legend: &str) -> String {
        let mut rest = legend;
        let mut name = String::new();
        while let Some((before, (label, after))) =
            rest.split_once("{{").and_then(|(before, behind)| Some((before, behind.split_once("}}")?)))
        {
            name += before;
            name += self.labels.get(label).map_or("", String::as_str);
            rest = after;
        }
        (name + rest).trim().to_owned()
    }
}
