use std::{
    fs,
    net::UdpSocket,
    thread,
    time::{Duration, Instant},
};

use tempfile::NamedTempFile;

use crate::support::{Closed, Doors, PATIENCE, Told, client, run, secret};

/// A file of sequences.
struct Scratch(NamedTempFile);

impl Scratch {
    fn new(text: &str) -> Self {
        Self(secret(text))
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }

    fn knock(&self, arguments: &[&str]) -> Told {
        client(arguments).arg("--one-time").arg(self.0.path()).arg("127.0.0.1").output().unwrap().into()
    }
}

#[test]
fn the_line_is_marked_when_the_first_hit_comes() {
    let door = UdpSocket::bind("127.0.0.1:0").unwrap();
    door.set_read_timeout(Some(PATIENCE)).unwrap();
    let knock = format!("{}:udp", door.local_addr().unwrap().port());
    let file = Scratch::new(&format!("# mine\n {knock},{knock}\n 1,2,3\n"));
    thread::scope(|scope| {
        let client = scope.spawn(|| file.knock(&["-d", "2000"]));
        door.recv(&mut []).unwrap();
        assert_eq!(file.text(), format!("# mine\n#{knock},{knock}\n 1,2,3\n"));
        door.recv(&mut []).unwrap();
        let told = client.join().unwrap();
        assert_eq!((told.status, told.err), (0, String::new()));
    });
    assert_eq!(file.text(), format!("# mine\n#{knock},{knock}\n 1,2,3\n"));
}

#[test]
fn clients_at_once_take_different_lines() {
    let doors = Doors::open("127.0.0.1", "uuuuuuuu").unwrap();
    let lines = doors.arguments();
    let file = Scratch::new(&(lines.join("\n") + "\n"));
    thread::scope(|scope| {
        let clients: Vec<_> = lines.iter().map(|_| scope.spawn(|| file.knock(&[]).status)).collect();
        for client in clients {
            assert_eq!(client.join().unwrap(), 0);
        }
    });
    let mut hits = doors.hits(lines.len());
    hits.sort_unstable();
    assert_eq!(hits, (0..lines.len()).collect::<Vec<_>>());
    assert!(file.text().lines().all(|line| line.starts_with('#')));
}

#[test]
fn retries_knock_the_same_line() {
    let doors = Doors::open("127.0.0.1", "uu").unwrap();
    let knocks = doors.arguments();
    let file = Scratch::new(&format!(" {}\n {}\n", knocks[0], knocks[1]));
    let closed = Closed::new();
    let told = file.knock(&["--verify", &closed.port(), "--timeout", "0.2", "--retries", "2"]);
    assert_eq!(doors.hits(3), [0, 0, 0]);
    assert_eq!(file.text(), format!("#{}\n {}\n", knocks[0], knocks[1]));
    assert_eq!(told.status, 1);
    let advice = format!("if the server still waits for it: knock 127.0.0.1 {}\n", knocks[0]);
    assert!(told.err.ends_with(&advice), "{}", told.err);
}

#[test]
fn a_file_without_sequences_sends_nothing() {
    let file = Scratch::new("#1,2\n\n");
    let start = Instant::now();
    let told = file.knock(&["-v"]);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!((told.status, told.out.as_str()), (1, ""));
    assert!(told.err.contains("no sequence in it is left") && told.err.lines().count() == 1, "{}", told.err);
}

#[test]
fn a_file_that_is_not_there_is_one_line() {
    let told = run(&["--one-time", "/nonexistent/file", "127.0.0.1"]);
    assert_eq!((told.status, told.err.lines().count()), (1, 1));
    assert!(told.err.starts_with("knock: /nonexistent/file: cannot open it"), "{}", told.err);
}

#[test]
fn no_line_is_spent_where_nothing_can_be_sent() {
    let file = Scratch::new(" 1,2\n");
    assert_eq!(file.knock(&["--source", "192.0.2.1"]).status, 1);
    assert_eq!(file.text(), " 1,2\n");
}
