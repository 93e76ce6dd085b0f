//! Having a source explained.

use std::net::IpAddr;

use knockd::{
    control::protocol::{RefusalKind, Request, Said},
    explain::{Finding, Outcome as Found, Why},
};
use libtest_mimic::Trial;
use trials::{
    net::{Lab, PATIENCE, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::{FIRST, SECOND, THIRD, THREE_KNOCKS, Visitor, send, start};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("explaining::every_packet_of_a_source_is_explained", every_packet_of_a_source_is_explained),
        trial("explaining::attempts_outlive_its_begin_and_its_end", attempts_outlive_its_begin_and_its_end),
        trial("explaining::there_are_few_at_once", there_are_few_at_once),
        trial("explaining::the_next_watcher_goes_on_with_it", the_next_watcher_goes_on_with_it),
    ]
}

fn client() -> IpAddr {
    [10, 0, 0, 2].into()
}

fn explaining(lab: &Lab, source: IpAddr) -> Outcome<Visitor> {
    let mut visitor = Visitor::new(lab)?;
    same("the answer", visitor.asks(&Request::Explain { source })?, Said::Explaining {})?;
    Ok(visitor)
}

/// What becomes of the next packet, or of an attempt without one.
fn finding(visitor: &mut Visitor) -> Outcome<Finding> {
    loop {
        match visitor.hears()? {
            Said::Finding(finding) => return Ok(*finding),
            Said::Event(_) => {}
            other => return Err(Trouble::new(format!("{other:?}"))),
        }
    }
}

fn expect(visitor: &mut Visitor, what: Found) -> Outcome<Finding> {
    let finding = finding(visitor)?;
    same("what becomes of it", finding.what, what)?;
    Ok(finding)
}

fn every_packet_of_a_source_is_explained() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, THREE_KNOCKS)?;
    let mut visitor = explaining(&lab, client())?;
    // Nobody has begun an attempt: without explanations none of these would come through.
    lab.send("tcp CLIENT:40000 > SERVER:7100 syn")?;
    lab.send("udp CLIENT > SERVER:9")?;
    lab.send("tcp CLIENT:40000 > SERVER:7300 ack")?;
    for reason in [Why::NotFirst, Why::NotFirst, Why::Flags] {
        expect(&mut visitor, Found::Ignored { reason })?;
    }
    send(&lab, &[FIRST, THIRD])?;
    let right = expect(&mut visitor, Found::Stage { stage: 1 })?;
    let packet = right.packet.ok_or_else(|| Trouble::new("a knock is a packet"))?;
    same("which port", (packet.number, packet.port), (4, Some(7300)))?;
    let wrong = expect(&mut visitor, Found::Discarded { stage: 1 })?;
    let awaited = wrong.configured.and_then(|configured| configured.awaited);
    same("what was waited for", awaited.as_deref(), Some("7100:udp"))?;
    send(&lab, &[FIRST, SECOND])?;
    expect(&mut visitor, Found::Stage { stage: 1 })?;
    expect(&mut visitor, Found::Stage { stage: 2 })?;
    let late = expect(&mut visitor, Found::TimedOut { stage: 2 })?;
    ensure(late.packet.is_none(), "time is no packet")?;
    send(&lab, &[FIRST, SECOND, THIRD])?;
    expect(&mut visitor, Found::Stage { stage: 1 })?;
    expect(&mut visitor, Found::Stage { stage: 2 })?;
    expect(&mut visitor, Found::Opened { stage: 3 })?;
    daemon.terminate()
}

fn attempts_outlive_its_begin_and_its_end() -> Outcome {
    let lab = Lab::new()?;
    let config = "[ssh]\nSequence = 7300:udp,7100:udp,7200:udp\nSeq_Timeout = 60\nCommand = true\n";
    let daemon = start(&lab, config)?;
    lab.send("udp CLIENT > SERVER:7300")?;
    daemon.log().await_count(1, "10.0.0.2: ssh: Stage 1")?;
    let visitor = explaining(&lab, client())?;
    lab.send("udp CLIENT > SERVER:7100")?;
    daemon.log().await_count(1, "10.0.0.2: ssh: Stage 2")?;
    // It is noticed that the visitor has gone, and other sockets are opened.
    drop(visitor);
    for round in 0..40_u8 {
        drop(explaining(&lab, [10, 0, 9, round].into()).ok());
    }
    lab.send("udp CLIENT > SERVER:7200")?;
    daemon.log().await_count(1, "10.0.0.2: ssh: OPEN SESAME")?;
    ensure(!daemon.log().lines().iter().any(|line| line.contains("watcher ended")), daemon.said())?;
    daemon.terminate()
}

fn there_are_few_at_once() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, THREE_KNOCKS)?;
    let mut visitors = Vec::new();
    for number in 0..4 {
        visitors.push(explaining(&lab, [10, 0, 0, 10 + number].into())?);
    }
    visitors.push(explaining(&lab, [10, 0, 0, 10].into())?);
    let refused = |source: IpAddr| -> Outcome<RefusalKind> {
        match Visitor::new(&lab)?.asks(&Request::Explain { source })? {
            Said::Refused(refusal) => Ok(refusal.kind),
            other => Err(Trouble::new(format!("{other:?}"))),
        }
    };
    same("a fifth", refused(client())?, RefusalKind::Busy)?;
    same("nobody", refused([0, 0, 0, 0].into())?, RefusalKind::NoSuchSource)?;
    drop(visitors);
    let again = await_some(PATIENCE, || explaining(&lab, client()).ok());
    ensure(again.is_some(), "when they have gone others have their places")?;
    daemon.terminate()
}

fn the_next_watcher_goes_on_with_it() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, THREE_KNOCKS)?;
    let mut visitor = explaining(&lab, client())?;
    let watcher = daemon.watcher()?;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(watcher.id), nix::sys::signal::Signal::SIGKILL)?;
    daemon.log().await_count(1, "watcher ended")?;
    let next = await_some(PATIENCE, || daemon.watcher().ok().filter(|next| next.id != watcher.id));
    ensure(next.is_some(), "there is another")?;
    // It hears as soon as it has its sockets.
    let heard = await_some(PATIENCE, || {
        lab.send("udp CLIENT > SERVER:9").ok()?;
        visitor.hears_soon()
    });
    ensure(
        matches!(heard, Some(Said::Finding(_))),
        format!("it explains, too: {heard:?}\n{}", daemon.said()),
    )?;
    daemon.terminate()
}
