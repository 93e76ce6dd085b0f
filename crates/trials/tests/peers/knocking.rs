//! Every client opens every daemon's doors, over both kinds of IP.

use libtest_mimic::Trial;
use trials::{
    net::{Lab, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::{Maker, with_hosts};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, client, server) in [
        ("ours_at_ours", Maker::Ours, Maker::Ours),
        ("classic_at_ours", Maker::Classic, Maker::Ours),
        ("ours_at_classic", Maker::Ours, Maker::Classic),
    ] {
        for (version, address, source) in [(4, "10.0.0.1", "10.0.0.2"), (6, "fd00::1", "fd00::2")] {
            let opens = move || opens(client, server, address, source);
            trials.push(trial(format!("knocking::{name}_over_ipv{version}"), opens));
        }
    }
    trials.push(trial("knocking::both", both));
    trials
}

const DOORS: &str = "[mixed]
    Sequence = 7300:udp,7100:tcp,7200:tcp,7400:udp
    Start_Command = echo %IP% >> {DIR}/mixed
[syn]
    Sequence = 6300,6100,6200
    TCPFlags = syn,!ack
    Start_Command = echo %IP% >> {DIR}/syn
[udp]
    Sequence = 5300:udp,5100:udp,5200:udp
    Start_Command = echo %IP% >> {DIR}/udp
";

fn opens(client: Maker, server: Maker, address: &str, source: &str) -> Outcome {
    let lab = Lab::new()?;
    let setup = Setup::new(&lab, DOORS)?.with(&["-i", "eth0"]);
    let daemon = if server == Maker::Classic { setup.classic()? } else { setup }.start()?;
    for (door, arguments) in [
        ("mixed", &["-v", "-d", "50", address, "7300:udp", "7100", "7200:tcp", "7400:udp"][..]),
        ("syn", &["-d", "50", address, "6300", "6100", "6200"]),
        ("udp", &["-u", "-d", "50", address, "5300", "5100", "5200"]),
    ] {
        let opening = format!("{source}: {door}: OPEN SESAME");
        // The classic daemon says that it listens before it does.
        let opened = await_some(PATIENCE, || {
            let ended = client.run(&lab, arguments);
            if ended.as_ref().map(|ended| ended.status) != Ok(Some(0)) {
                return Some(Err(format!("the client fails: {ended:?}")));
            }
            let patience = PATIENCE / if server == Maker::Classic { 20 } else { 1 };
            await_some(patience, || (daemon.log().count(&opening) > 0).then_some(Ok(())))
        });
        let how = opened.unwrap_or_else(|| Err(format!("{door} stays shut")));
        ensure(how.is_ok(), format!("{how:?}\n{}", daemon.said()))?;
        if server == Maker::Ours {
            lab.await_file(door, &format!("{source}\n"))?;
        }
    }
    Ok(())
}

fn both() -> Outcome {
    let lab = Lab::new()?;
    lab.write("hosts", "10.0.0.1 server.example\nfd00::1 server.example\n")?;
    let daemon = Setup::new(&lab, DOORS)?.start()?;
    let knock = trials::binaries::knock()?.display().to_string();
    let line = [&knock, "--both", "-v", "-u", "server.example", "5300", "5100", "5200"];
    let output = lab.client().output(&mut with_hosts(&lab, &line))?;
    same("standard error", String::from_utf8_lossy(&output.stderr).as_ref(), "")?;
    ensure(output.status.success(), format!("{output:?}"))?;
    daemon.log().await_line("10.0.0.2: udp: OPEN SESAME")?;
    daemon.log().await_line("fd00::2: udp: OPEN SESAME")?;
    daemon.terminate()
}
