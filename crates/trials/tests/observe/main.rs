//! What others learn of the daemon by its metrics, up to a real Prometheus and the dashboard that comes with knockd.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, ExitCode, Stdio},
};

use nix::sys::signal::Signal;
use trials::{
    net::{Lab, PATIENCE, Wire, await_some},
    observe::{Dashboard, Prometheus, Site, page},
    packet::Packet,
    sandbox::{self, trial},
    trouble::{Outcome, Trouble, While, ensure},
};

fn main() -> ExitCode {
    sandbox::run(|| {
        Ok(vec![
            trial("metrics::tell_what_has_happened", tell_what_has_happened),
            trial("metrics::count_what_a_flood_leaves_out", count_what_a_flood_leaves_out),
            trial("metrics::come_without_a_watcher_that_hangs", come_without_a_watcher_that_hangs),
            trial("metrics::are_what_prometheus_takes", are_what_prometheus_takes),
        ])
    })
}

fn tell_what_has_happened() -> Outcome {
    let lab = Lab::new()?;
    let site = Site::start(&lab)?;
    lab.send("udp CLIENT > SERVER:7300,7100,7200")?;
    lab.send("udp CLIENT > SERVER:7400,7600,7500")?;
    lab.send("udp OTHER > SERVER:7310,7110,7210")?;
    lab.send("udp OTHER > SERVER:7300,9999")?;
    for (sample, number) in [
        ("knockd_openings_total{door=\"ssh\"}", 1),
        ("knockd_openings_total{door=\"backup\"}", 1),
        ("knockd_openings{door=\"ssh\"}", 1),
        ("knockd_openings{door=\"vault\"}", 1),
        ("knockd_knocks_total{door=\"ssh\",stage=\"1\"}", 2),
        ("knockd_knocks_total{door=\"ssh\",stage=\"3\"}", 1),
        ("knockd_attempts_ended_total{door=\"ssh\",reason=\"wrong-port\"}", 1),
        ("knockd_one_time_sequences_left{door=\"vault\"}", 1),
        ("knockd_opening_latency_seconds_count{door=\"ssh\",by=\"kernel\"}", 1),
        ("knockd_opening_latency_seconds_count{door=\"backup\",by=\"command\"}", 1),
        ("knockd_command_duration_seconds_count{door=\"backup\",command=\"start\"}", 1),
        ("knockd_command_duration_seconds_bucket{door=\"backup\",command=\"start\",le=\"0.01\"}", 0),
        ("knockd_commands_failed_total{door=\"backup\",command=\"stop\",reason=\"status\"}", 1),
        ("knockd_openings{door=\"backup\"}", 0),
        ("knockd_attempts", 0),
    ] {
        site.await_number(sample, number)?;
    }
    lab.send("udp CLIENT > SERVER:7300,7100")?;
    site.await_number("knockd_attempts", 1)?;
    ensure(site.number("knockd_packets_total").is_some_and(|count| count >= 13.0), "packets are counted")?;
    ensure(page(&lab)?.contains("knockd_attempts 1\n"), "the program prints the same")?;
    site.end()?;
    let trouble = page(&lab).map_err(|trouble| trouble.to_string());
    ensure(trouble.is_err_and(|text| text.contains("knockctl: ")), "that it has ended is told")
}

fn count_what_a_flood_leaves_out() -> Outcome {
    let lab = Lab::new()?;
    let site = Site::start(&lab)?;
    let wire = Wire::open(lab.client(), "eth0")?;
    for number in 0..3000_u32 {
        let [_, _, a, b] = number.to_be_bytes();
        let packet: Packet = format!("udp 11.0.{a}.{b} > SERVER:7300").parse()?;
        for frame in packet.frames(&mut 0)? {
            wire.send(&frame.bytes())?;
        }
    }
    let all = || {
        let told = site.number("knockd_knocks_total{door=\"ssh\",stage=\"1\"}")?;
        let left_out = site.number("knockd_knocks_total")?;
        let dropped = site.number("knockd_packets_dropped_total")?;
        (left_out > 100.0 && told + left_out + dropped >= 3000.0).then_some(())
    };
    ensure(await_some(2 * PATIENCE, all).is_some(), site.page()?)?;
    ensure(site.number("knockd_attempts").is_some_and(|count| count > 2900.0), "attempts are counted")?;
    site.end()
}

fn come_without_a_watcher_that_hangs() -> Outcome {
    let lab = Lab::new()?;
    let site = Site::start(&lab)?;
    let watcher = site.daemon.watcher()?;
    watcher.signal(Signal::SIGSTOP)?;
    let page = await_some(PATIENCE, || page(&lab).ok().filter(|page| !page.contains("knockd_attempts ")));
    let page = page.ok_or_else(|| Trouble::new("it has numbers of a watcher that hangs"))?;
    ensure(page.contains("knockd_openings_total{door=\"ssh\"} 0\n"), page)?;
    watcher.signal(Signal::SIGCONT)?;
    site.await_number("knockd_attempts", 0)?;
    site.end()
}

fn are_what_prometheus_takes() -> Outcome {
    let lab = Lab::new()?;
    let site = Site::start(&lab)?;
    let prometheus = Prometheus::start(&lab, Site::EXPORTER)?;
    let dashboard = Dashboard::read("5s")?;
    lab.send("udp CLIENT > SERVER:7300,7100,7200")?;
    lab.send("udp OTHER > SERVER:7400,7600,7500")?;
    let is_told = || {
        let openings = prometheus.ask("sum(knockd_openings_total)").ok()?;
        (openings.first()?.last()? > 1.5).then_some(())
    };
    ensure(await_some(3 * PATIENCE, is_told).is_some(), "it does not learn of the openings")?;
    site.await_number("knockd_commands_failed_total{door=\"backup\",command=\"stop\",reason=\"status\"}", 1)?;
    lint(&site.page()?)?;
    let page = site.page()?;
    let known: BTreeSet<&str> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    ensure(dashboard.queries().count() > 12, "the dashboard asks for something")?;
    for query in dashboard.queries() {
        let strange: Vec<_> = query.metrics().into_iter().filter(|name| !known.contains(name)).collect();
        ensure(strange.is_empty(), format!("{} asks for {strange:?}", query.text))?;
        let answer = || prometheus.ask(&query.text).ok().filter(|series| !series.is_empty());
        ensure(await_some(PATIENCE, answer).is_some(), format!("{} has no answer", query.text))?;
    }
    drop(prometheus);
    site.end()
}

/// What Prometheus itself says of the page.
fn lint(page: &str) -> Outcome {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = command.spawn().while_("running promtool (package prometheus)")?;
    promtool.stdin.take().ok_or_else(|| Trouble::new("no input"))?.write_all(page.as_bytes())?;
    let output = promtool.wait_with_output()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure(output.status.success() && said.is_empty(), format!("promtool: {said}"))
}
