//! Texts that are read with a warning.

use super::{
    super::{Directive, Doubt, SequenceSource, read},
    checked, config, door_doubts, doubts,
};
use crate::door::WrongPort;

fn named(name: &str) -> &'static Directive {
    Directive::named(name).unwrap()
}

/// What is doubtful about a sequence, in a door with these other lines.
fn sequence(value: &str, lines: &str) -> Vec<(usize, usize, Doubt)> {
    let found = doubts(&format!("[d]\nCommand = x\nSequence = {value}\n{lines}"));
    found.into_iter().map(|(_, column, width, doubt)| (column, width, doubt)).collect()
}

#[test]
fn a_good_file_raises_no_doubts() {
    assert_eq!(door_doubts("Stop_Command = y %IP%\nCmd_Timeout = 5\nReknock = extend\nTCPFlags = syn\n"), []);
}

#[test]
fn warnings_are_shown_like_mistakes() {
    let warnings = checked("[options]\n[ä b]\n\tSequence = 1,3,2\n").warnings;
    assert_eq!(
        warnings[0].to_string(),
        "knockd.conf:2:2: warning: door \"ä b\" has no command\n    2 | [ä b]\n      |  ^^^ nothing happens when it opens"
    );
    assert_eq!(
        checked("[options]").warnings[0].to_string(),
        "knockd.conf: warning: there is no door: nobody can knock"
    );
}

#[test]
fn weak_sequences_are_told() {
    let order = |falls, wrong_port| Doubt::InOrder { falls, wrong_port };
    assert_eq!(sequence("1,2", ""), [(12, 3, Doubt::Short)]);
    assert_eq!(sequence("1,2:udp,3", ""), [(12, 9, order(false, WrongPort::Discard))]);
    assert_eq!(sequence("3,3:udp,1", "Wrong_Port=ignore"), [(12, 9, order(true, WrongPort::Ignore))]);
    assert_eq!(sequence("2,3,1", ""), []);
}

#[test]
fn what_was_overlooked_is_told() {
    assert_eq!(sequence("1,3,2 # mine, too", ""), [(18, 11, Doubt::Comment)]);
    assert_eq!(sequence("1,3,2#mine", ""), [(17, 5, Doubt::Comment)]);
    assert_eq!(sequence("1,3,2 , # mine", ""), [(18, 1, Doubt::Comma), (20, 6, Doubt::Comment)]);
    assert_eq!(door_doubts("Seq_Timeout = 5s # sec"), [(4, 16, 1, Doubt::Unit), (4, 18, 5, Doubt::Comment)]);
    assert_eq!(door_doubts("UseSyslog # yes"), [(4, 1, 9, Doubt::SyslogInDoor), (4, 11, 5, Doubt::Comment)]);
}

#[test]
fn the_last_of_equal_directives_counts() {
    let text = "[d]\nSequence=7,9,8\nCommand=x\nTimeout=3\nSeq_Timeout = 4\nTIMEOUT=5\nTCPFlags=syn\ntcpflags=!ack\n";
    let twice = |earlier| Doubt::Twice { directive: named("Timeout"), earlier };
    assert_eq!(
        doubts(text),
        [(5, 1, 11, twice(4)), (6, 1, 7, twice(5)), (8, 1, 8, Doubt::MoreFlags { earlier: 7 })]
    );
    assert_eq!(config(text).doors[0].timeout.as_secs(), 5);
    let options =
        "[options]\nUseSyslog\nLogFile=/a\n[d]\nSequence=7,9,8\nCommand=x\n[options]\nUseSyslog\nLogFile=\n";
    let found = doubts(options);
    assert_eq!(
        found,
        [
            (9, 1, 7, Doubt::Twice { directive: named("LogFile"), earlier: 3 }),
            (9, 1, 7, Doubt::Empty(named("LogFile")))
        ]
    );
    assert_eq!(config(options).options.log_file, None);
}

#[test]
fn a_file_of_sequences_counts_after_a_fixed_one() {
    let lines = "One_Time_Sequences = /a\n";
    assert_eq!(door_doubts(lines), [(4, 1, 18, Doubt::TwoSources { earlier: 2 })]);
    assert!(matches!(super::door(lines).source, SequenceSource::OneTime(_)));
}

