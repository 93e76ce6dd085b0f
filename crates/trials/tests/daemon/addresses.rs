//! The server's addresses, of both families, as they come and go.

use std::{
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use trials::{
    net::{Daemon, Lab, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, same},
};

use crate::support::{DOOR, insist, knock};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("addresses::count_within_a_second", count_within_a_second),
        trial("addresses::go_with_their_interface", go_with_their_interface),
    ]
}

const A_SECOND: Duration = Duration::from_secs(1);

/// Knocks at an address that has just come, until the door opens: a second at most.
fn opens_within_a_second(lab: &Lab, daemon: &Daemon<'_>, packets: &str) -> Outcome {
    let (start, before) = (Instant::now(), daemon.log().count("OPEN SESAME"));
    while start.elapsed() < A_SECOND {
        lab.send(packets)?;
        let open = || (daemon.log().count("OPEN SESAME") > before).then_some(());
        if await_some(A_SECOND / 10, open).is_some() {
            return Ok(());
        }
    }
    Err(Trouble::new(format!("{packets}: shut after a second\n{}", daemon.said())))
}

/// Knocks at an address that went a second ago: nothing opens.
fn is_shut_a_second_later(lab: &Lab, daemon: &Daemon<'_>, packets: &str) -> Outcome {
    thread::sleep(A_SECOND);
    let openings = || daemon.log().count("OPEN SESAME");
    let before = openings();
    lab.send(packets)?;
    // When the door opens for somebody who has come later those packets have been looked at.
    knock(lab, "OTHER")?;
    daemon.log().await_count(before + 1, "OPEN SESAME")?;
    same(packets, openings(), before + 1)
}

fn count_within_a_second() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    for (address, packets) in [
        ("10.0.0.9/24 dev eth0", "udp CLIENT > EXTRA:7300,7100,7200"),
        // The kernel itself says nothing of an address before it knows that nobody else has it.
        ("fd00::9/64 dev eth0 nodad", "udp CLIENT6 > EXTRA6:7300,7100,7200"),
    ] {
        for _ in 0..2 {
            lab.server().ip(&format!("address add {address}\n"))?;
            opens_within_a_second(&lab, &daemon, packets)?;
            lab.server().ip(&format!("address delete {address}\n"))?;
            is_shut_a_second_later(&lab, &daemon, packets)?;
        }
    }
    daemon.terminate()
}

/// An interface that is shut off keeps its IPv4 addresses and loses those of IPv6.
fn go_with_their_interface() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let watcher = daemon.watcher()?;
    let by_ipv6 = "udp CLIENT6 > SERVER6:7300,7100,7200";
    insist(&daemon, "door", by_ipv6, &lab)?;
    for _ in 0..2 {
        lab.server().ip("link set eth0 down\nlink set eth0 up\n")?;
        opens_within_a_second(&lab, &daemon, "udp CLIENT > SERVER:7300,7100,7200")?;
        is_shut_a_second_later(&lab, &daemon, by_ipv6)?;
        lab.server().ip("address add fd00::1/64 dev eth0 nodad\n")?;
        opens_within_a_second(&lab, &daemon, by_ipv6)?;
    }
    same("the watcher", daemon.watcher()?.id, watcher.id)?;
    daemon.terminate()
}
