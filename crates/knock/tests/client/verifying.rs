use std::{
    net::UdpSocket,
    thread,
    time::{Duration, Instant},
};

use crate::support::{Closed, PATIENCE, Told, run};

/// A server that opens `closed` after as many knocks as `patience` says. Returns how many came until the client ended.
fn serve(closed: &Closed, needed: usize, arguments: &[&str]) -> (Told, usize) {
    let door = UdpSocket::bind("127.0.0.1:0").unwrap();
    door.set_read_timeout(Some(PATIENCE)).unwrap();
    let knock = format!("{}:udp", door.local_addr().unwrap().port());
    let verified = closed.port();
    let mut line = vec!["-d", "10", "--verify", &verified];
    line.extend(arguments);
    line.extend(["127.0.0.1", &knock]);
    thread::scope(|scope| {
        let client = scope.spawn(|| run(&line));
        for _ in 0..needed {
            door.recv(&mut []).unwrap();
        }
        if needed > 0 {
            closed.open();
        }
        let told = client.join().unwrap();
        door.set_nonblocking(true).unwrap();
        let more = std::iter::from_fn(|| door.recv(&mut []).ok()).count();
        (told, needed + more)
    })
}

#[test]
fn a_port_that_opens_is_success() {
    let (told, knocks) = serve(&Closed::new(), 1, &["--timeout", "10"]);
    assert_eq!((told.status, knocks, told.err), (0, 1, String::new()));
}

#[test]
fn it_knocks_again_until_the_port_opens() {
    let (told, knocks) = serve(&Closed::new(), 3, &["-v", "--timeout", "1.5", "--retries", "5"]);
    assert_eq!((told.status, knocks), (0, 3), "{}", told.err);
    assert_eq!(told.out.matches("knocking again\n").count(), 2, "{}", told.out);
    assert!(told.out.ends_with(" is open\n"), "{}", told.out);
}

#[test]
fn a_port_that_never_opens_is_failure_in_time() {
    let closed = Closed::new();
    let start = Instant::now();
    let (told, knocks) = serve(&closed, 0, &["--timeout", "0.4", "--retries", "1"]);
    let took = start.elapsed();
    assert_eq!((told.status, knocks), (1, 2));
    assert!((Duration::from_millis(800)..Duration::from_secs(5)).contains(&took), "{took:?}");
    let expected = format!("knock: tcp 127.0.0.1:{} did not open within 400ms: ", closed.port());
    assert!(told.err.starts_with(&expected) && told.err.lines().count() == 1, "{}", told.err);
}
