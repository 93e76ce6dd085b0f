//! Doors that open by themselves.

use std::time::Duration;

use super::{
    super::{Directive, Doubt, GuardOnExit, Opens, Reknock, Sets, Wrong},
    config, door, door_doubts, doubts, wrong, wrongs,
};
use crate::{ports::PortsMistake, set_address::SetAddressMistake};

fn named(name: &str) -> &'static Directive {
    Directive::named(name).unwrap()
}

fn sets(v4: Option<&str>, v6: Option<&str>, ports: Option<&str>) -> Opens {
    let set = |text: &str| text.parse().unwrap();
    Opens::Sets(Sets::new(v4.map(set), v6.map(set), ports.map(|ports| ports.parse().unwrap())).unwrap())
}

#[test]
fn what_is_opened_is_ports_or_sets() {
    assert_eq!(door("").opens, Opens::Nothing);
    let ports = "tcp/22, udp/60000-61000";
    assert_eq!(door(&format!("open = {ports} # and mosh\n")).opens, Opens::Ports(ports.parse().unwrap()));
    assert_eq!(door("Open_Set = inet t s\n").opens, sets(Some("inet t s"), None, None));
    assert_eq!(door("OPEN_SET_6 = ip6 t s\n").opens, sets(None, Some("ip6 t s"), None));
    assert_eq!(
        door(&format!("Open_Set = ip t s\nOpen_Set_6 = inet t s6\nOpen = {ports}")).opens,
        sets(Some("ip t s"), Some("inet t s6"), Some(ports))
    );
    let [v4, v6] = ["192.0.2.1", "2001:db8::1"].map(|address| address.parse().unwrap());
    let Opens::Sets(sets) = door("Open_Set = inet t s\n").opens else { panic!() };
    assert_eq!((sets.for_source(v4), sets.for_source(v6)), (sets.v4(), None));
}

#[test]
fn a_set_has_addresses_of_its_family() {
    let set = |text: &str| text.parse().ok();
    assert_eq!(Sets::new(None, None, "tcp/22".parse().ok()), None);
    assert_eq!(Sets::new(set("ip6 t s"), None, None), None);
    assert_eq!(Sets::new(set("ip t s"), set("ip t s"), None), None);
    assert_eq!(wrong("Open_Set = ip6 t s"), (4, 12, 7, Wrong::OtherFamily(named("Open_Set"))));
    assert_eq!(wrong("Open_Set_6 = ip t s"), (4, 14, 6, Wrong::OtherFamily(named("Open_Set_6"))));
    let advice = |line: &str| wrong(line).3.advice();
    assert!(advice("Open_Set = ip6 t s").ends_with("\"Open_Set_6\""));
    assert!(advice("Open_Set_6 = ip t s").ends_with("\"Open_Set\""));
}

#[test]
fn mistakes_are_marked() {
    let ports = |mistake| Wrong::Ports(mistake);
    assert_eq!(wrong("Open = tcp/22, 80"), (4, 16, 2, ports(PortsMistake::NoProtocol)));
    assert_eq!(wrong("Open = tcp/22, icmp/8"), (4, 16, 4, ports(PortsMistake::Protocol)));
    assert_eq!(wrong("Open = tcp/9-8"), (4, 12, 3, ports(PortsMistake::Reversed)));
    assert_eq!(wrong("Open = tcp/22,"), (4, 15, 0, ports(PortsMistake::Missing)));
    assert_eq!(wrong("Open ="), (4, 7, 0, ports(PortsMistake::Empty)));
    let many = vec!["tcp/1"; 257].join(",");
    assert_eq!(wrong(&format!("Open = {many}")), (4, 8, 1541, ports(PortsMistake::TooMany)));
    let set = |mistake| Wrong::Set(named("Open_Set"), mistake);
    assert_eq!(wrong("Open_Set = guests"), (4, 12, 6, set(SetAddressMistake::Words)));
    assert_eq!(wrong("Open_Set = arp t s"), (4, 12, 7, set(SetAddressMistake::Family)));
    assert_eq!(wrong("Open_Set ="), (4, 11, 0, set(SetAddressMistake::Words)));
    assert_eq!(wrong("Open"), (4, 5, 0, Wrong::NoValue(named("Open"))));
}

/// The kernel takes a timeout of 0 for none at all.
#[test]
fn what_opens_by_itself_closes() {
    assert_eq!(door("Open = tcp/22").cmd_timeout, Duration::from_secs(10));
    assert_eq!(door("Open = tcp/22\nCmd_Timeout = 0.001").cmd_timeout, Duration::from_millis(1));
    for stay in ["0", "0.0009"] {
        let found = wrong(&format!("Open = tcp/22\nCmd_Timeout = {stay}"));
        assert_eq!(found, (5, 15, stay.len(), Wrong::NoStay));
        let found = wrong(&format!("Cmd_Timeout = {stay}\nOpen_Set = ip t s"));
        assert_eq!(found, (4, 15, stay.len(), Wrong::NoStay));
    }
}

#[test]
fn knocking_again_extends() {
    assert_eq!(door("Open = tcp/22").reknock, Reknock::Extend);
    assert_eq!(door("Open_Set = ip t s").reknock, Reknock::Extend);
    assert_eq!(door("Open = tcp/22\nReknock = again").reknock, Reknock::Again);
    assert_eq!(door_doubts("Open = tcp/22\nReknock = again"), []);
    let text = "[d]\nSequence = 7,9,8\nOpen = tcp/22\nReknock = again\n";
    assert_eq!(doubts(text), [(4, 1, 7, Doubt::NothingAgain)]);
}

#[test]
fn a_door_that_opens_by_itself_needs_no_command() {
    let door = |lines: &str| doubts(&format!("[d]\nSequence = 7,9,8\n{lines}"));
    assert_eq!(door("Open = tcp/22\nCmd_Timeout = 30\nReknock = extend"), []);
    assert_eq!(door("Open_Set_6 = inet t s\nStop_Command = x"), []);
}

#[test]
fn doors_that_open_by_themselves_have_names_of_their_own() {
    let name = || "d".parse().unwrap();
    let text = "[d]\nSequence = 7,9,8\nOpen = tcp/22\n[d]\nSequence = 6,9,8\n";
    assert_eq!(
        wrongs(&format!("{text}Open_Set = ip t s\n")),
        [(4, 2, 1, Wrong::SameName { name: name(), earlier: 1 })]
    );
    assert_eq!(
        doubts(&format!("{text}Command = x\n")),
        [(4, 2, 1, Doubt::SameName { name: name(), earlier: 1 })]
    );
}

#[test]
fn what_may_not_be_meant_is_told() {
    assert_eq!(
        door_doubts("Open = tcp/22, tcp/5-7 , udp/9, tcp/9"),
        [(4, 16, 7, Doubt::OpensKnock), (4, 33, 5, Doubt::OpensKnock)]
    );
    assert_eq!(door_doubts("Target = 192.0.2.1\nOpen = tcp/22"), [(5, 1, 4, Doubt::OpensElsewhere)]);
    assert_eq!(door_doubts("Target = 192.0.2.1\nOpen_Set = ip t s\nOpen = tcp/22"), []);
}

#[test]
fn the_guard_stays_unless_told_otherwise() {
    let guard = |lines: &str| config(&format!("[options]\n{lines}")).options.guard_on_exit;
    assert_eq!(guard(""), GuardOnExit::Keep);
    assert_eq!(guard("GuardOnExit = Remove"), GuardOnExit::Remove);
    assert_eq!(guard("guardonexit = keep # always"), GuardOnExit::Keep);
}
