//! `--read`: what a capture would do.

use std::{fs, fs::File, process::Stdio, time::Duration};

use libtest_mimic::Trial;
use trials::{
    frame::Frame,
    net::{Ended, Lab, Setup},
    packet::Packet,
    pcap::{Link, START, capture},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::{nothing_left, one_line};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("replay::runs_and_marks_nothing", runs_and_marks_nothing),
        trial("replay::pcapng_and_standard_input", pcapng_and_standard_input),
        trial("replay::damaged_files", damaged_files),
        trial("replay::unknown_link_type", unknown_link_type),
        trial("replay::explains", explains),
        trial("replay::own_addresses_and_ipv4_only", own_addresses_and_ipv4_only),
    ]
}

const CONFIG: &str = "[options]\n LogFile = {DIR}/log\n PidFile = {DIR}/pid\n\
    [door]\n Sequence = 7300:udp,7100:udp,7200:udp\n Command = touch {DIR}/opened\n\
    [once]\n One_Time_Sequences = {DIR}/sequences\n Command = touch {DIR}/once\n";

const SEQUENCES: &str = "6300:udp,6100:udp\n6301:udp,6101:udp\n";

const FILES: [&str; 3] = ["knockd.conf", "sequences", "capture"];

/// The frames of these packets, a second apart.
fn frames(packets: &[&str]) -> Outcome<Vec<(Duration, Frame)>> {
    let mut frames = Vec::new();
    for packet in packets {
        frames.extend(packet.parse::<Packet>()?.frames(&mut 0)?);
    }
    Ok((0..).map(Duration::from_secs).zip(frames).collect())
}

fn lab(capture: &[u8]) -> Outcome<Lab> {
    let lab = Lab::new()?;
    lab.write("knockd.conf", CONFIG)?;
    lab.write("sequences", SEQUENCES)?;
    fs::write(lab.directory().join("capture"), capture)?;
    Ok(lab)
}

/// Without any rights: it needs none.
fn read(lab: &Lab, more: &[&str]) -> Outcome<Ended> {
    let setup = Setup::bare(lab)?.with(&["--read", "capture", "-c", "knockd.conf"]).with(more);
    setup.behind("exec setpriv --bounding-set=-all --inh-caps=-all -- \"$@\"").run()
}

/// What it printed, without times.
fn lines(ended: &Ended) -> Outcome<Vec<&str>> {
    same("standard error", ended.err.as_str(), "")?;
    same("status", ended.status, Some(0))?;
    Ok(ended.out.lines().filter_map(|line| Some(line.split_once("] ")?.1)).collect())
}

fn runs_and_marks_nothing() -> Outcome {
    let packets = ["udp CLIENT > SERVER:7300,7100,7200", "udp CLIENT > SERVER:6300,6100,6300,6100,6301,6101"];
    let lab = lab(&capture(Link::Ethernet, &frames(&packets)?)?)?;
    let ended = read(&lab, &[])?;
    let told = lines(&ended)?;
    let openings: Vec<_> = told.iter().filter(|line| line.ends_with("OPEN SESAME")).copied().collect();
    let once = "10.0.0.2: once: OPEN SESAME";
    same("openings", openings, vec!["10.0.0.2: door: OPEN SESAME", once, once])?;
    ensure(
        ended.out.starts_with("[2026-01-01 00:00:00.000000] 10.0.0.2: door: Stage 1\n"),
        ended.out.as_str(),
    )?;
    same("the sequences", lab.file("sequences").as_str(), SEQUENCES)?;
    nothing_left(&lab, &FILES)
}

/// A capture in the newer format (draft-ietf-opsawg-pcapng): a section, an interface, a packet each.
fn pcapng(link: u16, frames: &[(Duration, Frame)]) -> Vec<u8> {
    let mut file =
        block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    file.extend(block(1, &[&link.to_le_bytes()[..], &[0; 6]].concat()));
    for (time, frame) in frames {
        let micros = (u64::from(START) + time.as_secs()) * 1_000_000;
        let [high, low] =
            [micros >> 32, micros & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or_default());
        let bytes = frame.bytes();
        let length = u32::try_from(bytes.len()).unwrap_or_default();
        let head = [0, high, low, length, length].map(u32::to_le_bytes).concat();
        file.extend(block(6, &[head, bytes].concat()));
    }
    file
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(padded + 12).unwrap_or_default().to_le_bytes();
    let padding = vec![0; padded - body.len()];
    [&kind.to_le_bytes(), length.as_slice(), body, &padding, &length].concat()
}

