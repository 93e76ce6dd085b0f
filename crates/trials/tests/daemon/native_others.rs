//! Others who change the firewall beside a daemon whose doors open by themselves.

use std::{fs, time::Instant};

use libtest_mimic::Trial;
use trials::{
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::native_site::{
    KNOCKER, KNOCKER6, OTHER, OTHER6, await_shut, daemon, door, enter, is_open, is_shut, lab,
};

/// What the log says of a repair, ahead of how many were put back.
const REPAIRED: &str = "what opens by itself is in order again, openings: ";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("native_others::what_they_flush_is_put_back", what_they_flush_is_put_back),
        trial(
            "native_others::what_they_flush_without_end_is_put_back_with_pauses",
            what_they_flush_without_end_is_put_back_with_pauses,
        ),
        trial("native_others::whom_they_throw_out_stays_out", whom_they_throw_out_stays_out),
        trial("native_others::whom_they_let_in_is_put_back", whom_they_let_in_is_put_back),
        trial("native_others::what_stands_in_the_way_is_told", what_stands_in_the_way_is_told),
        trial("native_others::what_comes_in_the_way_is_told_and_that_it_goes", what_comes_in_the_way_is_told),
    ]
}

fn what_they_flush_is_put_back() -> Outcome {
    let lab = lab()?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 5")?;
    enter(&lab, &daemon, KNOCKER)?;
    enter(&lab, &daemon, KNOCKER6)?;
    for (round, what) in
        ["flush ruleset", "delete table inet knockd", "flush table inet knockd"].iter().enumerate()
    {
        lab.server().shell(&format!("nft {what}"))?;
        daemon.log().await_count(round + 1, "what opens by itself is in order again, openings: 2")?;
        for (source, other) in [(KNOCKER, OTHER), (KNOCKER6, OTHER6)] {
            is_open(&lab, source, "tcp/22")?;
            is_shut(&lab, other, "tcp/22")?;
        }
    }
    daemon.log().await_part("table inet knockd")?;
    // With the time that was left, not with all of it.
    let begun = Instant::now();
    await_shut(&lab, KNOCKER, "tcp/22")?;
    ensure(begun.elapsed().as_secs() < 5, "it began anew")?;
    daemon.terminate()
}

fn what_they_flush_without_end_is_put_back_with_pauses() -> Outcome {
    const PAUSE: &str = "the table inet knockd is changed again and again: until it is put back in ";
    let lab = lab()?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 60")?;
    enter(&lab, &daemon, KNOCKER)?;
    let begun = Instant::now();
    for round in 1..=8 {
        lab.server().shell("nft flush ruleset")?;
        daemon.log().await_count(round, &format!("{REPAIRED}1"))?;
    }
    // On a busy machine there may be one that may be made at once again.
    let spare = usize::try_from(begun.elapsed().as_secs() / 10).unwrap_or(0);
    same("pauses", daemon.log().count(PAUSE), 0)?;
    for round in 9..=10 + spare {
        lab.server().shell("nft flush ruleset")?;
        // Whatever is done until then is no news.
        lab.server().shell("nft add table inet knockd; nft flush ruleset")?;
        daemon.log().await_count(round, &format!("{REPAIRED}1"))?;
    }
    ensure(daemon.log().count(PAUSE) > 0, "there are no pauses")?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    daemon.terminate()
}