#[test]
fn missing_commands_are_told() {
    let door = |lines: &str| doubts(&format!("[d]\nSequence=7,9,8\n{lines}"));
    let name = || "d".parse().unwrap();
    assert_eq!(door("Command =\nCmd_Timeout = 5"), [(1, 2, 1, Doubt::NoCommand(name()))]);
    assert_eq!(door("Stop_Command = y"), [(1, 2, 1, Doubt::NoStart(name()))]);
    assert_eq!(door("Command_6 = y"), []);
    assert_eq!(
        door("Command = x\nReknock = extend\nCmd_Timeout = 5"),
        [(4, 1, 7, Doubt::NoStop(named("Reknock"))), (5, 1, 11, Doubt::NoStop(named("Cmd_Timeout")))]
    );
    assert_eq!(sequence("7:udp,9:udp,8:udp", "TCPFlags = syn"), [(1, 8, Doubt::NoTcp)]);
}

#[test]
fn odd_texts_are_told() {
    assert_eq!(
        door_doubts("Stop_Command = a %ip% %IP% 50% %Ip%"),
        [
            (4, 18, 4, Doubt::Placeholder("%ip%".to_owned())),
            (4, 32, 4, Doubt::Placeholder("%Ip%".to_owned()))
        ]
    );
    assert_eq!(door_doubts("Start_Command = \"iptables -A\"")[1], (4, 17, 13, Doubt::Quotes));
    assert_eq!(door_doubts("Stop_Command = '/a' b 'c'\n"), []);
    let options =
        "[d]\nSequence=7,9,8\nCommand=x\n[options]\nLogFile = \"/a\"\nPidFile = a/b\nInterface = 'eth0'\n";
    assert_eq!(
        doubts(options),
        [(5, 11, 4, Doubt::Quotes), (6, 11, 3, Doubt::RelativePath), (7, 13, 6, Doubt::Quotes)]
    );
}

#[test]
fn doors_are_compared() {
    let text = "[a]\nSequence=7,9,8\nCommand=x\n[a]\nSequence=7:tcp, 9, 8\nCommand=x\n[c]\nSequence=7,9,8,1\nCommand=x\n\
                [d]\nSequence=7,9,8\nTarget=192.0.2.1\nCommand=x\n[e]\nSequence=7,9,8,3\nTCPFlags=fin\nCommand=x\n";
    let name = |name: &str| name.parse().unwrap();
    let prefix = || Doubt::Prefix { door: name("a"), prefix: "7,9,8".parse().unwrap() };
    assert_eq!(
        doubts(text),
        [
            (4, 2, 1, Doubt::SameName { name: name("a"), earlier: 1 }),
            (5, 10, 11, Doubt::SameSequence(name("a"))),
            (8, 10, 7, prefix()),
            (15, 10, 7, prefix()),
        ]
    );
    // Where flags tell the doors apart, there is nothing to warn of.
    let flags = text.replacen("Command=x", "Command=x\nTCPFlags=!fin", 1);
    assert!(!doubts(&flags).iter().any(|(line, .., doubt)| *line > 10 && *doubt == prefix()));
}

#[test]
fn doors_with_one_file_are_told() {
    let text = "[a]\nOne_Time_Sequences=/f\nCommand=x\n[b]\nOne_Time_Sequences=/f\nCommand=x\n\
                [c]\nOne_Time_Sequences=/g\nCommand=x\n[d]\nSequence=7,9,8\nCommand=x\n";
    assert_eq!(doubts(text), [(5, 20, 2, Doubt::SameFile("a".parse().unwrap()))]);
}

#[test]
fn bytes_in_comments_are_free() {
    let text = b"\xef\xbb\xbf# \xe4\0\n[d]\r\nSequence = 1,3,2 # \xfc\r\nCommand = x";
    let checked = read("f", text).unwrap();
    assert_eq!(checked.config.doors.len(), 1);
    assert_eq!(checked.warnings.len(), 1);
}
