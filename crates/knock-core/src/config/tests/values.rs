//! Sound values, and the limits between sound and not.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use super::{
    super::{
        ControlSocket, DIRECTIVES, DoorKey, GuardOnExit, Key, Listen, LogFormat, OptionKey, Options, Reknock,
        SequenceSource, Wrong,
    },
    config, door, wrong, wrongs,
};
use crate::door::{Door, DoorNumber, FlagRule, TcpFlags, WrongPort};

fn options(lines: &str) -> Options {
    config(&format!("[options]\n{lines}")).options
}

fn refused(lines: &str) -> bool {
    matches!(wrong(lines), (4, _, _, Wrong::Value(_)))
}

#[test]
fn what_is_not_given_has_its_default() {
    let door = door("");
    assert_eq!(door.timeout, Duration::from_secs(25));
    assert_eq!(door.cmd_timeout, Duration::from_secs(10));
    assert_eq!(door.flags, FlagRule::default());
    assert_eq!((door.target, door.wrong_port, door.reknock), (None, WrongPort::Discard, Reknock::Again));
    let options = options("");
    assert_eq!(options, Options::default());
    assert_eq!((options.max_commands, options.max_attempts, options.syslog), (32, 1_000_000, false));
}

#[test]
fn the_table_knows_the_defaults() {
    for directive in DIRECTIVES {
        let Some(default) = directive.default else { continue };
        let line = format!("{} = {default}\n", directive.name);
        match directive.key {
            Key::Option(_) => assert_eq!(options(&line), Options::default(), "{line}"),
            Key::Door(_) => assert_eq!(door(&line), door(""), "{line}"),
        }
    }
}

#[test]
fn options_are_read_in_any_case() {
    assert_eq!(
        config(
            "[OPTIONS]\n\tUSESYSLOG\nlogfile=/var/log/a b #1.log\nLOGFORMAT=JSON\n  PidFile = /run/k.pid  \nStatedir=/var/k#\ncontrolsocket=/run/k.sock\ninterface = eth0, wlan0 ppp0,eth0\n\
             interfacewait = Yes\nmaxcommands = 1024\nMaxAttempts = 1024\nguardonexit=remove\n"
        )
        .options,
        Options {
            syslog: true,
            log_file: Some(PathBuf::from("/var/log/a b #1.log")),
            log_format: LogFormat::Json,
            pid_file: Some(PathBuf::from("/run/k.pid")),
            state_dir: Some(PathBuf::from("/var/k#")),
            control_socket: Some(ControlSocket::At(PathBuf::from("/run/k.sock"))),
            interfaces: Some(Listen::Named(vec!["eth0".to_owned(), "wlan0".to_owned(), "ppp0".to_owned()])),
            interface_wait: Some(true),
            max_commands: 1024,
            max_attempts: 1024,
            guard_on_exit: GuardOnExit::Remove,
        }
    );
    assert_eq!(options("InterfaceWait = NO # never\n").interface_wait, Some(false));
    for off in ["ControlSocket = none\n", "ControlSocket =\n"] {
        assert_eq!(options(off).control_socket, Some(ControlSocket::Off), "{off}");
    }
    assert_eq!(options("Interface = Any\n").interfaces, Some(Listen::Any));
    assert_eq!(
        options("Interface = eth0:1, a#b # home").interfaces,
        Some(Listen::Named(vec!["eth0:1".to_owned(), "a#b".to_owned()]))
    );
}

#[test]
fn options_have_limits() {
    for (line, column) in [
        ("MaxCommands = 0", 15),
        ("MaxCommands = 1025", 15),
        ("MaxCommands = +7", 15),
        ("MaxAttempts = 1023", 15),
        ("MaxAttempts = 4000001", 15),
        ("MaxAttempts = 99999999999999999999999", 15),
        ("InterfaceWait = 1", 17),
        ("InterfaceWait = yes, no", 17),
        ("Interface = any, eth0", 13),
        ("Interface = eth0 any", 18),
        ("Interface = /dev/eth0", 13),
        ("Interface = eth0, a234567890123456", 19),
        ("Interface = ,", 13),
        ("GuardOnExit = yes", 15),
        ("LogFormat = xml", 13),
    ] {
        let found = wrongs(&format!("[options]\n{line}\n"));
        assert!(matches!(found[..], [(2, at, _, Wrong::Value(_))] if at == column), "{line}: {found:?}");
    }
}

#[test]
fn times_are_seconds() {
    let timeout = |text: &str| door(&format!("Seq_Timeout = {text}")).timeout;
    assert_eq!(timeout("5"), Duration::from_secs(5));
    assert_eq!(timeout("007.5"), Duration::from_millis(7500));
    assert_eq!(timeout("0.000000001"), Duration::from_nanos(1));
    assert_eq!(timeout("2147483647"), Duration::from_secs(2_147_483_647));
    assert_eq!(timeout("5 # for slow lines"), Duration::from_secs(5));
    for unit in ["5s", "5 sec", "5 SECONDS"] {
        assert_eq!(timeout(unit), Duration::from_secs(5));
    }
    assert_eq!(door("Cmd_Timeout = 0").cmd_timeout, Duration::ZERO);
    assert_eq!(door("Timeout = 3").timeout, Duration::from_secs(3));
    for text in [
        "",
        "0",
        "0.0",
        "-5",
        "+5",
        "abc",
        "5m",
        "5.",
        ".5",
        "1.0000000001",
        "2147483648",
        "1,5",
        "1e3",
        "5 6",
        "\"5\"",
    ] {
        assert!(refused(&format!("Seq_Timeout = {text}")), "{text}");
    }
    for text in ["", "-1", "ten", "10 min"] {
        assert!(refused(&format!("Cmd_Timeout = {text}")), "{text}");
    }
}

