//! Files as they are written for the classic daemon: the examples of its manual, and oddities that it reads.

use std::{path::PathBuf, time::Duration};

use super::{
    super::{Doubt, SequenceSource},
    checked, config, door, doubts,
};
use crate::door::{FlagRule, TcpFlags, WrongPort};

const OPEN_AND_CLOSE: &str = "
[options]
     logfile = /var/log/knockd.log

[openSSH]
     sequence    = 7000,8000,9000
     seq_timeout = 10
     tcpflags    = syn
     command     = /sbin/iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT

[closeSSH]
     sequence    = 9000,8000,7000
     seq_timeout = 10
     tcpflags    = syn
     command     = /sbin/iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
";

const TIMED: &str = "
[options]
     logfile = /var/log/knockd.log

[opencloseSSH]
     sequence      = 2222:udp,3333:tcp,4444:udp
     seq_timeout   = 15
     tcpflags      = syn,ack
     start_command = /usr/sbin/iptables -A INPUT -s %IP% -p tcp --syn -j ACCEPT
     cmd_timeout   = 5
     stop_command  = /usr/sbin/iptables -D INPUT -s %IP% -p tcp --syn -j ACCEPT
";

const ONE_TIME: &str = "
[options]
     logfile = /var/log/knockd.log

[opencloseSMTP]
     one_time_sequences = /etc/knockd/smtp_sequences
     seq_timeout        = 15
     tcpflags           = fin,!ack
     start_command      = /usr/sbin/iptables -A INPUT -s %IP% -p tcp --dport 25 -j ACCEPT
     cmd_timeout        = 5
     stop_command       = /usr/sbin/iptables -D INPUT -s %IP% -p tcp --dport 25 -j ACCEPT
";

const BOTH_FAMILIES: &str = "
     start_command_6    = /usr/sbin/ip6tables -A INPUT -s %IP% -p tcp --dport 25 -j ACCEPT
     stop_command_6     = /usr/sbin/ip6tables -D INPUT -s %IP% -p tcp --dport 25 -j ACCEPT
";

#[test]
fn two_doors_open_and_close() {
    let checked = checked(OPEN_AND_CLOSE);
    assert_eq!(checked.config.options.log_file, Some(PathBuf::from("/var/log/knockd.log")));
    let [open, close] = &checked.config.doors[..] else { panic!("two doors") };
    assert_eq!((open.name.as_str(), close.name.as_str()), ("openSSH", "closeSSH"));
    assert_eq!(close.source, SequenceSource::Fixed("9000,8000,7000".parse().unwrap()));
    assert_eq!(open.flags, FlagRule { set: TcpFlags(2), clear: TcpFlags(0) });
    let command = "/sbin/iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT";
    assert_eq!(close.start("192.0.2.1".parse().unwrap()), Some(command));
    let order = |falls| Doubt::InOrder { falls, wrong_port: WrongPort::Discard };
    let doubts: Vec<_> = checked.warnings.into_iter().map(|warning| warning.doubt).collect();
    assert_eq!(doubts, [order(false), order(true)]);
}

#[test]
fn a_door_closes_by_itself() {
    let door = &config(TIMED).doors[0];
    assert_eq!(door.source, SequenceSource::Fixed("2222:udp,3333:tcp,4444:udp".parse().unwrap()));
    assert_eq!((door.timeout, door.cmd_timeout), (Duration::from_secs(15), Duration::from_secs(5)));
    assert_eq!(door.flags, FlagRule { set: TcpFlags(0x12), clear: TcpFlags(0) });
    assert!(door.stop("192.0.2.1".parse().unwrap()).unwrap().contains("-D INPUT"));
}

#[test]
fn a_file_holds_the_sequences() {
    let text = format!("{ONE_TIME}{BOTH_FAMILIES}");
    let door = &config(&text).doors[0];
    assert_eq!(door.source, SequenceSource::OneTime(PathBuf::from("/etc/knockd/smtp_sequences")));
    assert_eq!(door.flags, FlagRule { set: TcpFlags(1), clear: TcpFlags(0x10) });
    assert!(door.stop("192.0.2.1".parse().unwrap()).unwrap().starts_with("/usr/sbin/iptables -D"));
    assert!(door.stop("2001:db8::1".parse().unwrap()).unwrap().starts_with("/usr/sbin/ip6tables -D"));
    assert_eq!(doubts(&text), []);
}

#[test]
fn blanks_and_line_ends_do_not_matter() {
    for text in [
        "[d]\r\n\tSequence\t=\t7,9,8\t\r\nCommand = x\r\n",
        "  # c\n\n \t\n   [d]  \n\x0bsequence=7 , 9:TCP,8 : tcp\x0c\n  # d\n\tCOMMAND=x",
        "\u{feff}[ d ]\nSEQUENCE = 007,9,8\ncommand =\tx \n[options]\n",
    ] {
        assert_eq!(config(text).doors, [door("")], "{text}");
    }
}

#[test]
fn lines_can_be_long() {
    let command = "a".repeat(100_000);
    let door = door(&format!("Stop_Command = {command}\n"));
    assert_eq!(door.stop("192.0.2.1".parse().unwrap()), Some(command.as_str()));
}

#[test]
fn names_are_as_free_as_they_were() {
    for name in ["a]b", "[a]", "#a", "my door", "Tür:1"] {
        let door = &config(&format!("[{name}]\nSequence = 7,9,8\nCommand = x\n")).doors[0];
        assert_eq!(door.name.as_str(), name);
    }
}
