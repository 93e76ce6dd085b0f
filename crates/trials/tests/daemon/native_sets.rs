//! Doors that add a source to a set of the administrator's own ruleset.

use std::fs;

use libtest_mimic::Trial;
use trials::{
    net::{Lab, Setup},
    sandbox::trial,
    trouble::{Outcome, ensure},
};

use crate::native_site::{
    KNOCKER, KNOCKER6, OTHER, OTHER6, await_shut, daemon, door, enter, is_open, is_shut, knock, lab,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("native_sets::addresses_are_let_in_by_rules_of_others", addresses),
        trial("native_sets::addresses_with_ports_are_let_in_by_rules_of_others", addresses_with_ports),
        trial("native_sets::without_a_set_for_ipv6_the_door_stays_shut_to_it", without_a_set_for_ipv6),
        trial("native_sets::sets_that_cannot_be_used_are_told_at_once", sets_that_cannot_be_used),
        trial("native_sets::a_missing_set_keeps_one_door_shut", a_missing_set_keeps_one_door_shut),
        trial("native_sets::a_set_that_goes_away_is_told", a_set_that_goes_away_is_told),
    ]
}

fn load(lab: &Lab, rules: &str) -> Outcome {
    lab.write("rules", rules)?;
    lab.server().shell(&lab.filled_in("nft -f {DIR}/rules")).map(drop)
}

const PLAIN: &str = "table inet firewall {
    set guests { type ipv4_addr; flags timeout; }
    set guests6 { type ipv6_addr; flags timeout; }
    chain input {
        type filter hook input priority filter; policy accept;
        ct state established,related accept
        ip saddr @guests tcp dport 22 accept
        ip6 saddr @guests6 tcp dport 22 accept
        tcp dport 22 drop
    }
}
";

fn addresses() -> Outcome {
    let lab = lab()?;
    load(&lab, PLAIN)?;
    let lines = "Open_Set = inet firewall guests\n Open_Set_6 = inet firewall guests6\n Cmd_Timeout = 2";
    let daemon = daemon(&lab, lines)?;
    for (source, other) in [(KNOCKER, OTHER), (KNOCKER6, OTHER6)] {
        is_shut(&lab, source, "tcp/22")?;
        enter(&lab, &daemon, source)?;
        is_open(&lab, source, "tcp/22")?;
        is_shut(&lab, other, "tcp/22")?;
    }
    daemon.log().await_line("10.0.0.2: door: open for 2 s: the set inet firewall guests")?;
    enter(&lab, &daemon, KNOCKER)?;
    for source in [KNOCKER, KNOCKER6] {
        await_shut(&lab, source, "tcp/22")?;
    }
    // Of a guard nobody has spoken.
    ensure(!lab.server().shell("nft list tables")?.contains("knockd"), "there is a guard")?;
    daemon.terminate()
}

fn addresses_with_ports() -> Outcome {
    let lab = lab()?;
    load(
        &lab,
        "table ip firewall {
    set guests { type ipv4_addr . inet_proto . inet_service; flags timeout; }
    chain input {
        type filter hook input priority filter; policy accept;
        ct state established,related accept
        ip saddr . meta l4proto . th dport @guests accept
        meta l4proto { tcp, udp } th dport { 22-80, 60000-61000 } drop
    }
}
table ip6 firewall {
    set guests { type ipv6_addr . inet_proto . inet_service; flags timeout; }
    chain input {
        type filter hook input priority filter; policy accept;
        ct state established,related accept
        ip6 saddr . meta l4proto . th dport @guests accept
        meta l4proto { tcp, udp } th dport { 22-80, 60000-61000 } drop
    }
}
",
    )?;
    let daemon = daemon(
        &lab,
        "Open_Set = ip firewall guests\n Open_Set_6 = ip6 firewall guests\n Open = tcp/22, udp/60000-60009\n \
         Cmd_Timeout = 30",
    )?;
    for (source, other) in [(KNOCKER, OTHER), (KNOCKER6, OTHER6)] {
        enter(&lab, &daemon, source)?;
        for port in ["tcp/22", "udp/60000", "udp/60005", "udp/60009"] {
            is_open(&lab, source, port)?;
            is_shut(&lab, other, port)?;
        }
        for port in ["tcp/23", "tcp/60000", "udp/60010", "udp/22"] {
            is_shut(&lab, source, port)?;
        }
    }
    daemon
        .log()
        .await_line("10.0.0.2: door: open for 30 s: tcp/22, udp/60000-60009 in the set ip firewall guests")?;
    daemon.terminate()
}