#[test]
fn flags_are_named_or_denied() {
    let flags = |text: &str| door(&format!("tcpflags = {text}")).flags;
    let rule = |set, clear| FlagRule { set: TcpFlags(set), clear: TcpFlags(clear) };
    assert_eq!(flags("syn"), rule(0x02, 0));
    assert_eq!(flags("SYN , ! ack,urg"), rule(0x22, 0x10));
    assert_eq!(flags("fin,!ack # a comment"), rule(0x01, 0x10));
    assert_eq!(flags("syn,ack\nTCPFlags = !ack,psh"), rule(0x0a, 0x10));
    for text in ["", "foo", "syn,", "syn ack", "syn|ack", "!!syn", "none"] {
        assert!(refused(&format!("tcpflags = {text}")), "{text}");
    }
    assert_eq!(wrong("tcpflags = syn, !syn"), (4, 17, 4, Wrong::Contradiction));
}

#[test]
fn targets_are_addresses() {
    let target = |text: &str| door(&format!("Target = {text}")).target;
    assert_eq!(target("192.0.2.1"), "192.0.2.1".parse().ok());
    assert_eq!(target("2001:db8::1 # the other"), "2001:db8::1".parse().ok());
    assert_eq!(target("::ffff:192.0.2.1"), "192.0.2.1".parse().ok());
    for text in ["", "localhost", "10.1", "10.0.0.0/8", "fe80::1%eth0", "0.0.0.0", "::", "::ffff:0.0.0.0"] {
        assert!(refused(&format!("Target = {text}")), "{text}");
    }
}

#[test]
fn words_are_read_in_any_case() {
    assert_eq!(door("Wrong_Port = IGNORE").wrong_port, WrongPort::Ignore);
    assert_eq!(door("reknock = Extend\nstop_command = y").reknock, Reknock::Extend);
    assert!(refused("Wrong_Port = maybe"));
    assert!(refused("Reknock ="));
}

#[test]
fn commands_are_taken_as_they_are() {
    let [v4, v6]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    let one = door("start_command =  a = 'b'\t# c  \r\nCommand_6 = six\nstop_command=e\nstop_command_6 =\n");
    assert_eq!((one.start(v4), one.start(v6)), (Some("a = 'b'\t# c"), Some("six")));
    assert_eq!((one.stop(v4), one.stop(v6)), (Some("e"), None));
    let two = door("");
    assert_eq!((two.start(v6), two.stop(v4)), (Some("x"), None));
}

#[test]
fn a_door_goes_to_the_engine() {
    let number = DoorNumber(3);
    let one = door("TCPFlags = syn\nTarget = 192.0.2.1\nWrong_Port = ignore\nSeq_Timeout = 4\n");
    let other = "5,6".parse().unwrap();
    assert_eq!(
        one.door(number, Some(&other)),
        Some(Door {
            number,
            sequence: "7,9,8".parse().unwrap(),
            timeout: Duration::from_secs(4),
            flags: one.flags,
            wrong_port: WrongPort::Ignore,
            target: one.target,
            one_time: false,
            after: None,
        })
    );
    assert_eq!(one.one_time_file(), None);
    let two = &config("[d]\nOne_Time_Sequences = /etc/k #1\nCommand = x\n").doors[0];
    assert_eq!(two.source, SequenceSource::OneTime(PathBuf::from("/etc/k #1")));
    assert_eq!(two.door(number, None), None);
    let door = two.door(number, Some(&other)).unwrap();
    assert_eq!((door.sequence, door.one_time), (other, true));
}

#[test]
fn every_directive_of_the_table_can_be_given() {
    for directive in DIRECTIVES {
        for name in directive.names() {
            let value = match directive.key {
                Key::Option(OptionKey::UseSyslog) => "",
                Key::Option(OptionKey::Interface) => "= eth7",
                Key::Option(OptionKey::InterfaceWait) => "= no",
                Key::Option(OptionKey::MaxCommands) => "= 5",
                Key::Option(OptionKey::MaxAttempts) => "= 5000",
                Key::Option(OptionKey::LogFormat) => "= json",
                Key::Option(OptionKey::ControlSocket) => "= none",
                Key::Option(OptionKey::GuardOnExit) => "= remove",
                Key::Option(OptionKey::LogFile | OptionKey::PidFile | OptionKey::StateDir)
                | Key::Door(DoorKey::OneTimeSequences) => "= /a/b",
                Key::Door(DoorKey::Sequence) => "= 3,1,2",
                Key::Door(DoorKey::SeqTimeout | DoorKey::CmdTimeout) => "= 3",
                Key::Door(DoorKey::TcpFlags) => "= fin",
                Key::Door(DoorKey::Target) => "= 192.0.2.9",
                Key::Door(DoorKey::Open) => "= tcp/22",
                Key::Door(DoorKey::OpenSet | DoorKey::OpenSet6) => "= inet t s",
                Key::Door(DoorKey::WrongPort) => "= ignore",
                Key::Door(DoorKey::Reknock) => "= extend",
                Key::Door(_) => "= echo 5",
            };
            let line = format!("{name} {value}\n");
            match directive.key {
                Key::Option(_) => assert_ne!(options(&line), Options::default(), "{line}"),
                Key::Door(_) => assert_ne!(door(&line), door(""), "{line}"),
            }
        }
    }
}
