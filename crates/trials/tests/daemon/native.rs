//! Doors that open by themselves: who is let in, where to, and for how long.

use std::{
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use trials::{
    net::Setup,
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::native_site::{
    KNOCKER, KNOCKER6, OTHER, OTHER6, SEQUENCE, Session, await_shut, daemon, enter, is_open, is_shut, knock,
    lab,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("native::opens_for_the_knocker_alone", opens_for_the_knocker_alone),
        trial("native::opens_ranges_and_protocols_as_they_are_written", opens_ranges_and_protocols),
        trial("native::sessions_outlive_the_closing", sessions_outlive_the_closing),
        trial("native::sessions_of_before_are_not_cut_off", sessions_of_before_are_not_cut_off),
        trial("native::knocking_again_extends", knocking_again_extends),
        trial("native::doors_can_share_a_port", doors_can_share_a_port),
        trial("native::commands_run_beside_it", commands_run_beside_it),
        trial("native::a_one_time_sequence_opens_once", a_one_time_sequence_opens_once),
    ]
}

fn opens_for_the_knocker_alone() -> Outcome {
    let lab = lab()?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 30")?;
    for source in [KNOCKER, OTHER, KNOCKER6, OTHER6] {
        is_shut(&lab, source, "tcp/22")?;
        is_open(&lab, source, "tcp/23")?;
        is_open(&lab, source, "udp/22")?;
    }
    enter(&lab, &daemon, KNOCKER)?;
    daemon.log().await_line("10.0.0.2: door: OPEN SESAME")?;
    daemon.log().await_line("10.0.0.2: door: open for 30 s: tcp/22")?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    for source in [OTHER, KNOCKER6, OTHER6] {
        is_shut(&lab, source, "tcp/22")?;
    }
    enter(&lab, &daemon, KNOCKER6)?;
    is_open(&lab, KNOCKER6, "tcp/22")?;
    is_shut(&lab, OTHER6, "tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    // The host itself is not kept out.
    lab.server().shell(
        "ip route get 127.0.0.1 && perl -MIO::Socket::INET -e \
        'my $l = IO::Socket::INET->new(Listen => 1, LocalPort => 22) or die; \
         IO::Socket::INET->new(PeerAddr => \"127.0.0.1:22\", Timeout => 2) or die'",
    )?;
    daemon.terminate()
}

fn opens_ranges_and_protocols() -> Outcome {
    let lab = lab()?;
    let daemon = daemon(&lab, "Open = tcp/22, udp/60000-60010, TCP/8000-8001")?;
    let guarded = ["tcp/22", "udp/60000", "udp/60005", "udp/60010", "tcp/8000", "tcp/8001"];
    let beside = ["udp/22", "udp/59999", "udp/60011", "tcp/60005", "tcp/7999", "tcp/8002"];
    for (source, other) in [(KNOCKER, OTHER), (KNOCKER6, OTHER6)] {
        guarded.iter().try_for_each(|port| is_shut(&lab, source, port))?;
        enter(&lab, &daemon, source)?;
        guarded.iter().try_for_each(|port| is_open(&lab, source, port))?;
        guarded.iter().try_for_each(|port| is_shut(&lab, other, port))?;
        beside.iter().try_for_each(|port| is_open(&lab, other, port))?;
    }
    daemon.terminate()
}

fn sessions_outlive_the_closing() -> Outcome {
    let lab = lab()?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 1")?;
    for source in [KNOCKER, KNOCKER6] {
        enter(&lab, &daemon, source)?;
        let session = Session::new(&lab, source, 22)?;
        await_shut(&lab, source, "tcp/22")?;
        session.is_alive()?;
    }
    daemon.terminate()
}

/// Nobody has followed connections in this network until now: for the kernel these begin in their middle.
fn sessions_of_before_are_not_cut_off() -> Outcome {
    let lab = lab()?;
    let sessions = [KNOCKER, OTHER6].map(|source| Session::new(&lab, source, 22));
    let daemon = daemon(&lab, "Open = tcp/22")?;
    for session in sessions {
        session?.is_alive()?;
    }
    for source in [KNOCKER, OTHER6] {
        is_shut(&lab, source, "tcp/22")?;
    }
    daemon.terminate()
}

fn knocking_again_extends() -> Outcome {
    let lab = lab()?;
    let daemon = daemon(&lab, "Open = tcp/22\n Cmd_Timeout = 2")?;
    enter(&lab, &daemon, KNOCKER)?;
    thread::sleep(Duration::from_millis(1200));
    let again = Instant::now();
    enter(&lab, &daemon, KNOCKER)?;
    daemon.log().await_line("10.0.0.2: door: open for another 2 s: tcp/22")?;
    thread::sleep(Duration::from_millis(1500).saturating_sub(again.elapsed()));
    is_open(&lab, KNOCKER, "tcp/22")?;
    await_shut(&lab, KNOCKER, "tcp/22")?;
    ensure(again.elapsed() > Duration::from_millis(1900), format!("it shut after {:?}", again.elapsed()))?;
    // It was shut: this opens it anew.
    enter(&lab, &daemon, KNOCKER)?;
    same("openings", daemon.log().count("open for 2 s: tcp/22"), 2)?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    daemon.terminate()
}

fn doors_can_share_a_port() -> Outcome {
    let lab = lab()?;
    let config = format!(
        "[door]\n {SEQUENCE}\n Open = tcp/22\n Cmd_Timeout = 30\n\
         [wide]\n Sequence = 7400:udp,7100:udp,7500:udp\n Open = tcp/20-25, tcp/80\n Cmd_Timeout = 30\n"
    );
    let daemon = Setup::new(&lab, &config)?.start()?;
    enter(&lab, &daemon, KNOCKER)?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    is_shut(&lab, KNOCKER, "tcp/23")?;
    is_shut(&lab, KNOCKER, "tcp/80")?;
    lab.send(&format!("udp {OTHER} > SERVER:7400,7100,7500"))?;
    daemon.log().await_line("10.0.0.3: wide: open for 30 s: tcp/20-25, tcp/80")?;
    for port in ["tcp/22", "tcp/20", "tcp/25", "tcp/80"] {
        is_open(&lab, OTHER, port)?;
    }
    is_shut(&lab, KNOCKER6, "tcp/22")?;
    daemon.terminate()
}

fn commands_run_beside_it() -> Outcome {
    let lab = lab()?;
    // The command finds the door open already.
    let started = "nft list table inet knockd | grep -q %IP% && echo start >> {DIR}/ran";
    let daemon = daemon(&lab, &format!("Open = tcp/22\n Cmd_Timeout = 30\n Start_Command = {started}"))?;
    enter(&lab, &daemon, KNOCKER)?;
    lab.await_file("ran", "start\n")?;
    enter(&lab, &daemon, KNOCKER)?;
    let stops = "Open = tcp/22\n Cmd_Timeout = 3\n Stop_Command = echo stop >> {DIR}/ran";
    daemon.reload(&crate::native_site::door(&format!("{stops}\n Start_Command = {started}")))?;
    enter(&lab, &daemon, OTHER)?;
    lab.await_file("ran", "start\nstart\nstop\n")?;
    let again = format!("Open = tcp/22\n Cmd_Timeout = 30\n Reknock = again\n Start_Command = {started}");
    daemon.reload(&crate::native_site::door(&again))?;
    knock(&lab, KNOCKER)?;
    lab.await_file("ran", "start\nstart\nstop\nstart\n")?;
    daemon.terminate()
}

fn a_one_time_sequence_opens_once() -> Outcome {
    let lab = lab()?;
    lab.write("sequences", " 7300:udp,7100:udp,7200:udp\n 7400:udp,7100:udp,7300:udp\n")?;
    let config = "[door]\n One_Time_Sequences = {DIR}/sequences\n Open = tcp/22\n Cmd_Timeout = 30\n";
    let daemon = Setup::new(&lab, config)?.start()?;
    enter(&lab, &daemon, KNOCKER)?;
    is_open(&lab, KNOCKER, "tcp/22")?;
    ensure(lab.file("sequences").starts_with('#'), "it is not struck out")?;
    knock(&lab, OTHER)?;
    lab.send("udp CLIENT6 > SERVER6:7400,7100,7300")?;
    daemon.log().await_part("fd00::2: door: open for 30 s: tcp/22")?;
    is_shut(&lab, OTHER, "tcp/22")?;
    same("openings", daemon.log().count(": door: open for"), 2)?;
    daemon.terminate()
}
