use std::path::Path;

use clap::Parser;
use knock_core::config::Options;

use super::*;
use crate::{cli::Arguments, own_network::in_own_network};

#[test]
fn more_interfaces_than_the_watcher_can_hold_are_refused() {
    let links = Links::open().unwrap();
    let names: Vec<_> = (0..=MOST_SOCKETS).map(|number| format!("none{number}")).collect();
    let arguments = Arguments::parse_from(["knockd", "--service", "-i", &names.join(",")]);
    let settings = Settings::new(&arguments, &Options::default(), Path::new("/"));
    let error = Listening::require(&settings, &links).unwrap_err().to_string();
    assert_eq!(error, "cannot listen on 251 interfaces by name, at most 250; use Interface = any");
}

/// What the watcher is told, in short.
fn told(followed: &Followed) -> Vec<String> {
    assert!(followed.failures.is_empty(), "{:?}", followed.failures);
    let told = followed.changes.iter().map(|change| match change {
        Change::Opened(number) => format!("+{}", number.0),
        Change::Replaced { old, new } => format!("{}>{}", old.0, new.0),
        Change::Closed(number) => format!("-{}", number.0),
    });
    told.collect()
}

fn doors(sequence: &str) -> Vec<Door> {
    let text = format!("[door]\nSequence = {sequence}\nCommand = true\n");
    let config = knock_core::config::read("knockd.conf", text.as_bytes()).unwrap().config;
    config.doors.iter().filter_map(|door| door.door(knock_core::door::DoorNumber(0), None)).collect()
}

#[test]
fn sockets_are_replaced_when_other_packets_matter_and_one_at_a_time() {
    let test = "monitor::listening::tests::sockets_are_replaced_when_other_packets_matter_and_one_at_a_time";
    in_own_network(test, || {
        let (links, wanted) = (Links::open().unwrap(), Listen::Named(vec!["lo".to_owned()]));
        let mut listening =
            Listening { filters: Filters::without_memory(), ..Listening::new(Families::Both, false) };
        listening.set_doors(doors("1,2,3"));
        assert_eq!(told(&listening.follow(&wanted, &links)), ["+0"]);
        // Every TCP port matters as before, and the same one the most.
        listening.set_doors(doors("1,5,6"));
        assert!(!listening.is_stale());
        assert_eq!(told(&listening.follow(&wanted, &links)), [""; 0]);
        listening.set_doors(doors("4:udp,2,3"));
        assert!(listening.is_stale() && !listening.is_replacing());
        assert_eq!(told(&listening.follow(&wanted, &links)), ["0>1"]);
        assert!(!listening.is_stale() && listening.is_replacing());
        // The next has to wait until the watcher has emptied the first.
        listening.set_doors(doors("1:udp,2:udp"));
        assert_eq!(told(&listening.follow(&wanted, &links)), [""; 0]);
        listening.forget_replaced();
        assert!(listening.is_stale() && !listening.is_replacing());
        assert_eq!(told(&listening.follow(&wanted, &links)), ["1>2"]);
        assert_eq!(told(&listening.follow(&Listen::Named(Vec::new()), &links)), ["-2"]);
    });
}

/// As root: where extended BPF is not allowed they are replaced.
#[test]
fn sockets_with_exact_filters_stay() {
    let test = "monitor::listening::tests::sockets_with_exact_filters_stay";
    in_own_network(test, || {
        let (links, wanted) = (Links::open().unwrap(), Listen::Named(vec!["lo".to_owned()]));
        let mut listening = Listening::new(Families::Both, false);
        listening.set_doors(doors("1,2,3"));
        assert_eq!(told(&listening.follow(&wanted, &links)), ["+0"]);
        listening.set_doors(doors("4:udp,2,3"));
        let is_exact = listening.filter_kind() == FilterKind::Exact;
        assert_eq!(listening.is_stale(), !is_exact);
        let expected: &[&str] = if is_exact { &[] } else { &["0>1"] };
        assert_eq!(told(&listening.follow(&wanted, &links)), expected);
        assert_eq!(listening.is_replacing(), !is_exact);
        listening.forget_replaced();
        assert!(!listening.is_stale() && !listening.is_replacing() && listening.going.is_empty());
    });
}
