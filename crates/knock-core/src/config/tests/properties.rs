//! What holds for any text.

use std::{net::IpAddr, num::NonZeroU16, path::PathBuf, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::super::{
    Command, Config, ControlSocket, DIRECTIVES, DoorConfig, GuardOnExit, Listen, LogFormat, Opens, Options,
    Reknock, SequenceSource, Sets, read,
};
use crate::{
    door::{FlagRule, TcpFlags, WrongPort},
    ports::{PortRange, Ports},
    printable::is_printable,
    sequence::{Knock, Protocol, Sequence},
    set_address::SetAddress,
};

fn knock() -> impl Strategy<Value = Knock> {
    let protocol = select(vec![Protocol::Tcp, Protocol::Udp]);
    (any::<NonZeroU16>(), protocol).prop_map(|(port, protocol)| Knock { port, protocol })
}

fn source() -> impl Strategy<Value = SequenceSource> {
    prop_oneof![
        vec(knock(), 1..=32).prop_map(|knocks| SequenceSource::Fixed(Sequence::new(&knocks).unwrap())),
        "/[ -~]{0,20}[!-~]".prop_map(|path| SequenceSource::OneTime(PathBuf::from(path))),
    ]
}

fn ports() -> impl Strategy<Value = Ports> {
    let protocol = select(vec![Protocol::Tcp, Protocol::Udp]);
    let range = (protocol, any::<NonZeroU16>(), any::<NonZeroU16>())
        .prop_map(|(protocol, one, other)| PortRange::new(protocol, one.min(other), one.max(other)).unwrap());
    vec(range, 1..9).prop_map(|ranges| Ports::new(&ranges).unwrap())
}

fn set(families: &'static str) -> impl Strategy<Value = SetAddress> {
    let names = ("[!-\"$-~]{1,20}", "[!-\"$-~]{1,20}");
    (families, names).prop_map(|(family, (table, name))| format!("{family} {table} {name}").parse().unwrap())
}

fn opens() -> impl Strategy<Value = Opens> {
    let sets = (option::of(set("ip|inet")), option::of(set("ip6|inet")), option::of(ports()));
    prop_oneof![
        Just(Opens::Nothing),
        ports().prop_map(Opens::Ports),
        sets.prop_filter_map("no set", |(v4, v6, ports)| Sets::new(v4, v6, ports)).prop_map(Opens::Sets),
    ]
}

fn rule() -> impl Strategy<Value = FlagRule> {
    (0..64u8, 0..64u8).prop_map(|(set, clear)| FlagRule { set: TcpFlags(set), clear: TcpFlags(clear & !set) })
}

type Commands = (Option<String>, Option<String>);

fn commands() -> impl Strategy<Value = Commands> {
    let command = || option::of("([!-~]([ -~ä\t]{0,20}[!-~])?)?");
    (command(), command())
}

/// A door, with the texts of its commands.
fn door() -> impl Strategy<Value = (DoorConfig, [Commands; 2])> {
    let choices =
        (select(vec![WrongPort::Discard, WrongPort::Ignore]), select(vec![Reknock::Again, Reknock::Extend]));
    let times = (1..2_000_000_000_000_000_000u64, 1_000_000..2_000_000_000_000_000_000u64);
    let target = option::of(any::<IpAddr>().prop_filter_map("no target", |address| {
        Some(address.to_canonical()).filter(|address| !address.is_unspecified())
    }));
    ("[!-~]{1,20}door", source(), rule(), target, choices, (times, opens()), commands(), commands()).prop_map(
        |(
            name,
            source,
            flags,
            target,
            (wrong_port, reknock),
            ((timeout, cmd_timeout), opens),
            start,
            stop,
        )| {
            let command = |(plain, six): &Commands| Command::new(plain.as_deref(), six.as_deref());
            let door = DoorConfig {
                name: name.parse().unwrap(),
                source,
                timeout: Duration::from_nanos(timeout),
                flags,
                target,
                wrong_port,
                reknock,
                opens,
                cmd_timeout: Duration::from_nanos(cmd_timeout),
                start: command(&start),
                stop: command(&stop),
            };
            (door, [start, stop])
        },
    )
}

fn options() -> impl Strategy<Value = Options> {
    let path = || option::of("/[ -~]{0,20}[!-~]".prop_map(PathBuf::from));
    let names = prop::collection::btree_set("[a-z]{4}[0-9:.]{0,9}", 1..5);
    let listen =
        prop_oneof![Just(Listen::Any), names.prop_map(|names| Listen::Named(names.into_iter().collect()))];
    let socket = prop_oneof![
        Just(ControlSocket::Off),
        "/[ -~]{0,20}[!-~]".prop_map(|path| ControlSocket::At(path.into()))
    ];
    let paths = (path(), path(), path(), option::of(socket));
    let listen = (option::of(listen), option::of(any::<bool>()));
    let guard = select(vec![GuardOnExit::Keep, GuardOnExit::Remove]);
    let log = (any::<bool>(), select(vec![LogFormat::Classic, LogFormat::Json]));
    (log, paths, listen, (1..=1024usize, 1024..=4_000_000usize), guard).prop_map(
        |(
            (syslog, log_format),
            (log_file, pid_file, state_dir, control_socket),
            (interfaces, interface_wait),
            (max_commands, max_attempts),
            guard_on_exit,
        )| Options {
            syslog,
            log_file,
            log_format,
            pid_file,
            state_dir,
            control_socket,
            interfaces,
            interface_wait,
            max_commands,
            max_attempts,
            guard_on_exit,
        },
    )
}

fn render_flags(rule: FlagRule) -> String {
    let named = |flags: TcpFlags, sign: &'static str| {
        TcpFlags::NAMES
            .into_iter()
            .filter(move |(_, flag)| flags.0 & flag.0 != 0)
            .map(move |(name, _)| format!("{sign}{name}"))
    };
    named(rule.set, "").chain(named(rule.clear, "! ")).collect::<Vec<_>>().join(" , ")
}

