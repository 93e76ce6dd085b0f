use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Closed, Doors, Told, at_profile, client, secret};

/// Starts the client as a proxy with this configuration.
fn start(config: &tempfile::NamedTempFile, rest: &[&str]) -> Child {
    let mut client = client(&["--proxy", "door", "--config"]);
    client.arg(config.path()).args(rest);
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn config(doors: &Doors, port: u16) -> tempfile::NamedTempFile {
    secret(&format!("[door]\n{}\n", doors.profile(&format!("verify = {port}\ntimeout = 20"))))
}

fn server() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The connection of a proxy that has knocked.
fn connected(doors: &Doors, listener: &TcpListener) -> TcpStream {
    assert_eq!(doors.hits(1), [0]);
    listener.accept().unwrap().0
}

#[test]
fn bytes_go_both_ways_and_each_end_is_told() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let (listener, port) = server();
    let config = config(&doors, port);
    let mut proxy = start(&config, &[]);
    let mut server = connected(&doors, &listener);
    let mut keyboard = proxy.stdin.take().unwrap();
    let mut screen = proxy.stdout.take().unwrap();
    // No line feed: what is in the way is handed on all the same.
    server.write_all(b"hello").unwrap();
    let mut five = [0; 5];
    screen.read_exact(&mut five).unwrap();
    assert_eq!(&five, b"hello");
    // The server has no more to say; we have.
    server.shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    screen.read_to_string(&mut rest).unwrap();
    keyboard.write_all(b"and more").unwrap();
    drop(keyboard);
    server.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "and more");
    let told: Told = proxy.wait_with_output().unwrap().into();
    assert_eq!((told.status, told.err), (0, String::new()));
}

#[test]
fn the_end_of_input_is_not_the_end_of_output() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let (listener, port) = server();
    let config = config(&doors, port);
    let mut proxy = start(&config, &["127.0.0.1", &port.to_string()]);
    let mut server = connected(&doors, &listener);
    drop(proxy.stdin.take());
    server.read_to_string(&mut String::new()).unwrap();
    let answer = vec![b'x'; 1_000_000];
    server.write_all(&answer).unwrap();
    drop(server);
    let told: Told = proxy.wait_with_output().unwrap().into();
    assert_eq!((told.status, told.out.len(), told.err), (0, answer.len(), String::new()));
}

#[test]
fn the_connection_that_found_the_port_open_is_the_one() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let closed = Closed::new();
    let config = config(&doors, closed.port().parse().unwrap());
    let mut proxy = start(&config, &[]);
    assert_eq!(doors.hits(1), [0]);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(proxy.try_wait().unwrap(), None);
    closed.open();
    let listener = TcpListener::from(closed.into_socket());
    let mut server = listener.accept().unwrap().0;
    server.write_all(b"only").unwrap();
    drop((server, proxy.stdin.take()));
    let told: Told = proxy.wait_with_output().unwrap().into();
    assert_eq!((told.status, told.out.as_str()), (0, "only"));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err());
}

#[test]
fn what_is_told_does_not_get_among_the_bytes() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let (listener, port) = server();
    let config = config(&doors, port);
    let mut proxy = start(&config, &["-v"]);
    let mut server = connected(&doors, &listener);
    server.write_all(b"bytes").unwrap();
    drop((server, proxy.stdin.take()));
    let told: Told = proxy.wait_with_output().unwrap().into();
    assert_eq!((told.status, told.out.as_str()), (0, "bytes"));
    assert!(told.err.starts_with("hitting udp 127.0.0.1:"), "{}", told.err);
    assert!(told.err.ends_with(" is open\n"), "{}", told.err);
}

#[test]
fn a_port_that_stays_shut_is_one_line() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let closed = Closed::new();
    let profile = doors.profile(&format!("verify = {}\ntimeout = 0.2\nretries = 0", closed.port()));
    let start = Instant::now();
    let told = at_profile(&profile, &[], &["--proxy", "door"]);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!((told.status, told.out.as_str(), told.err.lines().count()), (1, "", 1));
    assert!(told.err.contains(" did not open within 200ms: "), "{}", told.err);
}

#[test]
fn a_connection_that_breaks_is_one_line() {
    let doors = Doors::open("127.0.0.1", "u").unwrap();
    let (listener, port) = server();
    let config = config(&doors, port);
    let proxy = start(&config, &[]);
    let server = socket2::Socket::from(connected(&doors, &listener));
    server.set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    let told: Told = proxy.wait_with_output().unwrap().into();
    assert_eq!((told.status, told.err.lines().count()), (1, 1), "{}", told.err);
    assert!(told.err.starts_with("knock: the connection broke: "), "{}", told.err);
}
