use std::{num::NonZeroU16, time::Duration};

use super::*;
use crate::{
    origin::Origin,
    plan::{Check, Errand, Knocks, Manner, Plan},
};

fn read_call(line: &str) -> Result<Call, Refusal> {
    call(format!("knock {line}").split_whitespace().map(OsString::from))
}

fn read(line: &str) -> Result<Plan, Refusal> {
    read_call(line)?.plan()
}

/// What is said about a wrong command line.
fn mistake(line: &str) -> String {
    match read(line) {
        Err(Refusal::Usage(mistake)) => mistake,
        other => panic!("{line}: {other:?}"),
    }
}

fn information(line: &str) -> String {
    match read(line) {
        Err(Refusal::Information(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

fn knocks(line: &str) -> String {
    match read(line).unwrap().knocks {
        Knocks::Given(knocks) => knocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Knocks::OneTime(path) => path.display().to_string(),
    }
}

#[test]
fn a_plain_line_means_what_it_always_did() {
    let plan = read("host 7000 8000:udp 9000").unwrap();
    let expected = Plan {
        host: "host".to_owned(),
        family: Family::Any,
        knocks: Knocks::Given(["7000", "8000:udp", "9000"].map(|knock| knock.parse().unwrap()).to_vec()),
        origin: Origin::default(),
        delay: Duration::from_millis(100),
        check: None,
        errand: Errand::None,
        manner: Manner::Quiet,
    };
    assert_eq!(plan, expected);
}

#[test]
fn options_stand_anywhere() {
    assert_eq!(read("-v host 7 -u -d 5").unwrap(), read("--udp --delay 5 --verbose host 7").unwrap());
    assert_eq!(read("-6 host 7").unwrap().family, read("host 7 --ipv6").unwrap().family);
}

#[test]
fn udp_is_only_the_default() {
    assert_eq!(knocks("-u host 7 8:tcp 9"), "7:udp 8:tcp 9:udp");
}

#[test]
fn more_knocks_than_a_door_has_are_welcome() {
    let ports = vec!["7"; 100].join(" ");
    assert_eq!(knocks(&format!("host {ports}")).split(' ').count(), 100);
}

#[test]
fn a_one_time_file_takes_the_place_of_ports() {
    assert_eq!(knocks("--one-time /f host"), "/f");
    assert!(mistake("--one-time /f host 7").contains("cannot be used with"));
    assert!(mistake("--one-time /f -u host").contains("cannot be used with"));
    assert!(mistake("--one-time /f --both host").contains("cannot be used with"));
}

#[test]
fn a_source_decides_the_family() {
    assert_eq!(read("--source 192.0.2.1 host 7").unwrap().family, Family::V4);
    assert_eq!(read("--source ::ffff:192.0.2.1 host 7").unwrap().family, Family::V4);
    assert_eq!(read("--source 2001:db8::1 -6 host 7").unwrap().family, Family::V6);
    assert_eq!(
        mistake("--source 192.0.2.1 -6 host 7"),
        "--source 192.0.2.1 is not an address of the family asked for"
    );
    assert!(mistake("--source 192.0.2.1 --both host 7").contains("cannot be used with"));
    assert!(mistake("--source here host 7").contains("invalid IP address"));
}

#[test]
fn families_exclude_each_other() {
    assert_eq!(read("--both host 7").unwrap().family, Family::Both);
    for line in ["-4 -6 host 7", "-4 --both host 7", "-6 --both host 7"] {
        assert!(mistake(line).contains("cannot be used with"), "{line}");
    }
}

#[test]
fn a_check_has_defaults_and_its_options_need_it() {
    let port = NonZeroU16::new(22).unwrap();
    let default = Check { port, timeout: Duration::from_secs(5), retries: 2 };
    assert_eq!(read("--verify 22 host 7").unwrap().check, Some(default));
    let own = Check { port, timeout: Duration::from_millis(500), retries: 0 };
    assert_eq!(read("--verify 22:tcp --timeout .5 --retries 0 host 7").unwrap().check, Some(own));
    assert!(mistake("--timeout 3 host 7").contains("--verify"));
    assert!(mistake("--retries 3 host 7").contains("--verify"));
}

#[cfg(target_os = "linux")]
#[test]
fn an_interface_is_named() {
    let interface = read("--interface eth0 host 7").unwrap().origin.interface;
    assert_eq!(interface, Some("eth0".parse().unwrap()));
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[test]
fn an_interface_cannot_be_named_here() {
    assert!(mistake("--interface eth0 host 7").contains("only Linux"));
}

#[test]
fn without_ports_a_name_is_a_profile() {
    let call = read_call("-v -d 5 --config /c server").unwrap();
    assert_eq!(call.subject, Subject::Profile("server".to_owned()));
    assert_eq!(call.config, Some("/c".into()));
    assert_eq!((call.settings.delay, call.settings.verbose), (Some(Duration::from_millis(5)), true));
    assert!(mistake("--config /c host 7").starts_with("--config is for profiles"));
    assert!(mistake("--config /c --one-time /f host").starts_with("--config is for profiles"));
}

#[test]
fn a_command_comes_last() {
    let call = read_call("-v server -- ssh -v server -- x").unwrap();
    assert_eq!(call.subject, Subject::Profile("server".to_owned()));
    assert_eq!(call.command, ["ssh", "-v", "server", "--", "x"]);
    let run = |rest: &str| Errand::Run("ssh".into(), rest.split_whitespace().map(OsString::from).collect());
    assert_eq!(read("host 7 8 -- ssh host").unwrap().errand, run("host"));
    assert_eq!(read("--one-time /f host -- ssh").unwrap().errand, run(""));
    assert_eq!(mistake("-d soon server -- ssh"), mistake("-d soon server"));
    for line in ["--proxy server -- ssh", "--proxy server h -- ssh"] {
        assert_eq!(mistake(line), "--proxy cannot be used with a COMMAND");
    }
}

#[test]
fn where_no_command_can_be_two_dashes_end_the_options_as_ever() {
    let plain = read("host 7 8:udp").unwrap();
    for line in ["-- host 7 8:udp", "host -- 7 8:udp", "host 7 -- 8:udp", "host 7 8:udp --"] {
        assert_eq!(read(line).unwrap(), plain, "{line}");
    }
    assert!(mistake("-- host ssh").contains("invalid value 'ssh'"));
    assert_eq!(read_call("server --").unwrap(), read_call("server").unwrap());
}

#[test]
fn a_proxy_may_be_told_where_to_connect() {
    let proxy = |host: Option<&str>, port| Subject::Proxy {
        name: "server".to_owned(),
        host: host.map(str::to_owned),
        port: NonZeroU16::new(port),
    };
    let subject = |line| read_call(line).unwrap().subject;
    assert_eq!(subject("--proxy server"), proxy(None, 0));
    assert_eq!(subject("--proxy server h"), proxy(Some("h"), 0));
    assert_eq!(subject("--proxy=server h 22"), proxy(Some("h"), 22));
    assert_eq!(mistake("--proxy server h 22 23"), "--proxy connects to one port only");
    assert_eq!(mistake("--proxy server h 22:udp"), "only a TCP port can be connected to");
    for line in ["--proxy p --both", "--proxy p --one-time /f", "--proxy p -u"] {
        assert!(mistake(line).contains("cannot be used with"), "{line}");
    }
}

#[test]
fn mistakes_are_told_in_one_line() {
    assert_eq!(
        mistake("host 7 70000"),
        "invalid value '70000' for '[PORT[:PROTO]]...': a port is a whole number from 1 to 65535"
    );
    assert_eq!(mistake(""), NO_HOST);
    assert_eq!(mistake("-v --"), NO_HOST);
    assert_eq!(
        mistake("--verfy 2 host 7"),
        "unexpected argument '--verfy' found; a similar argument exists: '--verify'"
    );
    let lines = ["", "--bogus", "-d", "-d x host 7", "-d -5 host 7", "host 7:icmp", "-4 -6 host 7"];
    for line in lines {
        assert!(!mistake(line).contains('\n'), "{line}");
    }
}

#[test]
fn help_fits_on_a_terminal_and_is_complete() {
    let help = information("--help");
    assert_eq!(help, information("-h"));
    for line in help.lines() {
        assert!(line.chars().count() < 80, "{line}");
    }
    for word in
        ["--one-time", "--verify", "--source", "--proxy", "--config", "--both", "Exit status:", "Examples:"]
    {
        assert!(help.contains(word), "{word}");
    }
    assert!(help.ends_with('\n') && !help.ends_with("\n\n"));
}

#[test]
fn the_version_is_a_line() {
    assert_eq!(information("-V"), format!("knock {}\n", env!("CARGO_PKG_VERSION")));
}
