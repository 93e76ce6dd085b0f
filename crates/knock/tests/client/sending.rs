use std::{
    net::{ToSocketAddrs, UdpSocket},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::support::{Closed, Doors, Told, client, run};

/// Knocks at doors while they are watched.
fn knock(doors: &Doors, arguments: &[&str], count: usize) -> (Told, Vec<usize>) {
    thread::scope(|scope| {
        let client = scope.spawn(|| doors.knock(arguments));
        let hits = doors.hits(count);
        (client.join().unwrap(), hits)
    })
}

#[test]
fn hits_come_in_the_order_given() {
    let doors = Doors::open("127.0.0.1", "tuutut").unwrap();
    let (told, hits) = knock(&doors, &["127.0.0.1"], 6);
    assert_eq!(hits, [0, 1, 2, 3, 4, 5]);
    assert_eq!((told.status, told.out, told.err), (0, String::new(), String::new()));
}

#[test]
fn hits_come_in_order_over_ipv6() {
    let Some(doors) = Doors::open("::1", "utu") else { return };
    let (told, hits) = knock(&doors, &["-6", "::1"], 3);
    assert_eq!((told.status, hits), (0, vec![0, 1, 2]));
}

#[test]
fn a_port_can_be_hit_twice() {
    let doors = Doors::open("127.0.0.1", "ut").unwrap();
    let ports = doors.arguments();
    let (told, hits) = knock(&doors, &["127.0.0.1", &ports[0], &ports[1]], 4);
    assert_eq!((told.status, hits), (0, vec![0, 1, 0, 1]));
}

#[test]
fn refusing_ports_do_not_stop_the_rest() {
    let (closed, gone) = (Closed::new(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (tcp, udp) = (closed.port(), format!("{}:udp", gone.local_addr().unwrap().port()));
    drop(gone);
    let doors = Doors::open("127.0.0.1", "ut").unwrap();
    let start = Instant::now();
    let (told, hits) = knock(&doors, &["-d", "0", "127.0.0.1", &tcp, &udp, &udp, &tcp], 2);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!((told.status, hits.len(), told.err), (0, 2, String::new()));
}

#[test]
fn the_delay_lies_between_hits() {
    let doors = Doors::open("127.0.0.1", "uuu").unwrap();
    let start = Instant::now();
    assert_eq!(doors.knock(&["-d", "300", "127.0.0.1"]).status, 0);
    let slow = start.elapsed();
    assert!(slow >= Duration::from_millis(600), "{slow:?}");
    let start = Instant::now();
    assert_eq!(doors.knock(&["--delay=0", "127.0.0.1"]).status, 0);
    assert!(start.elapsed() < slow);
}

#[test]
fn with_udp_ports_are_udp_unless_they_say_otherwise() {
    let doors = Doors::open("127.0.0.1", "ut").unwrap();
    let ports = doors.arguments();
    let (udp, tcp) = (ports[0].trim_end_matches(":udp"), format!("{}:tcp", ports[1]));
    let (hits, told) = thread::scope(|scope| {
        let client = scope.spawn(|| run(&["-u", "127.0.0.1", udp, &tcp]));
        (doors.hits(2), client.join().unwrap())
    });
    assert_eq!((hits, told.status), (vec![0, 1], 0));
}

#[test]
fn verbose_says_what_the_classic_client_said() {
    let closed = Closed::new();
    let port = closed.port();
    let told = run(&["-v", "-d", "0", "127.0.0.1", &port, &format!("{port}:udp")]);
    assert_eq!(told.out, format!("hitting tcp 127.0.0.1:{port}\nhitting udp 127.0.0.1:{port}\n"));
}

#[test]
fn nobody_listening_to_verbose_stops_nothing() {
    let doors = Doors::open("127.0.0.1", "uuu").unwrap();
    let ports = doors.arguments();
    let mut child = client(&["-v", "127.0.0.1"]).args(&ports).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(doors.hits(3), [0, 1, 2]);
    assert!(child.wait().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn hits_come_from_the_source_and_through_the_interface() {
    let door = UdpSocket::bind("127.0.0.1:0").unwrap();
    door.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    let port = format!("{}:udp", door.local_addr().unwrap().port());
    let told = run(&["--source", "127.0.0.9", "--interface", "lo", "127.0.0.1", &port]);
    assert_eq!(told.status, 0, "{}", told.err);
    let (_, from) = door.recv_from(&mut [0; 8]).unwrap();
    assert_eq!(from.ip().to_string(), "127.0.0.9");
}

#[test]
fn both_families_are_knocked_at() {
    let has_ipv6 = UdpSocket::bind("[::1]:0").is_ok()
        && ("localhost", 0).to_socket_addrs().unwrap().any(|address| address.is_ipv6());
    let doors = Doors::open("127.0.0.1", "uu").unwrap();
    let ports = doors.arguments();
    let told = run(&["-v", "-d", "0", "--both", "localhost", &ports[0], &ports[1]]);
    assert_eq!(told.status, 0, "{}", told.err);
    assert_eq!(doors.hits(2), [0, 1]);
    let expected: Vec<String> = ports
        .iter()
        .map(|port| port.trim_end_matches(":udp"))
        .flat_map(|port| [format!("hitting udp 127.0.0.1:{port}"), format!("hitting udp ::1:{port}")])
        .collect();
    if has_ipv6 {
        assert_eq!(told.out.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_cannot_be_sent_at_all_is_one_line() {
    let told = run(&["--source", "192.0.2.1", "127.0.0.1", "7", "8", "9"]);
    assert_eq!((told.status, told.err.lines().count()), (1, 1), "{}", told.err);
    assert!(told.err.starts_with("knock: cannot send from 192.0.2.1: "), "{}", told.err);
}
