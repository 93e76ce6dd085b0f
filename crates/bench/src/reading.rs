//! Captures: `knockd --read` and `tcpdump -r`.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use trials::{
    binaries,
    net::Lab,
    pcap,
    trouble::{Outcome, ensure},
};

use crate::{
    figures::{Samples, number, ratio},
    keeper::door,
    section::Section,
    site::{self, KNOCKS},
};

const PACKETS: u32 = 2_000_000;
const ROUNDS: u32 = 7;

/// One packet of so many is a knock.
const KNOCK_EVERY: u32 = 500;

const METHOD: &str = "A capture with 2 million packets of 66 to 1,100 bytes, made on the spot: TCP segments with ACK, and one in \
    500 a knock of one of 250 sources in turn. `knockd --read` with a door of three knocks, and `tcpdump -n -r` with a \
    filter for the same three ports, both printing what they find to /dev/null; in turns, the file in memory.";

/// Measures.
pub(crate) fn measure() -> Outcome<Section> {
    let head = ["program", "million packets/s", "slowest", "against tcpdump"];
    let mut section = Section::new("Reading a capture", METHOD, &head);
    let lab = Lab::new()?;
    let capture = lab.directory().join("capture.pcap");
    write(&capture)?;
    lab.write("knockd.conf", &door("tcp", " TCPFlags = syn\n Start_Command = :"))?;
    let [first, second, third] = KNOCKS;
    let ports = format!("tcp dst port {first} or tcp dst port {second} or tcp dst port {third}");
    let mut ours = Command::new(binaries::knockd()?);
    ours.arg("-c").arg(lab.directory().join("knockd.conf")).arg("--read").arg(&capture);
    let mut tcpdump = Command::new("tcpdump");
    tcpdump.args(["-n", "-r"]).arg(&capture).arg(ports);
    let mut rows = [("ours", ours, Samples::default()), ("tcpdump", tcpdump, Samples::default())];
    for _ in 0..ROUNDS {
        for (_, command, speeds) in &mut rows {
            let begun = Instant::now();
            let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            speeds.add(f64::from(PACKETS) / 1e6 / begun.elapsed().as_secs_f64());
            ensure(status.success(), format!("{command:?} ended with {status}"))?;
        }
    }
    let [_, (_, _, of_tcpdump)] = &rows;
    let of_tcpdump = of_tcpdump.median();
    for (name, _, speeds) in &rows {
        let median = speeds.median();
        let cells = [number(median), number(speeds.percentile(1)), ratio(median, of_tcpdump)];
        section.row([(*name).to_owned()].into_iter().chain(cells));
    }
    Ok(section)
}

fn write(path: &Path) -> Outcome {
    let others: Vec<Vec<u8>> = [0, 120, 1034]
        .map(|length| format!("tcp 10.7.9.9:40000 > SERVER:443 ack payload={}", "5a".repeat(length)))
        .iter()
        .map(|packet| site::frame(packet))
        .collect::<Outcome<_>>()?;
    let mut knocks = Vec::new();
    for source in 1..=250 {
        for port in KNOCKS {
            knocks.push(site::frame(&format!("tcp {} > SERVER:{port}", site::address(source)))?);
        }
    }
    let mut others = others.iter().cycle();
    let mut knocks = knocks.iter().cycle();
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&pcap::header(pcap::Link::Ethernet))?;
    for number in 0..PACKETS {
        let frame = if number.is_multiple_of(KNOCK_EVERY) { knocks.next() } else { others.next() };
        let time = Duration::from_micros(10) * number;
        file.write_all(&pcap::record(time, frame.map_or(&[][..], Vec::as_slice))?)?;
    }
    Ok(file.flush()?)
}