fn render_options(options: &Options) -> String {
    let mut text = "[Options]\n".to_owned();
    if options.syslog {
        text += "UseSyslog\n";
    }
    let paths =
        [("LogFile", &options.log_file), ("PidFile", &options.pid_file), ("StateDir", &options.state_dir)];
    for (name, path) in paths {
        text += &path.as_ref().map(|path| format!("{name} = {}\n", path.display())).unwrap_or_default();
    }
    let socket = options.control_socket.as_ref().map(|socket| match socket {
        ControlSocket::Off => "none".to_owned(),
        ControlSocket::At(path) => path.display().to_string(),
    });
    text += &socket.map(|socket| format!("ControlSocket = {socket}\n")).unwrap_or_default();
    let interfaces = options.interfaces.as_ref().map(|interfaces| match interfaces {
        Listen::Any => "any".to_owned(),
        Listen::Named(names) => names.join(", "),
    });
    text += &interfaces.map(|names| format!("Interface = {names}\n")).unwrap_or_default();
    let wait = options.interface_wait.map(|wait| if wait { "yes" } else { "no" });
    text += &wait.map(|wait| format!("interfaceWait = {wait}\n")).unwrap_or_default();
    let counts = format!("MaxCommands={}\nMaxAttempts={}\n", options.max_commands, options.max_attempts);
    let words = format!("LogFormat={:?}\nGuardOnExit={:?}\n", options.log_format, options.guard_on_exit);
    text + &counts + &words
}

fn render_door(door: &DoorConfig, [start, stop]: &[Commands; 2]) -> String {
    let seconds = |duration: Duration| format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
    let mut lines = vec![format!("[{}]", door.name)];
    lines.push(match &door.source {
        SequenceSource::Fixed(sequence) => format!("Sequence = {sequence}"),
        SequenceSource::OneTime(path) => format!("One_Time_Sequences = {}", path.display()),
    });
    lines.push(format!("Seq_Timeout={}", seconds(door.timeout)));
    lines.push(format!("Cmd_Timeout={}", seconds(door.cmd_timeout)));
    if door.flags != FlagRule::default() {
        lines.push(format!("TCPFlags = {}", render_flags(door.flags)));
    }
    lines.extend(door.target.map(|target| format!("Target = {target}")));
    lines.push(format!("Wrong_Port = {:?}", door.wrong_port));
    lines.push(format!("Reknock = {:?}", door.reknock));
    lines.extend(door.opens.ports().map(|ports| format!("Open = {ports}")));
    if let Opens::Sets(sets) = &door.opens {
        lines.extend(sets.v4().map(|set| format!("Open_Set = {set}")));
        lines.extend(sets.v6().map(|set| format!("Open_Set_6 = {set}")));
    }
    for (name, command) in [
        ("Start_Command", &start.0),
        ("Start_Command_6", &start.1),
        ("Stop_Command", &stop.0),
        ("Stop_Command_6", &stop.1),
    ] {
        lines.extend(command.iter().map(|command| format!("{name} = {command}")));
    }
    lines.join("\r\n") + "\n"
}

/// Pieces of which almost sound files are made.
fn almost() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<&str> = DIRECTIVES.iter().flat_map(super::super::Directive::names).collect();
    let words = vec![
        "[a]",
        "[options]",
        "[",
        "]",
        "=",
        ",",
        ":",
        "#",
        "!",
        "%ip%",
        "\"",
        " ",
        "\t",
        "\n",
        "\r\n",
        "any",
    ];
    let piece = prop_oneof![
        3 => select(names).prop_map(|name| name.as_bytes().to_vec()),
        5 => select(words).prop_map(|word| word.as_bytes().to_vec()),
        2 => "[0-9]{1,6}".prop_map(String::into_bytes),
        1 => "syn|ack|udp|tcp|tcp/22|inet t s|extend|ignore|192\\.0\\.2\\.1|/a|s".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn sound_files_read_back(options in options(), doors in vec(door(), 0..4)) {
        let text: String = doors.iter().map(|(door, commands)| render_door(door, commands)).collect();
        let text = text + &render_options(&options);
        let doors = doors.into_iter().map(|(door, _)| door).collect();
        let read = read("f", text.as_bytes()).map(|checked| checked.config);
        prop_assert_eq!(read, Ok(Config { options, doors }), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused_in_plain_lines(
        text in prop_oneof![almost(), vec(any::<u8>(), 0..300)]
    ) {
        let lines = text.split(|byte| *byte == b'\n').count();
        let (shown, places) = match read("f", &text) {
            Ok(checked) => {
                let shown: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
                (shown.concat(), checked.warnings.into_iter().map(|warning| warning.at.place).collect::<Vec<_>>())
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.mistakes().is_empty());
                let places = mistakes.mistakes().iter().map(|mistake| mistake.at.place.clone()).collect();
                (mistakes.to_string(), places)
            }
        };
        prop_assert!(shown.chars().all(|c| matches!(c, '\n' | '\t') || is_printable(c)), "{:?}", shown);
        prop_assert!(places.is_sorted());
        for place in places.into_iter().flatten() {
            prop_assert!((1..=lines).contains(&place.line));
            prop_assert!(place.column + place.width <= place.text.chars().count() + 1);
        }
    }
}
