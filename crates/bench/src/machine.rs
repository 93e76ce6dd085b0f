//! What was measured on, and when.

use std::{fs, process::Command};

/// The head of the report.
pub(crate) fn description() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: Vec<&str> = cpus
        .lines()
        .filter(|line| line.starts_with("model name"))
        .filter_map(|line| Some(line.split_once(':')?.1.trim()))
        .collect();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory =
        memory.lines().next().and_then(|line| line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    format!(
        "# Benchmarks\n\n- Machine: {} × {}, {} MiB of memory\n- Kernel: {}\n- Date: {}\n- Load at the start: {}\n\
         - Rivals: {}\n",
        names.len(),
        names.first().unwrap_or(&"a CPU without a name"),
        memory.unwrap_or_default() / 1024,
        said("uname", &["-sr"]),
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        load(),
        rivals(),
    )
}

/// The processes that have run or waited for a CPU in the last 1, 5 and 15 minutes (proc(5)).
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(", ")
}

/// The versions of Debian's packages; nothing else is told of them elsewhere.
fn rivals() -> String {
    let packages = ["knockd", "fwknop-server", "nftables", "tcpdump", "libpcap0.8"];
    let versions =
        said("dpkg-query", &[&["-W", "-f", "${Package} ${Version}, "], packages.as_slice()].concat());
    versions.trim_end_matches([',', ' ']).to_owned()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |error| format!("unknown ({program}: {error})"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
