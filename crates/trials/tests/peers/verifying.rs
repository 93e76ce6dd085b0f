//! `knock --verify` at a port that the door's command opens.

use libtest_mimic::Trial;
use trials::{
    net::{Lab, Setup},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::Maker;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("verifying::port_behind_a_firewall", port_behind_a_firewall),
        trial("verifying::port_that_stays_shut", port_that_stays_shut),
        trial("verifying::lost_knocks_are_made_again", lost_knocks_are_made_again),
    ]
}

/// A port that listens and a firewall that lets nobody in but the sources of a set.
const FIREWALL: &str = "nft -f - <<'END'
table inet guard {
    set guests { type ipv4_addr; }
    set guests6 { type ipv6_addr; }
    chain input {
        type filter hook input priority 0; policy accept;
        tcp dport 22 ip saddr @guests accept
        tcp dport 22 ip6 saddr @guests6 accept
        tcp dport 22 drop
    }
}
END";

const DOOR: &str = "[ssh]
    Sequence = 7300:udp,7100:tcp,7200:udp
    Start_Command = nft add element inet guard guests { %IP% }
    Start_Command_6 = nft add element inet guard guests6 { %IP% }
    Cmd_Timeout = 3600
    Stop_Command = nft delete element inet guard guests { %IP% }
    Stop_Command_6 = nft delete element inet guard guests6 { %IP% }
";

const KNOCKS: [&str; 3] = ["7300:udp", "7100", "7200:udp"];

fn guarded() -> Outcome<(Lab, std::net::TcpListener)> {
    let lab = Lab::new()?;
    lab.server().shell(FIREWALL)?;
    let listener = lab.server().inside(|| Ok(std::net::TcpListener::bind("[::]:22")?))?;
    Ok((lab, listener))
}

fn port_behind_a_firewall() -> Outcome {
    let (lab, _listener) = guarded()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    for address in ["10.0.0.1", "fd00::1"] {
        let arguments = [&["-v", "--verify", "22", address][..], &KNOCKS].concat();
        let ended = Maker::Ours.run(&lab, &arguments)?;
        ensure(ended.status == Some(0) && ended.err.is_empty(), format!("{ended:?}\n{}", daemon.said()))?;
        ensure(ended.out.ends_with(&format!("tcp {address}:22 is open\n")), ended.out)?;
    }
    daemon.terminate()?;
    // Closed again with the daemon's end.
    let arguments =
        [&["--verify", "22", "--timeout", "0.5", "--retries", "0", "10.0.0.1"][..], &KNOCKS].concat();
    same("status with the door closed", Maker::Ours.run(&lab, &arguments)?.status, Some(1))
}

fn port_that_stays_shut() -> Outcome {
    let (lab, _listener) = guarded()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let arguments =
        ["--verify", "22", "--timeout", "0.3", "--retries", "1", "10.0.0.1", "7300:udp", "7200:udp"];
    let ended = Maker::Ours.run(&lab, &arguments)?;
    same("status", ended.status, Some(1))?;
    ensure(
        ended.err.starts_with("knock: tcp 10.0.0.1:22 did not open within ")
            && ended.err.lines().count() == 1,
        ended.err,
    )?;
    daemon.log().await_count(2, "10.0.0.2: ssh: Stage 1")?;
    same("openings", daemon.log().count("OPEN SESAME"), 0)?;
    daemon.terminate()
}

fn lost_knocks_are_made_again() -> Outcome {
    let (lab, _listener) = guarded()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    // On the way out, so that the daemon never sees it: the second knock of the first round.
    lab.client().shell(
        "nft 'add table inet loss; add chain inet loss output { type filter hook output priority 0; }; \
         add rule inet loss output tcp dport 7100 quota until 100 bytes drop'",
    )?;
    let arguments = [&["-v", "--verify", "22", "--timeout", "1", "10.0.0.1"][..], &KNOCKS].concat();
    let ended = Maker::Ours.run(&lab, &arguments)?;
    ensure(ended.status == Some(0), format!("{ended:?}\n{}", daemon.said()))?;
    ensure(ended.out.contains("knocking again"), ended.out)?;
    same("openings", daemon.log().count("OPEN SESAME"), 1)?;
    daemon.terminate()
}