fn pcapng_and_standard_input() -> Outcome {
    let frames = frames(&["udp CLIENT > SERVER:7300,7100,7200"])?;
    let classic = lab(&capture(Link::Ethernet, &frames)?)?;
    let wanted = read(&classic, &[])?;
    ensure(wanted.out.contains("OPEN SESAME"), wanted.out.as_str())?;
    let lab = lab(&pcapng(1, &frames))?;
    same("from a pcapng file", &read(&lab, &[])?, &wanted)?;
    for lab in [&classic, &lab] {
        let setup = Setup::bare(lab)?.with(&["--read", "-", "-c", "knockd.conf"]);
        let input = Stdio::from(File::open(lab.directory().join("capture"))?);
        same("from standard input", &setup.run_with(input)?, &wanted)?;
        // A pipe gives its bytes as they come.
        let (reader, mut writer) = std::io::pipe()?;
        let bytes = fs::read(lab.directory().join("capture"))?;
        let writing = std::thread::spawn(move || {
            bytes.chunks(7).try_for_each(|piece| std::io::Write::write_all(&mut writer, piece))
        });
        same("from a pipe", &setup.run_with(Stdio::from(reader))?, &wanted)?;
        ensure(writing.join().is_ok_and(|written| written.is_ok()), "the pipe was not read to its end")?;
    }
    Ok(())
}

fn damaged_files() -> Outcome {
    let frames = frames(&["udp CLIENT > SERVER:7300,7100,7200"])?;
    for whole in [capture(Link::Ethernet, &frames)?, pcapng(1, &frames)] {
        let cut = whole.get(..whole.len() - 9).unwrap_or_default();
        let lab = lab(cut)?;
        let ended = read(&lab, &[])?;
        // What stands before the damage is told.
        ensure(ended.out.contains("Stage 2") && !ended.out.contains("OPEN"), ended.out.as_str())?;
        one_line(&Ended { out: String::new(), ..ended }, &["capture is damaged behind packet 2: "])?;
    }
    for nothing in [&b""[..], b"x", b"This is no capture at all.\n"] {
        let lab = lab(nothing)?;
        one_line(&read(&lab, &[])?, &["capture", "neither a pcap nor a pcapng file"])?;
    }
    let lab = Lab::new()?;
    lab.write("knockd.conf", CONFIG)?;
    lab.write("sequences", SEQUENCES)?;
    one_line(&read(&lab, &[])?, &["cannot read capture: No such file"])
}

fn unknown_link_type() -> Outcome {
    let frames = frames(&["udp CLIENT > SERVER:7300"])?;
    let mut classic = capture(Link::Ethernet, &frames)?;
    // The link type is the last number of the header; 147 is the first of those for private use.
    if let Some(number) = classic.get_mut(20..24) {
        number.copy_from_slice(&147_u32.to_le_bytes());
    }
    for bytes in [classic, pcapng(147, &frames)] {
        one_line(
            &read(&lab(&bytes)?, &[])?,
            &["capture has packets of the link type 147, which is not supported"],
        )?;
    }
    Ok(())
}

fn explains() -> Outcome {
    let packets = [
        "udp CLIENT > SERVER:7100",
        "tcp CLIENT > SERVER:7300",
        "icmp CLIENT > SERVER",
        "udp CLIENT > SERVER:7300,9",
    ];
    let lab = lab(&capture(Link::Ethernet, &frames(&packets)?)?)?;
    let ended = read(&lab, &["-D"])?;
    let told = lines(&ended)?;
    for line in [
        "10.0.0.2: door: ignored 7100:udp: there is no attempt that it could carry on and it is not the first knock",
        "10.0.0.2: door: ignored 7300:tcp: no knock of the door is tcp",
        "10.0.0.2: door: Stage 1",
        "10.0.0.2: door: discarded at stage 1: wrong port 9:udp",
    ] {
        ensure(told.contains(&line), format!("no {line:?}:\n{}", ended.out))?;
    }
    ensure(told.iter().any(|line| line.starts_with("packet 3 is no hit: ")), ended.out.as_str())?;
    ensure(!read(&lab, &[])?.out.contains("ignored"), "it explains without being asked")
}

fn own_addresses_and_ipv4_only() -> Outcome {
    let packets = [
        "udp CLIENT > SERVER:7300,7100,7200",
        "udp CLIENT > EXTRA:7300,7100,7200",
        "udp CLIENT6 > SERVER6:7300,7100,7200",
    ];
    let lab = lab(&capture(Link::Ethernet, &frames(&packets)?)?)?;
    for (more, openings) in [
        (&[][..], 3),
        (&["--address", "10.0.0.1"], 1),
        (&["--address", "10.0.0.1,fd00::1"], 2),
        (&["--address", "10.0.0.1", "--address", "10.0.0.9"], 2),
        (&["-4"], 2),
        (&["-4", "--address", "10.0.0.1,fd00::1"], 1),
        (&["--address", "10.0.0.77"], 0),
    ] {
        let ended = read(&lab, more)?;
        let told = lines(&ended)?;
        same(
            format!("{more:?}"),
            told.iter().filter(|line| line.ends_with("OPEN SESAME")).count(),
            openings,
        )?;
    }
    Ok(())
}
