//! The interfaces as a real kernel tells of them, each test in a network namespace of its own.
#![cfg(test)]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::{IpAddr, Ipv4Addr},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use knock_core::{host::Host, interface::InterfaceIndex};
use knockd::links::{Change, Changes, Link, Links, State};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Longer than everything that the kernel takes its time for; the longest is to look for a duplicate address, 2 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// An interface and what is at its other end, both without addresses.
const LAN: &str = "link add lan type veth peer name far
link set lan addrgenmode none
link set far addrgenmode none
link set lan up
link set far up
";

/// Runs the test of this name once more, by itself, in a network of its own where only `lo` is and anything is allowed.
fn in_own_network(name: &str, test: impl FnOnce()) {
    const MARK: &str = "KNOCKD_TEST_IN_OWN_NETWORK";
    if env::var_os(MARK).is_some() {
        return test();
    }
    let namespaces: &[&str] = if rustix::process::geteuid().is_root() { &["-n"] } else { &["-Urn"] };
    let output = Command::new("unshare")
        .args(namespaces)
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(MARK, "1")
        .output()
        .expect("unshare(1) can be run");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(" 1 passed"), "in a network of its own: {said}");
}

/// Runs ip(8), a command a line.
fn ip(commands: &str) {
    let mut ip =
        Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().expect("ip(8) can be run");
    ip.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
    assert!(ip.wait().unwrap().success(), "{commands}");
}

/// What has changed, told in lines, when `done` is the case.
fn follow(links: &mut Links, done: impl Fn(&Links) -> bool) -> Vec<String> {
    follow_until(links, |links, _| done(links))
}

/// The next changes, told in lines, when there are as many.
fn next(links: &mut Links, count: usize) -> Vec<String> {
    follow_until(links, |_, told| told.len() >= count)
}

fn follow_until(links: &mut Links, done: impl Fn(&Links, &[String]) -> bool) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut told = Vec::new();
    loop {
        let Changes { list, overrun, unreadable } = links.follow().unwrap();
        assert!(!overrun && unreadable.is_empty(), "{unreadable:?}");
        told.extend(list.iter().map(Change::to_string));
        if done(links, &told) {
            return told;
        }
        await_news(links, deadline, &told);
    }
}

fn await_news(links: &Links, deadline: Instant, told: &[String]) {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left).unwrap();
    let ready = poll(&mut [PollFd::new(links, PollFlags::IN)], Some(&left)).unwrap();
    assert_eq!(ready, 1, "waited in vain, having heard {told:#?} and knowing {links:#?}");
}

/// Links that have heard that `LAN` is ready.
fn links_with_lan() -> Links {
    ip(LAN);
    let mut links = Links::open().unwrap();
    let running = |links: &Links, name| state(links, name) == Some(State::Running);
    follow(&mut links, |links| running(links, "lan") && running(links, "far"));
    links
}

fn addresses(links: &Links, name: &str) -> Vec<IpAddr> {
    links.named(name).map_or_else(|_| Vec::new(), |(_, link)| link.addresses().collect())
}

fn has(links: &Links, name: &str, address: &str) -> bool {
    addresses(links, name).contains(&address.parse().unwrap())
}

fn index(links: &Links, name: &str) -> InterfaceIndex {
    links.named(name).unwrap().0
}

fn state(links: &Links, name: &str) -> Option<State> {
    links.named(name).ok().map(|(_, link)| link.state())
}