fn whom_they_throw_out_stays_out() -> Outcome {
    let lab = lab()?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 60")?;
    for source in [KNOCKER, KNOCKER6, OTHER] {
        enter(&lab, &daemon, source)?;
    }
    lab.server().shell(
        "nft delete element inet knockd door_ip '{ 10.0.0.2 }'; nft delete element inet knockd door_ip6 '{ fd00::2 }'",
    )?;
    lab.server().shell("nft flush ruleset")?;
    daemon.log().await_part(&format!("{REPAIRED}1"))?;
    is_open(&lab, OTHER, "tcp/22")?;
    for source in [KNOCKER, KNOCKER6] {
        is_shut(&lab, source, "tcp/22")?;
        // Who knocks again is in again.
        enter(&lab, &daemon, source)?;
        is_open(&lab, source, "tcp/22")?;
    }
    lab.server().shell("nft flush set inet knockd door_ip; nft flush ruleset")?;
    daemon.log().await_count(2, &format!("{REPAIRED}1"))?;
    is_open(&lab, KNOCKER6, "tcp/22")?;
    is_shut(&lab, KNOCKER, "tcp/22")?;
    daemon.terminate()
}

fn whom_they_let_in_is_put_back() -> Outcome {
    let lab = lab()?;
    let lines = "Open = tcp/22\n Cmd_Timeout = 60";
    let first = daemon(&lab, lines)?;
    lab.server().shell(
        "nft add element inet knockd door_ip '{ 10.0.0.2 timeout 6s }'; nft add element inet knockd door_ip6 '{ fd00::2 }'",
    )?;
    lab.server().shell("nft flush ruleset")?;
    first.log().await_part(&format!("{REPAIRED}2"))?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_open(&lab, KNOCKER6, "tcp/22")?;
    await_shut(&lab, KNOCKER, "tcp/22")?;
    is_open(&lab, KNOCKER6, "tcp/22")?;
    first.terminate()?;
    // So it is with those whom a start finds.
    fs::remove_file(lab.directory().join("log"))?;
    lab.server().shell("nft add element inet knockd door_ip6 '{ fd00::3 }'")?;
    let second = daemon(&lab, lines)?;
    second.log().await_part("door: still open, sources: 2")?;
    lab.server().shell("nft flush ruleset")?;
    second.log().await_part(&format!("{REPAIRED}2"))?;
    is_open(&lab, KNOCKER6, "tcp/22")?;
    is_open(&lab, OTHER6, "tcp/22")?;
    second.terminate()
}

fn what_stands_in_the_way_is_told() -> Outcome {
    let lab = lab()?;
    lab.server().shell(
        "nft 'add table inet strict; \
         add chain inet strict input { type filter hook input priority 0; policy drop; }; \
         add rule inet strict input udp dport 7000-8000 accept; add rule inet strict input icmpv6 type != 1 accept'",
    )?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 30")?;
    daemon.log().await_part("inet strict")?;
    let warnings = daemon.log().count("inet strict");
    enter(&lab, &daemon, KNOCKER)?;
    is_shut(&lab, KNOCKER, "tcp/22")?;
    daemon.reload(&door("Open = tcp/22\n Cmd_Timeout = 31"))?;
    daemon.log().await_count(warnings + 1, "inet strict")?;
    lab.server().shell("nft add rule inet strict input tcp dport 22 accept")?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    daemon.terminate()
}

fn what_comes_in_the_way_is_told() -> Outcome {
    const GONE: &str =
        "the chain inet strict input does not drop packets any more from whom a door has let in";
    let lab = lab()?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 30")?;
    lab.server().shell(
        "nft 'add table inet strict; \
         add chain inet strict input { type filter hook input priority 0; policy drop; }; \
         add rule inet strict input udp dport 7000-8000 accept; add rule inet strict input icmpv6 type != 1 accept'",
    )?;
    let told = "the chain inet strict input (priority 0) drops packets to tcp/22 by its policy";
    daemon.log().await_part(told)?;
    // Something else happens to it, and something to it that matters.
    lab.server().shell("nft add rule inet strict input tcp dport 80 accept")?;
    lab.server().shell("nft add rule inet strict input tcp dport 22 accept")?;
    daemon.log().await_part(GONE)?;
    same("warnings", daemon.log().count(told), 1)?;
    enter(&lab, &daemon, KNOCKER)?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    same("signs of meddling", daemon.log().count("table inet knockd"), 0)?;
    daemon.terminate()
}
