//! The commands of doors.

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use trials::{
    net::{Lab, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::knock;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("commands::start_comes_before_stop", start_comes_before_stop),
        trial("commands::at_most_so_many_at_once", at_most_so_many_at_once),
        trial("commands::one_that_hangs_holds_up_no_other", one_that_hangs_holds_up_no_other),
        trial("commands::their_end_is_told", their_end_is_told),
        trial("commands::know_the_door_and_the_source", know_the_door_and_the_source),
        trial("commands::hundreds_close", hundreds_close),
    ]
}

const SEQUENCE: &str = "Sequence = 7300:udp,7100:udp,7200:udp";

fn start_comes_before_stop() -> Outcome {
    let lab = Lab::new()?;
    let config = format!(
        "[door]\n {SEQUENCE}\n Cmd_Timeout = 0.05\n \
         Start_Command = echo starting >> {{DIR}}/%IP%; sleep 0.3; echo started >> {{DIR}}/%IP%\n \
         Stop_Command = echo stopping >> {{DIR}}/%IP%\n"
    );
    let daemon = Setup::new(&lab, &config)?.start()?;
    knock(&lab, "CLIENT")?;
    knock(&lab, "OTHER")?;
    for address in ["10.0.0.2", "10.0.0.3"] {
        lab.await_file(address, "starting\nstarted\nstopping\n")?;
        daemon.log().await_line(&format!("{address}: door: command timeout"))?;
    }
    daemon.terminate()
}

fn at_most_so_many_at_once() -> Outcome {
    let lab = Lab::new()?;
    let config = format!(
        "[options]\n MaxCommands = 2\n[door]\n {SEQUENCE}\n Command = mkdir {{DIR}}/running.%IP%; \
         ls -d {{DIR}}/running.* | wc -l >> {{DIR}}/counts; sleep 0.05; rmdir {{DIR}}/running.%IP%\n"
    );
    let daemon = Setup::new(&lab, &config)?.start()?;
    for number in 3..23 {
        knock(&lab, &format!("10.0.0.{number}"))?;
    }
    let counts = || lab.file("counts").lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    await_some(PATIENCE, || (counts().len() == 20).then_some(()))
        .ok_or_else(|| Trouble::new(format!("not all have run: {:?}", counts())))?;
    let beyond = counts().into_iter().find(|count| !["1", "2"].contains(&count.as_str()));
    same("more at once", beyond, None)?;
    daemon.terminate()
}

fn one_that_hangs_holds_up_no_other() -> Outcome {
    let lab = Lab::new()?;
    let config = format!(
        "[options]\n MaxCommands = 2\n[door]\n {SEQUENCE}\n Cmd_Timeout = 0.05\n \
         Start_Command = test %IP% != 10.0.0.2 || exec sleep 1000; echo %IP% >> {{DIR}}/opened\n \
         Stop_Command = echo %IP% >> {{DIR}}/closed\n"
    );
    let daemon = Setup::new(&lab, &config)?.start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_count(1, "running command")?;
    for number in 3..9 {
        knock(&lab, &format!("10.0.0.{number}"))?;
    }
    let sorted = |name| lab.file(name).lines().map(ToOwned::to_owned).collect::<BTreeSet<_>>();
    let others: BTreeSet<_> = (3..9).map(|number| format!("10.0.0.{number}")).collect();
    for name in ["opened", "closed"] {
        let all = await_some(PATIENCE, || (sorted(name) == others).then_some(()));
        ensure(all.is_some(), format!("{name}: {:?}", sorted(name)))?;
    }
    let hanging = daemon.children()?.into_iter().find(|child| child.name == "sleep");
    let hanging = hanging.ok_or_else(|| Trouble::new("the command does not hang"))?;
    // When it ends after all its door closes too.
    hanging.signal(nix::sys::signal::Signal::SIGKILL)?;
    daemon.log().await_part("door: command killed by signal 9 (SIGKILL) after ")?;
    daemon.log().await_line("10.0.0.2: door: command timeout")?;
    daemon.terminate()?;
    ensure(sorted("closed").contains("10.0.0.2"), "the door whose command was killed is open still")
}

fn their_end_is_told() -> Outcome {
    let lab = Lab::new()?;
    let config = format!(
        "[good]\n {SEQUENCE}\n Command = true\n[bad]\n {SEQUENCE}\n Command = exit 42\n\
         [missing]\n {SEQUENCE}\n Command = /nowhere/program\n[killed]\n {SEQUENCE}\n Command = kill -TERM $$\n"
    );
    let daemon = Setup::new(&lab, &config)?.with(&["-v"]).start()?;
    knock(&lab, "CLIENT")?;
    for part in [
        "good: running command: true",
        "good: command ended after ",
        "bad: running command: exit 42",
        "bad: command returned non-zero status code (42)",
        "missing: command returned non-zero status code (127)",
        "killed: command killed by signal 15 (SIGTERM) after ",
    ] {
        if !part.starts_with("good: command") {
            daemon.log().await_part(part)?;
        }
    }
    // What a command writes is for who looks at the daemon.
    let told =
        await_some(PATIENCE, || lab.file("stderr").contains("/nowhere/program: not found").then_some(()));
    ensure(told.is_some(), lab.file("stderr"))?;
    daemon.terminate()
}

fn know_the_door_and_the_source() -> Outcome {
    let lab = Lab::new()?;
    let config = format!(
        "[my door]\n {SEQUENCE}\n Command = echo \"%IP%,%IP% $KNOCKD_DOOR $KNOCKD_IP [%ip%] 100%\" >> {{DIR}}/opened-%IP%\n"
    );
    let daemon = Setup::new(&lab, &config)?.start()?;
    knock(&lab, "CLIENT")?;
    lab.await_file("opened-10.0.0.2", "10.0.0.2,10.0.0.2 my door 10.0.0.2 [%ip%] 100%\n")?;
    lab.send("udp CLIENT6 > SERVER6:7300,7100,7200")?;
    lab.await_file("opened-fd00::2", "fd00::2,fd00::2 my door fd00::2 [%ip%] 100%\n")?;
    daemon.terminate()
}

fn hundreds_close() -> Outcome {
    let lab = Lab::new()?;
    let config = format!(
        "[door]\n {SEQUENCE}\n Cmd_Timeout = 0.2\n \
         Start_Command = echo %IP% >> {{DIR}}/opened\n Stop_Command = echo %IP% >> {{DIR}}/closed\n"
    );
    let daemon = Setup::new(&lab, &config)?.start()?;
    let sources: BTreeSet<String> =
        (0..250).map(|number| format!("10.9.{}.{}", number / 50, number % 50 + 1)).collect();
    for source in &sources {
        knock(&lab, source)?;
    }
    let sorted = |name| lab.file(name).lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    let all = await_some(3 * PATIENCE, || (sorted("closed").len() == sources.len()).then_some(()));
    ensure(
        all.is_some(),
        format!("closed {} of {}\n{}", sorted("closed").len(), sources.len(), lab.file("stderr")),
    )?;
    for name in ["opened", "closed"] {
        same(name, &sorted(name).into_iter().collect::<BTreeSet<_>>(), &sources)?;
        same(name, sorted(name).len(), sources.len())?;
    }
    daemon.terminate()
}