fn without_a_set_for_ipv6() -> Outcome {
    let lab = lab()?;
    load(&lab, PLAIN)?;
    let command = "Start_Command = echo %IP% >> {DIR}/ran";
    let daemon = daemon(&lab, &format!("Open_Set = inet firewall guests\n {command}"))?;
    knock(&lab, KNOCKER6)?;
    daemon.log().await_line("fd00::2: door: not opened: Open_Set_6 names no set for it")?;
    is_shut(&lab, KNOCKER6, "tcp/22")?;
    enter(&lab, &daemon, KNOCKER)?;
    lab.await_file("ran", "10.0.0.2\n")?;
    daemon.reload(&door(&format!("Open_Set_6 = inet firewall guests6\n {command}")))?;
    enter(&lab, &daemon, KNOCKER6)?;
    knock(&lab, OTHER)?;
    daemon.log().await_line("10.0.0.3: door: not opened: Open_Set names no set for it")?;
    daemon.terminate()
}

fn sets_that_cannot_be_used() -> Outcome {
    let lab = lab()?;
    load(
        &lab,
        "table inet t {
    set for_ever { type ipv4_addr; }
    set other { type ipv6_addr; flags timeout; }
    set service { type inet_service; flags timeout; }
    set plain { type ipv4_addr; flags timeout; }
    set pair { type ipv4_addr . inet_service; flags timeout; }
    set full { type ipv4_addr . inet_proto . inet_service; flags timeout; }
}
",
    )?;
    let cases: [(&str, &[&str]); 8] = [
        ("Open_Set = inet t nothing", &["inet t nothing"]),
        ("Open_Set = inet nothing plain", &["inet nothing plain"]),
        ("Open_Set = inet t for_ever", &["inet t for_ever", "timeout"]),
        ("Open_Set = inet t other", &["inet t other", "ipv4_addr"]),
        ("Open_Set = inet t service", &["inet t service"]),
        ("Open_Set = inet t plain\n Open = tcp/22", &["inet t plain", "Open"]),
        ("Open_Set = inet t full", &["inet t full", "Open"]),
        ("Open_Set = inet t pair\n Open_Set_6 = inet t plain", &["inet t pair", "inet t plain"]),
    ];
    for (lines, parts) in cases {
        let setup = Setup::new(&lab, &door(lines))?;
        let shut = setup.start()?;
        let said = shut.log().lines().into_iter().find(|line| line.contains("stays shut until"));
        let said = said.unwrap_or_else(|| shut.said());
        ensure(said.contains("door: ") && parts.iter().all(|part| said.contains(part)), said)?;
        shut.terminate()?;
        fs::remove_file(lab.directory().join("log"))?;
        let setup = Setup::new(&lab, &door(lines))?;
        // --check says the same, and ends well.
        let check = setup.with(&["--check"]).run()?;
        ensure(check.status == Some(0) && check.err.starts_with("warning: door: "), format!("{check:?}"))?;
        ensure(parts.iter().all(|part| check.err.contains(part)), check.err)?;
    }
    let daemon = daemon(&lab, "Open_Set = inet t plain")?;
    for (round, (lines, parts)) in cases.into_iter().enumerate() {
        daemon.reload(&door(lines))?;
        daemon
            .log()
            .await_count(round + 1, "the running configuration in force: 1 mistake, first: door: ")?;
        let said =
            daemon.log().lines().into_iter().rfind(|line| line.contains("1 mistake")).unwrap_or_default();
        ensure(parts.iter().all(|part| said.contains(part)), said)?;
    }
    enter(&lab, &daemon, KNOCKER)?;
    daemon.terminate()
}

fn a_missing_set_keeps_one_door_shut() -> Outcome {
    let lab = lab()?;
    let web = "[web]\n Sequence = 7400:udp,7100:udp,7500:udp\n Open = tcp/80\n";
    let daemon = Setup::new(&lab, &format!("{}{web}", door("Open_Set = inet firewall guests")))?.start()?;
    daemon.log().await_part("door: inet firewall guests: there is no table inet firewall")?;
    is_shut(&lab, OTHER, "tcp/80")?;
    lab.send(&format!("udp {KNOCKER} > SERVER:7400,7100,7500"))?;
    daemon.log().await_part("10.0.0.2: web: open for")?;
    is_open(&lab, KNOCKER, "tcp/80")?;
    knock(&lab, KNOCKER)?;
    daemon.log().await_part("10.0.0.2: door: not opened: door: inet firewall guests: there is no table")?;
    load(&lab, PLAIN)?;
    is_shut(&lab, KNOCKER, "tcp/22")?;
    enter(&lab, &daemon, KNOCKER)?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    daemon.terminate()
}

fn a_set_that_goes_away_is_told() -> Outcome {
    let lab = lab()?;
    load(&lab, PLAIN)?;
    let daemon = daemon(&lab, "Open_Set = inet firewall guests\n Cmd_Timeout = 30")?;
    lab.server().shell("nft delete table inet firewall")?;
    knock(&lab, KNOCKER)?;
    daemon.log().await_part("10.0.0.2: door: not opened: ")?;
    daemon.log().await_part("inet firewall guests")?;
    // As soon as it is there again it is used.
    load(&lab, PLAIN)?;
    enter(&lab, &daemon, KNOCKER)?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    daemon.terminate()
}
