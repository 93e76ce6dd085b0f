use std::{
    fs,
    io::{PipeReader, Read, pipe},
    net::IpAddr,
    path::Path,
    time::Instant,
};

use knock_core::event::What;

use super::*;

/// A log into a file, and what keeps its terminal open.
fn log(
    folder: &Path,
    lookup: bool,
    resolver: impl Fn(IpAddr) -> Option<String> + Send + Sync + 'static,
) -> Log {
    let outputs = Outputs { file: Some(folder.join("log")), syslog: true, ..Outputs::default() };
    let options = LogOptions { outputs, lookup, ..LogOptions::default() };
    let screen = Screen::new(Terminal::Quiet, io::sink(), io::sink()).unwrap();
    let resolver: Arc<Resolver> = Arc::new(resolver);
    Log::start_with(&options, screen, sockets(folder), &resolver).unwrap()
}

fn sockets(folder: &Path) -> Sockets {
    Sockets { syslog: folder.join("syslog"), journald: None }
}

/// What the file holds, without the time stamps and what the log says of its other outputs.
fn written(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("log")).unwrap();
    let lines = text.lines().map(|line| line.split_once("] ").unwrap().1.to_owned());
    lines.filter(|line| !line.starts_with("syslog ")).collect()
}

fn attempt(last: u8, what: What) -> Line {
    Line::Attempt { source: [10, 0, 0, last].into(), door: "ssh".into(), what }
}

fn nameless(_: IpAddr) -> Option<String> {
    None
}

fn dead(_: IpAddr) -> Option<String> {
    loop {
        thread::park();
    }
}

#[test]
fn a_million_lines_leave_some_hundreds_and_a_count_but_every_opening() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), false, nameless);
    let start = Instant::now();
    for count in 0..1_000_000 {
        log.say(attempt(1, What::Stage(1)));
        if count % 1000 == 0 {
            log.say(attempt(2, What::Opened(3)));
            log.say(Line::Running {
                door: "ssh".into(),
                source: [10, 0, 0, 2].into(),
                purpose: Purpose::Start,
                command: "true".into(),
            });
        }
    }
    let took = start.elapsed();
    log.finish();
    let lines = written(folder.path());
    let count = |end: &str| lines.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!(count("10.0.0.2: ssh: OPEN SESAME"), 1000);
    assert_eq!(count("ssh: running command: true"), 1000);
    let stages =
        count(": ssh: Stage 1") - lines.iter().filter(|line| line.contains("like this left out")).count();
    let passed = 600 + usize::try_from(took.as_millis()).unwrap() / 25;
    assert!((1..=passed + 1).contains(&stages), "{stages} of {passed}");
    let left_out = lines.iter().filter(|line| line.contains(" left out: "));
    let left_out = left_out.map(|line| line.split(' ').next().unwrap().parse::<usize>().unwrap());
    assert_eq!(stages + left_out.sum::<usize>(), 1_000_000);
}

#[test]
fn a_flood_is_summed_up_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), false, nameless);
    (0..3000).for_each(|_| log.say(attempt(1, What::Stage(1))));
    let start = Instant::now();
    while !written(folder.path())
        .iter()
        .any(|line| line.contains("lines like this left out: 10.0.0.1: ssh: Stage"))
    {
        assert!(start.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(20));
    }
    log.finish();
}

#[test]
fn names_come_with_the_lines_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), true, |source| {
        let slow = source == IpAddr::from([10, 0, 0, 1]);
        thread::sleep(Duration::from_millis(if slow { 150 } else { 0 }));
        slow.then(|| "slow.example".to_owned())
    });
    log.say(attempt(1, What::Stage(1)));
    log.say(attempt(2, What::Stage(1)));
    log.say(Line::ShuttingDown);
    thread::sleep(Duration::from_millis(500));
    log.say(attempt(1, What::Opened(2)));
    log.finish();
    let expected = [
        "10.0.0.1 (slow.example): ssh: Stage 1",
        "10.0.0.2: ssh: Stage 1",
        "shutting down",
        "10.0.0.1 (slow.example): ssh: OPEN SESAME",
    ];
    assert_eq!(written(folder.path()), expected);
}

