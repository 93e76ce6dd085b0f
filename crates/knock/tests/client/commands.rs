#![cfg(unix)]

use std::thread;

use crate::support::{Closed, Doors, at_profile, run};

#[test]
fn a_command_runs_when_the_port_is_open() {
    let doors = Doors::open("127.0.0.1", "uu").unwrap();
    let closed = Closed::new();
    let profile = doors.profile(&format!("verify = {}\ntimeout = 20", closed.port()));
    let (hits, told) = thread::scope(|scope| {
        let script = "echo ran \"$@\"; echo aside >&2; exit 7";
        let rest = ["door", "--", "sh", "-c", script, "sh", "-v", "--", "x y"];
        let client = scope.spawn(move || at_profile(&profile, &[], &rest));
        let hits = doors.hits(2);
        assert!(!client.is_finished());
        closed.open();
        (hits, client.join().unwrap())
    });
    assert_eq!(hits, [0, 1]);
    assert_eq!((told.status, told.out.as_str(), told.err.as_str()), (7, "ran -v -- x y\n", "aside\n"));
}

#[test]
fn no_command_runs_where_the_port_stays_shut() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let closed = Closed::new();
    let profile = doors.profile(&format!("verify = {}\ntimeout = 0.2\nretries = 1", closed.port()));
    let told = at_profile(&profile, &[], &["door", "--", "echo", "ran"]);
    assert_eq!((told.status, told.out.as_str(), doors.hits(2)), (1, "", vec![0, 0]));
    assert!(told.err.contains(" did not open within 200ms: "), "{}", told.err);
}

#[test]
fn without_a_port_to_wait_for_it_runs_after_the_last_hit() {
    let doors = Doors::open("127.0.0.1", "uu").unwrap();
    let [first, second] = doors.arguments().try_into().unwrap();
    let told = run(&["-d", "10", "127.0.0.1", &first, &second, "--", "echo", "ran"]);
    assert_eq!((told.status, told.out.as_str(), doors.hits(2)), (0, "ran\n", vec![0, 1]));
    // What could not be sent opens nothing.
    let told = run(&["--source", "192.0.2.1", "127.0.0.1", &first, "--", "echo", "ran"]);
    assert_eq!((told.status, told.out.as_str()), (1, ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_has_the_signals_that_programs_begin_with() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let told = at_profile(&doors.profile(""), &[], &["door", "--", "grep", "SigIgn", "/proc/self/status"]);
    let ignored = u64::from_str_radix(told.out.trim_start_matches("SigIgn:").trim(), 16).unwrap();
    // SIGPIPE is number 13 (signal(7)); the runtime of Rust programs ignores it.
    assert_eq!((ignored >> 12) & 1, 0, "{}", told.out);
}

#[test]
fn what_cannot_be_run_has_a_shells_status() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    for (program, status) in [("/nonexistent/program", 127), ("/", 126)] {
        let told = at_profile(&doors.profile(""), &[], &["door", "--", program]);
        assert_eq!((told.status, told.err.lines().count()), (status, 1), "{}", told.err);
        assert!(told.err.starts_with(&format!("knock: cannot run {program}: ")), "{}", told.err);
    }
}
