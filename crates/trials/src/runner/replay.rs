//! A case from a capture file, judged by our daemon.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use tempfile::TempDir;

use super::events::{compare, is_about_an_attempt, is_timeout};
use crate::{
    binaries,
    case::{Case, Event, Move},
    frame::Frame,
    names, packet,
    pcap::{self, START},
    trouble::{Outcome, Trouble, While},
};

pub(super) fn play(case: &Case) -> Outcome {
    let directory = TempDir::new()?;
    let place = |text: &str| text.replace("{DIR}", &directory.path().display().to_string());
    for file in &case.files {
        fs::write(directory.path().join(&file.name), place(&file.text))?;
    }
    let config = directory.path().join("knockd.conf");
    fs::write(&config, place(&case.config))?;
    let wanted: Vec<_> =
        case.expected.refused.iter().chain(&case.expected.warned).map(|text| place(text)).collect();
    if !wanted.is_empty() {
        check(&config, case.starts(), &wanted)?;
    }
    if case.starts() {
        let told = read(case, &config, directory.path())?;
        compare(&case.expected.events, &told)?;
    }
    for file in &case.files {
        if fs::read_to_string(directory.path().join(&file.name))? != place(&file.text) {
            return Err(Trouble::new(format!("reading a capture has changed the file {}", file.name)));
        }
    }
    Ok(())
}

fn check(config: &Path, good: bool, wanted: &[String]) -> Outcome {
    let output = run(Command::new(binaries::knockd()?).arg("--check").arg("-c").arg(config))?;
    let wrote = text(&output);
    if output.status.code() != Some(i32::from(!good)) {
        return Err(Trouble::new(format!("--check ended with {}:\n{wrote}", output.status)));
    }
    match wanted.iter().find(|part| !wrote.contains(*part)) {
        Some(part) => Err(Trouble::new(format!("--check does not say {part:?}:\n{wrote}"))),
        None => Ok(()),
    }
}

fn read(case: &Case, config: &Path, directory: &Path) -> Outcome<Vec<Event>> {
    let frames = frames(case)?;
    let capture = directory.join("packets.pcap");
    fs::write(&capture, pcap::capture(case.link, &frames)?)?;
    let own: Vec<_> = names::SERVER.iter().map(|(_, address)| address.to_string()).collect();
    let mut command = Command::new(binaries::knockd()?);
    command.arg("--read").arg(&capture).arg("-c").arg(config).args(["--address", &own.join(",")]);
    let output = run(command.args(&case.arguments))?;
    if !output.status.success() {
        return Err(Trouble::new(format!("--read ended with {}:\n{}", output.status, text(&output))));
    }
    let told = String::from_utf8_lossy(&output.stdout);
    let told = told.lines().map(event).collect::<Outcome<Vec<_>>>().while_(text(&output))?;
    let stray = told
        .iter()
        .find(|event| !is_timeout(event) && !frames.iter().any(|(time, _)| Some(*time) == event.at));
    if let Some(event) = stray {
        return Err(Trouble::new(format!("told at a time without a packet: {}", event.line)));
    }
    // What becomes of attempts when the capture has ended is not part of the case.
    let end = frames.last().map(|(time, _)| *time);
    Ok(told.into_iter().filter(|event| is_about_an_attempt(event) && event.at <= end).collect())
}

/// The packets; where the case lasts longer than they do, a last one that is no hit says so.
fn frames(case: &Case) -> Outcome<Vec<(Duration, Frame)>> {
    let mut frames = Vec::new();
    for turn in &case.turns {
        match &turn.what {
            Move::Send(frame) => frames.push((turn.at, frame.clone())),
            Move::End => {
                let echo: packet::Packet = "icmp OTHER > SERVER".parse()?;
                frames.extend(echo.frames(&mut 0)?.into_iter().map(|frame| (turn.at, frame)));
            }
            _ => return Err(Trouble::new("a capture cannot hold this case's steps")),
        }
    }
    Ok(frames)
}

/// `[YYYY-MM-DD HH:MM:SS.ffffff] IP: door: what`.
fn event(line: &str) -> Outcome<Event> {
    let wrong = || Trouble::new(format!("{line:?} is no line that --read writes"));
    let (stamp, line) = line.strip_prefix('[').and_then(|line| line.split_once("] ")).ok_or_else(wrong)?;
    Ok(Event { at: Some(since_start(stamp).ok_or_else(wrong)?), line: line.to_owned() })
}

/// The time since [`START`], the beginning of a day on which all cases take place.
fn since_start(stamp: &str) -> Option<Duration> {
    const { assert!(START.is_multiple_of(86_400)) };
    let time = stamp.strip_prefix("2026-01-01 ")?;
    let (time, micros) = time.split_once('.').filter(|(_, micros)| micros.len() == 6)?;
    let seconds = time.split(':').try_fold(0, |sum, part| Some(sum * 60 + part.parse::<u64>().ok()?))?;
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros.parse().ok()?))
}

fn run(command: &mut Command) -> Outcome<Output> {
    command.output().while_(command.get_program().display())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_time_of_the_capture() {
        let told = event("[2026-01-01 00:01:02.500000] fd00::2: ssh: Stage 1").unwrap();
        assert_eq!(told.at, Some(Duration::from_millis(62_500)));
        assert_eq!(told.line, "fd00::2: ssh: Stage 1");
        assert!(event("fd00::2: ssh: Stage 1").is_err());
        assert!(event("[2026-01-01 00:01:02] fd00::2: ssh: Stage 1").is_err());
    }
}