#[test]
fn a_dead_resolver_holds_lines_up_for_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), true, dead);
    let start = Instant::now();
    (0..200).for_each(|last| log.say(attempt(last, What::Stage(1))));
    assert!(start.elapsed() < Duration::from_millis(500), "who says something never waits");
    while written(folder.path()).len() < 200 {
        assert!(start.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(20));
    }
    assert!(start.elapsed() > Duration::from_millis(900), "it had its chance");
    log.say(attempt(0, What::Opened(2)));
    log.flush();
    let lines = written(folder.path());
    let expected: Vec<String> = (0..200).map(|last| format!("10.0.0.{last}: ssh: Stage 1")).collect();
    assert_eq!(lines[..200], expected);
}

#[test]
fn lines_that_pile_up_behind_a_name_go_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), true, dead);
    (0..600).for_each(|_| log.say(attempt(1, What::Stage(1))));
    thread::sleep(Duration::from_millis(300));
    assert!(written(folder.path()).len() >= 600 - 512);
}

#[test]
fn the_log_file_can_be_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), false, nameless);
    log.say(attempt(1, What::Stage(1)));
    log.flush();
    fs::rename(folder.path().join("log"), folder.path().join("log.1")).unwrap();
    log.say(attempt(1, What::Stage(2)));
    log.reopen();
    log.say(attempt(1, What::Opened(3)));
    log.finish();
    assert_eq!(written(folder.path()), ["10.0.0.1: ssh: OPEN SESAME"]);
    assert!(fs::read_to_string(folder.path().join("log.1")).unwrap().ends_with("Stage 2\n"));
}

#[test]
fn the_end_waits_two_seconds_at_most() {
    let (mut stuck, to_stuck) = pipe().unwrap();
    let screen = Screen::new(Terminal::Verbose, to_stuck.try_clone().unwrap(), to_stuck).unwrap();
    let options = LogOptions { terminal: Terminal::Verbose, ..LogOptions::default() };
    let resolver: Arc<Resolver> = Arc::new(nameless);
    let log = Log::start_with(&options, screen, sockets(Path::new("/nonexistent")), &resolver).unwrap();
    (0..500).for_each(|_| log.say(Line::note("x".repeat(200))));
    let start = Instant::now();
    log.finish();
    assert!(start.elapsed() < Duration::from_millis(2500));
    assert_eq!(first_line(&mut stuck), "x".repeat(200));
}

fn first_line(reader: &mut PipeReader) -> String {
    let mut buffer = [0; 201];
    reader.read_exact(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer).trim_end().to_owned()
}

#[test]
fn a_log_file_that_cannot_be_opened_is_a_mistake_at_the_start() {
    let outputs = Outputs { file: Some("/nonexistent/log".into()), ..Outputs::default() };
    let error = Log::start(&LogOptions { outputs, ..LogOptions::default() }).unwrap_err();
    assert!(error.to_string().starts_with("log file /nonexistent/log: "), "{error}");
}

#[test]
fn what_others_left_out_is_summed_up_however_often_they_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), false, nameless);
    let start = Instant::now();
    for _ in 0..100_000 {
        log.leave_out(Kind::Attempt(event::Kind::Stage), u64::from(u32::MAX));
        log.leave_out(Kind::Attempt(event::Kind::Ignored), 1);
    }
    let took = start.elapsed();
    log.finish();
    let lines = written(folder.path());
    // One every five seconds, and one at the end.
    assert!((1..=2 + took.as_secs() / 5).contains(&(lines.len() as u64)), "{lines:?}");
    let counts = lines.iter().map(|line| line.strip_suffix(" lines left out: stages").unwrap());
    let sum: u64 = counts.map(|count| count.parse::<u64>().unwrap()).sum();
    assert_eq!(sum, 100_000 * u64::from(u32::MAX));
}

#[test]
fn what_is_kept_back_is_said_later_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path(), false, nameless);
    log.keep_back();
    log.say(attempt(1, What::Stage(1)));
    log.say(attempt(1, What::Stage(2)));
    thread::sleep(Duration::from_millis(50));
    assert_eq!(written(folder.path()), [""; 0]);
    log.release();
    log.say(attempt(1, What::Opened(3)));
    let whole = ["10.0.0.1: ssh: Stage 1", "10.0.0.1: ssh: Stage 2", "10.0.0.1: ssh: OPEN SESAME"];
    let begin = Instant::now();
    while written(folder.path()) != whole {
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", written(folder.path()));
        thread::sleep(Duration::from_millis(1));
    }
    log.keep_back();
    log.say(Line::ShuttingDown);
    log.finish();
    assert_eq!(written(folder.path()).last().unwrap(), "shutting down", "the end keeps back nothing");
}