#[test]
fn what_is_there_is_found() {
    in_own_network("what_is_there_is_found", || {
        links_with_lan();
        ip("link set lo up
            link add idle type bridge
            address add 192.0.2.1/24 broadcast 192.0.2.99 dev lan
            address add 192.0.2.2/24 dev lan
            address add 198.51.100.1 peer 198.51.100.2 dev lan
            address add 2001:db8::1/64 dev lan nodad
            address add 2001:db8::2 peer 2001:db8::3 dev lan nodad");
        let mut links = Links::open().unwrap();
        assert!(links.follow().unwrap().is_empty());
        let (lo, lan, idle) = (index(&links, "lo"), index(&links, "lan"), index(&links, "idle"));
        let facts =
            |index| links.link(index).map(|link: &Link| (link.name(), link.state(), link.is_loopback()));
        assert_eq!(facts(lo), Some(("lo", State::Running, true)));
        assert_eq!(facts(lan), Some(("lan", State::Running, false)));
        assert_eq!(facts(idle), Some(("idle", State::Down, false)));
        assert_eq!(links.iter().count(), 4);

        let Host::Interfaces(host) = links.host() else { panic!() };
        let host = host.by_index();
        assert_eq!(host[&lo].addresses, ["127.0.0.1", "::1"].map(|text| text.parse::<IpAddr>().unwrap()));
        let broadcasts = ["192.0.2.99", "192.0.2.255"].map(|text| text.parse::<Ipv4Addr>().unwrap());
        assert_eq!(host[&lan].broadcasts, broadcasts);
        let own = ["192.0.2.1", "192.0.2.2", "198.51.100.1", "2001:db8::1", "2001:db8::2"];
        assert_eq!(host[&lan].addresses, own.map(|text| text.parse::<IpAddr>().unwrap()));
        let error = links.named("eth0").unwrap_err();
        assert_eq!(error.to_string(), "there is no interface eth0; this machine has: far, idle, lan, lo");
    });
}

#[test]
fn addresses_are_followed() {
    in_own_network("addresses_are_followed", || {
        let mut links = links_with_lan();
        let mut expect = |commands: &str, changes: &[String]| {
            ip(commands);
            assert_eq!(next(&mut links, changes.len()), changes, "{commands}");
        };
        let has = |address| format!("interface lan has the address {address}");
        let lost = |address| format!("interface lan no longer has the address {address}");
        let networks = "the networks of interface lan have changed".to_owned();
        expect("address add 192.0.2.1/24 dev lan", &[has("192.0.2.1")]);
        expect("address add 192.0.2.2/24 dev lan", &[has("192.0.2.2")]);
        expect("address add 192.0.2.1/16 dev lan", std::slice::from_ref(&networks));
        // The secondary address goes with its primary one; the same address in the other network stays.
        expect("address del 192.0.2.1/24 dev lan", &[lost("192.0.2.2"), networks]);
        expect("address del 192.0.2.1/16 dev lan", &[lost("192.0.2.1")]);
        expect("address add 192.0.2.5 peer 192.0.2.6 dev lan", &[has("192.0.2.5")]);
        expect("address add 2001:db8::1/64 dev lan nodad", &[has("2001:db8::1")]);
        expect("address change 2001:db8::1/64 dev lan preferred_lft 0", &[]);
        expect("address change 2001:db8::1 peer 2001:db8::9/64 dev lan", &[]);
        expect("address del 2001:db8::1 peer 2001:db8::9/64 dev lan", &[lost("2001:db8::1")]);
    });
}

#[test]
fn interfaces_are_followed() {
    in_own_network("interfaces_are_followed", || {
        let mut links = Links::open().unwrap();
        ip("link add lan type veth peer name far");
        follow(&mut links, |links| state(links, "lan") == Some(State::Down));
        let first = index(&links, "lan");

        ip("link set lan up");
        let told = follow(&mut links, |links| state(links, "lan") == Some(State::NoCarrier));
        assert!(told.contains(&"interface lan is up, but has no carrier".to_owned()), "{told:?}");
        ip("link set far up");
        follow(&mut links, |links| state(links, "lan") == Some(State::Running));
        ip("address add 192.0.2.1/24 dev lan");
        follow(&mut links, |links| has(links, "lan", "192.0.2.1"));

        ip("link set lan down
            link set lan name wan
            link set wan up");
        let told = follow(&mut links, |links| state(links, "wan") == Some(State::Running));
        let told: Vec<_> =
            told.iter().filter(|line| !line.contains("address") && !line.contains("far")).collect();
        assert_eq!(told[..2], ["interface lan is down", "interface lan is now named wan"], "{told:?}");
        assert_eq!(index(&links, "wan"), first);
        assert!(has(&links, "wan", "192.0.2.1"));

        ip("link del wan
            link add wan type bridge");
        let told = follow(&mut links, |links| links.link(first).is_none() && links.named("wan").is_ok());
        let second = index(&links, "wan");
        assert_ne!(second, first);
        let gone = format!("interface wan is gone (index {})", first.0);
        let new = format!("interface wan has appeared (index {})", second.0);
        let place = |line: &String| told.iter().position(|other| other == line);
        assert!(place(&gone).is_some() && place(&gone) < place(&new), "{told:#?}");
        assert_eq!(addresses(&links, "wan"), [] as [IpAddr; 0]);
        assert!(links.named("far").is_err());
    });
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_gone() {
    in_own_network("a_port_that_leaves_its_bridge_is_not_gone", || {
        let mut links = links_with_lan();
        ip("link add bridge type bridge
            link set bridge addrgenmode none up
            link set lan master bridge");
        follow(&mut links, |links| state(links, "bridge") == Some(State::Running));
        ip("link set lan nomaster");
        let told = follow(&mut links, |links| state(links, "bridge") == Some(State::NoCarrier));
        assert_eq!(told, ["interface bridge is up, but has no carrier"]);
        assert_eq!(state(&links, "lan"), Some(State::Running));
    });
}

/// A process in another network, until it is dropped.
struct Elsewhere(Child);

impl Elsewhere {
    fn open() -> Self {
        let script = "echo ready; read line";
        let mut child = Command::new("unshare")
            .args(["-n", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn run(&self, command: &[&str]) {
        let target = self.0.id().to_string();
        let status = Command::new("nsenter").args(["-t", &target, "-n"]).args(command).status().unwrap();
        assert!(status.success(), "{command:?}");
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

#[test]
fn an_interface_can_move_to_another_network_and_back() {
    in_own_network("an_interface_can_move_to_another_network_and_back", || {
        let mut links = links_with_lan();
        ip("address add 192.0.2.1/24 dev lan");
        follow(&mut links, |links| has(links, "lan", "192.0.2.1"));
        let lan = index(&links, "lan");
        let elsewhere = Elsewhere::open();
        let here = std::process::id().to_string();
        ip(&format!("link set lan netns {}", elsewhere.0.id()));
        elsewhere.run(&["ip", "link", "set", "lan", "netns", &here]);
        // It has the same index again, and still it is not the interface that sockets were bound to.
        let told =
            follow(&mut links, |links| links.named("lan").is_ok() && addresses(links, "lan").is_empty());
        assert_eq!(index(&links, "lan"), lan);
        let gone = told.iter().position(|line| line.starts_with("interface lan is gone"));
        let back = told.iter().position(|line| line.starts_with("interface lan has appeared"));
        assert!(gone.is_some() && gone < back, "{told:#?}");
    });
}

#[test]
fn an_address_counts_once_nobody_else_has_it() {
    in_own_network("an_address_counts_once_nobody_else_has_it", || {
        let mut links = links_with_lan();
        ip("address add 2001:db8::1/64 dev lan
            address add 2001:db8::2/64 dev far nodad");
        follow(&mut links, |links| has(links, "far", "2001:db8::2"));
        assert!(!has(&links, "lan", "2001:db8::1"));
        assert!(!has(&Links::open().unwrap(), "lan", "2001:db8::1"));
        follow(&mut links, |links| has(links, "lan", "2001:db8::1"));

        // While the far end has the first of these, the second is looked for just as long.
        ip("address add 2001:db8::2/64 dev lan
            address add 2001:db8::3/64 dev lan");
        follow(&mut links, |links| has(links, "lan", "2001:db8::3"));
        assert!(!has(&links, "lan", "2001:db8::2"));
        assert!(!has(&Links::open().unwrap(), "lan", "2001:db8::2"));
    });
}

#[test]
fn nothing_is_missed_when_too_much_happens() {
    in_own_network("nothing_is_missed_when_too_much_happens", || {
        let mut links = links_with_lan();
        ip("link add gone type bridge
            address add 192.0.2.1/24 dev gone");
        follow(&mut links, |links| has(links, "gone", "192.0.2.1"));
        let storm = (0..8192).map(|n| format!("address add 10.1.{}.{}/32 dev lan\n", n / 256, n % 256));
        ip(&storm.collect::<String>());
        ip("link set lan name wan
            link del gone
            link add gone type bridge");
        let changes = links.follow().unwrap();
        assert!(changes.overrun);
        assert_eq!(addresses(&links, "wan").len(), 8192);
        assert_eq!(addresses(&links, "gone"), [] as [IpAddr; 0]);
        let told: Vec<_> = changes.list.iter().map(Change::to_string).collect();
        let count = |text: &str| told.iter().filter(|line| line.starts_with(text)).count();
        assert_eq!(count("interface lan is now named wan"), 1);
        assert_eq!(count("interface lan has the address") + count("interface wan has the address"), 8192);
        assert_eq!((count("interface gone is gone"), count("interface gone has appeared")), (1, 1));

        assert!(links.follow().unwrap().is_empty());
        ip("address add 192.0.2.7/24 dev wan");
        assert_eq!(next(&mut links, 1), ["interface wan has the address 192.0.2.7"]);
    });
}
