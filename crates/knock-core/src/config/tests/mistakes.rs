//! Texts that are refused.

use super::{
    super::{Directive, DoorName, Mistakes, NameMistake, SectionKind, Wrong, read},
    refused, wrong, wrongs,
};
use crate::sequence::SequenceMistake;

fn named(name: &str) -> &'static Directive {
    Directive::named(name).unwrap()
}

fn refused_bytes(text: &[u8]) -> Mistakes {
    read("f", text).unwrap_err()
}

#[test]
fn all_mistakes_are_shown_in_order() {
    let text = "[options]\n\tuse_syslog\n\tSequence = 1,2,3\n[a]\n\tseq_timout = 5\n\tsequence = 1, 2:icmp\n\ttcpflags = syn,foo\n\n[b]\n";
    let shown = "\
knockd.conf:2:2: unknown directive \"use_syslog\"
    2 | \tuse_syslog
      | \t^^^^^^^^^^ did you mean \"UseSyslog\"?
knockd.conf:3:2: \"Sequence\" in [options]
    3 | \tSequence = 1,2,3
      | \t^^^^^^^^ it belongs in a door's section
knockd.conf:5:2: unknown directive \"seq_timout\"
    5 | \tseq_timout = 5
      | \t^^^^^^^^^^ did you mean \"Seq_Timeout\"?
knockd.conf:6:18: bad protocol
    6 | \tsequence = 1, 2:icmp
      | \t                ^^^^ a protocol is tcp or udp
knockd.conf:7:17: bad value for \"TCPFlags\"
    7 | \ttcpflags = syn,foo
      | \t               ^^^ expected fin, syn, rst, psh, ack or urg with commas between them, ! in front of one that has to be clear
knockd.conf:9:2: door \"b\" has no sequence
    9 | [b]
      |  ^ expected \"Sequence\" or \"One_Time_Sequences\" in its section";
    assert_eq!(refused(text).to_string(), shown);
}

#[test]
fn warnings_are_told_beside_mistakes() {
    let mistakes = refused("[a]\nSequence = 1,2\n[b]\nSequence = 0\n");
    assert_eq!(mistakes.mistakes().len(), 1);
    assert_eq!(mistakes.warnings().len(), 2);
    let shown = mistakes.to_string();
    assert!(shown.starts_with("knockd.conf:1:2: warning: door \"a\" has no command\n"), "{shown}");
    assert!(shown.contains("\nknockd.conf:4:12: bad port\n"), "{shown}");
}

#[test]
fn sequences_are_marked_where_they_are_wrong() {
    let wrong = |value: &str| {
        let mut wrongs = wrongs(&format!("[d]\nCommand = x\nSequence = {value}\n"));
        assert_eq!(wrongs.len(), 1, "{wrongs:?}");
        let (3, column, width, Wrong::Sequence(mistake)) = wrongs.remove(0) else { panic!("{value}") };
        (column, width, mistake)
    };
    assert_eq!(wrong(""), (11, 0, SequenceMistake::Empty));
    assert_eq!(wrong("# 1,2,3"), (12, 0, SequenceMistake::Empty));
    assert_eq!(wrong("0,2,3"), (12, 1, SequenceMistake::Port));
    assert_eq!(wrong("1, 65536,3"), (15, 5, SequenceMistake::Port));
    assert_eq!(wrong("1,,3"), (14, 0, SequenceMistake::MissingKnock));
    assert_eq!(wrong("1,2,,"), (16, 0, SequenceMistake::MissingKnock));
    assert_eq!(wrong("\"1\",2,3"), (12, 3, SequenceMistake::Port));
    assert_eq!(wrong("1 2 3"), (12, 5, SequenceMistake::Port));
    assert_eq!(wrong("80/udp,81"), (12, 6, SequenceMistake::Port));
    assert_eq!(wrong("1:,2"), (14, 0, SequenceMistake::Protocol));
    assert_eq!(wrong(&["1"; 33].join(",")), (12, 65, SequenceMistake::TooLong));
}

#[test]
fn all_mistakes_of_a_value_are_shown() {
    let places = |lines: &str| {
        let found = wrongs(&format!("[options]\nInterface = eth0\n[d]\nCommand = x\n{lines}\n"));
        found.into_iter().map(|(_, column, width, _)| (column, width)).collect::<Vec<_>>()
    };
    assert_eq!(places("Sequence = 70000, x,3:icmp, 4"), [(12, 5), (19, 1), (23, 4)]);
    assert_eq!(places("Sequence = 1,3,2\nOpen = 22, tcp/0-x"), [(8, 2), (16, 1), (18, 1)]);
    assert_eq!(places("Sequence = 1,3,2\nTCPFlags = foo, syn, !syn, bar"), [(12, 3), (22, 4), (28, 3)]);
    let options = wrongs("[options]\nInterface = any, a/b, eth0, any\n");
    let columns: Vec<_> = options.iter().map(|(_, column, ..)| *column).collect();
    assert_eq!(columns, [13, 18, 29]);
}

#[test]
fn a_line_of_mistakes_is_cited_a_few_times() {
    let text = format!("[d]\nCommand = x\nSequence = 1{}\nTarget = x\n", ",".repeat(1_000_000));
    assert_eq!(wrongs(&text).len(), 33);
}

