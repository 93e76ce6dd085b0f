//! The configuration files that we ship are read without a mistake and without a doubt.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::super::{Config, Opens, Reknock, SequenceSource, read};
use crate::one_time::{MARK, OneTime};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn example(name: &str) -> Config {
    let text = fs::read(folder().join(name)).unwrap();
    let checked = read(name, &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let warnings: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{}", warnings.join("\n"));
    checked.config
}

#[test]
fn every_example_is_sound() {
    let names =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut read: Vec<_> =
        names.filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "conf")).collect();
    read.sort();
    assert_eq!(
        read,
        ["close-by-itself.conf", "knockd.conf", "native.conf", "one-time.conf", "open-and-close.conf"]
    );
    for name in read {
        assert!(!example(&name).doors.is_empty(), "{name}");
    }
}

#[test]
fn what_is_commented_out_in_the_annotated_file_is_sound_as_well() {
    let text = fs::read_to_string(folder().join("knockd.conf")).unwrap();
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| match line.trim_start().strip_prefix('#') {
            Some(rest) if rest.starts_with('[') || rest.contains(" = ") && !rest.contains(": ") => rest,
            _ => line,
        })
        .collect();
    let checked =
        read("knockd.conf", uncommented.join("\n").as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(checked.warnings, []);
    assert_eq!(checked.config.doors.len(), 2);
    assert!(checked.config.options.log_file.is_some());
}

#[test]
fn a_door_opens_by_itself() {
    let door = &example("native.conf").doors[0];
    assert_eq!(door.opens, Opens::Ports("tcp/22, udp/60000-61000".parse().unwrap()));
    assert_eq!((door.cmd_timeout, door.reknock), (Duration::from_secs(30), Reknock::Extend));
    assert!(door.start.is_nothing() && door.stop.is_nothing());
}

#[test]
fn two_doors_open_and_close() {
    let doors = example("open-and-close.conf").doors;
    let address = "192.0.2.1".parse().unwrap();
    let commands: Vec<_> =
        doors.iter().map(|door| (door.start(address).unwrap(), door.stop(address))).collect();
    assert_eq!(
        commands,
        [
            ("/usr/sbin/iptables -w -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT", None),
            ("/usr/sbin/iptables -w -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT", None),
        ]
    );
}

#[test]
fn a_door_closes_by_itself() {
    let door = &example("close-by-itself.conf").doors[0];
    assert_eq!(door.flags.set.to_string(), "syn,ack");
    assert_eq!((door.timeout, door.cmd_timeout), (Duration::from_secs(15), Duration::from_secs(5)));
    for source in ["192.0.2.1", "2001:db8::1"] {
        let source = source.parse().unwrap();
        assert_eq!(door.start(source).unwrap().replace("-A", "-D"), door.stop(source).unwrap());
    }
}

#[test]
fn one_time_sequences_are_used_up_one_by_one() {
    let door = &example("one-time.conf").doors[0];
    let file = Path::new("/etc/knockd/one-time.sequences");
    assert_eq!(door.source, SequenceSource::OneTime(file.to_owned()));
    assert_eq!(
        (door.flags.set.to_string(), door.flags.clear.to_string()),
        ("fin".to_owned(), "ack".to_owned())
    );
    let mut text = fs::read(folder().join(file.file_name().unwrap())).unwrap();
    for left in (1..=5).rev() {
        let read = OneTime::read(&text);
        assert_eq!((read.left, read.mistakes, read.repeats), (left, vec![], vec![]));
        let next = read.next.unwrap();
        assert!(next.sequence.knocks().len() > 3);
        text[usize::try_from(next.offset).unwrap()] = MARK;
    }
    assert_eq!(OneTime::read(&text).next, None);
}