#[test]
fn sections_have_names() {
    assert_eq!(wrongs("[]\nSequence = 1,2,3\n"), [(1, 2, 0, Wrong::Name(NameMistake::Empty))]);
    assert_eq!(wrongs("[ ]"), [(1, 3, 0, Wrong::Name(NameMistake::Empty))]);
    assert_eq!(wrongs("[a\x1bb]"), [(1, 2, 3, Wrong::Name(NameMistake::Unprintable))]);
    let long = "a".repeat(128);
    assert_eq!(wrongs(&format!("[{long}]")), [(1, 2, 128, Wrong::Name(NameMistake::TooLong))]);
    assert_eq!(wrongs("[a\nSequence = 1,2,3"), [(1, 3, 0, Wrong::Header)]);
    assert_eq!(
        wrongs("[options] # c\nLogFile = /a\nSequence = 1"),
        [(1, 14, 0, Wrong::Header), (3, 1, 8, Wrong::Misplaced(named("Sequence"), SectionKind::Options))]
    );
    assert_eq!(wrongs("# c\n  UseSyslog\nFoo\n[a]\nSequence=1,3,2"), [(2, 3, 9, Wrong::NoSection)]);
}

#[test]
fn directives_are_known_complete_and_in_their_place() {
    let unknown = |name: &str| Wrong::Unknown { name: name.to_owned(), section: SectionKind::Door };
    assert_eq!(wrong("foo = 1"), (4, 1, 3, unknown("foo")));
    assert_eq!(wrong("; a comment"), (4, 1, 11, unknown("; a comment")));
    assert_eq!(wrong("= 5"), (4, 1, 0, unknown("")));
    assert_eq!(wrong("LogFile = /a"), (4, 1, 7, Wrong::Misplaced(named("LogFile"), SectionKind::Door)));
    assert_eq!(wrong("Stop_Command"), (4, 13, 0, Wrong::NoValue(named("Stop_Command"))));
    assert_eq!(wrong("Target # = 5"), (4, 7, 0, Wrong::NoValue(named("Target"))));
    assert_eq!(wrong("UseSyslog = yes"), (4, 13, 3, Wrong::Bare(named("UseSyslog"))));
    assert_eq!(wrong("One_Time_Sequences ="), (4, 21, 0, Wrong::NoValue(named("One_Time_Sequences"))));
}

#[test]
fn a_door_needs_one_sequence() {
    let name: DoorName = "a".parse().unwrap();
    assert_eq!(wrongs("[a]\n[b]\nSequence=1,3,2"), [(1, 2, 1, Wrong::NoSequence(name))]);
    let both = "[a]\nOne_Time_Sequences = /a\nSequence = 1,3,2\n";
    assert_eq!(wrongs(both), [(3, 1, 8, Wrong::TwoSources)]);
    // What is missing may be what is misspelt.
    assert_eq!(wrongs("[a]\nSequense = 1,3,2\n").len(), 1);
}

#[test]
fn advice_helps_on() {
    let advice = |lines: &str| wrong(lines).3.advice();
    assert_eq!(advice("tcp_flags = syn"), "did you mean \"TCPFlags\"?");
    assert_eq!(advice("; a"), "a comment starts with #");
    assert!(advice("foo = 1").starts_with("expected one of Sequence, One_Time_Sequences, "));
    assert_eq!(advice("LogFile = /a"), "it belongs in [options]");
    assert_eq!(advice("Target = x"), "expected an IPv4 or IPv6 address");
}

#[test]
fn text_is_utf8() {
    let shown = refused_bytes(b"[d]\nCommand = \xe4\xf6\nSequence = 1,3,2\n").to_string();
    assert_eq!(
        shown,
        "f:2:11: this line is not UTF-8\n    2 | Command = \u{fffd}\u{fffd}\n      |           ^ convert the file, for example with \
         \"iconv -f latin1 -t utf-8\""
    );
    let wrong = |text: &[u8]| refused_bytes(text).mistakes()[0].wrong.clone();
    assert_eq!(wrong(b"[T\xfcr]\nSequence = 1,3,2\n"), Wrong::NotUtf8);
    assert_eq!(wrong(b"[d]\nTarg\xe9t = 192.0.2.1\n"), Wrong::NotUtf8);
    // A text that has the sign for it already is none of our business.
    assert!(read("f", "[d]\nSequence = 1,3,2\nCommand = \u{fffd}\n".as_bytes()).is_ok());
}

#[test]
fn what_is_no_text_is_not_read_on() {
    let found = refused_bytes(b"[d]\nCommand = a\0b\n\0\n\0\nfoo\n");
    assert_eq!(found.mistakes().len(), 1);
    assert_eq!(found.mistakes()[0].wrong, Wrong::NotText);
    let elf = b"\x7fELF\x02\x01\x01\0\0\xe9\0[d]\n";
    assert_eq!(
        refused_bytes(elf).to_string(),
        "f:1:1: this is no text file: it has bytes that UTF-8 text doesn't have; nothing was read from here on"
    );
    assert_eq!(refused_bytes(b"\x01\xffx\nfoo\n").mistakes()[0].wrong, Wrong::NotText);
    // A control character alone may be meant.
    assert!(read("f", b"[d]\nSequence = 1,3,2\nCommand = a \x1b[1m\n").is_ok());
    let utf16: Vec<u8> = "[d]\nfoo\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(refused_bytes(&utf16).mistakes().len(), 1);
}

#[test]
fn messages_are_harmless() {
    let shown = refused("[d]\n\x1b[2Jfoo\u{202e} = 1\n").to_string();
    assert!(shown.chars().all(|c| c == '\n' || crate::printable::is_printable(c)), "{shown:?}");
}
