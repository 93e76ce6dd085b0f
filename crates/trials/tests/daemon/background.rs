//! A daemon in the background.

use std::path::Path;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    net::{Lab, Log, PATIENCE, Process, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::{DOOR, knock, nothing_left};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("background::returns_when_it_listens", returns_when_it_listens),
        trial("background::lets_go_of_the_terminal", lets_go_of_the_terminal),
        trial("background::relative_paths_hold", relative_paths_hold),
        trial("background::commands_see_nothing_of_it", commands_see_nothing_of_it),
    ]
}

/// A daemon that has gone to the background. It is killed when this value goes.
pub(crate) struct Background<'a> {
    lab: &'a Lab,
    pub(crate) process: Process,
}

impl<'a> Background<'a> {
    /// Starts it; when the started process has ended it has to be up.
    pub(crate) fn start(lab: &'a Lab, setup: Setup<'_>) -> Outcome<Self> {
        let ended = setup.with(&["-d"]).run()?;
        same("status", ended.status, Some(0))?;
        same("standard error", ended.err.as_str(), "")?;
        let id = lab.file("pid").trim().parse()?;
        let process = Process::find(id).ok_or_else(|| Trouble::new("the pid file names no process"))?;
        Ok(Self { lab, process })
    }

    pub(crate) fn log(&self) -> Log {
        Log::new(self.lab.directory().join("log"))
    }

    fn children(&self) -> Outcome<Vec<Process>> {
        Ok(Process::all()?.into_iter().filter(|process| process.parent == self.process.id).collect())
    }

    /// Asks it to end and waits until no process is left on the server.
    pub(crate) fn terminate(self) -> Outcome {
        self.process.signal(Signal::SIGTERM)?;
        let gone = || self.lab.server().processes().ok()?.is_empty().then_some(());
        await_some(2 * PATIENCE, gone).ok_or_else(|| {
            Trouble::new(format!(
                "still there: {:?}\n{}",
                self.lab.server().processes(),
                self.lab.file("log")
            ))
        })
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        // It fails if it has ended already.
        let _ = self.process.signal(Signal::SIGKILL);
    }
}

fn returns_when_it_listens() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Background::start(&lab, Setup::new(&lab, DOOR)?)?;
    // Not a moment is waited for.
    knock(&lab, "CLIENT")?;
    lab.await_file("opened", "10.0.0.2\n")?;
    same("the pid file", lab.file("pid"), format!("{}\n", daemon.process.id))?;
    same("the name", daemon.process.name.as_str(), "knockd")?;
    daemon.terminate()?;
    nothing_left(&lab, &["knockd.conf", "log", "opened"])
}

fn lets_go_of_the_terminal() -> Outcome {
    let lab = Lab::new()?;
    let setup = Setup::new(&lab, DOOR)?.with(&["-v"]).behind("exec 5> lock");
    let daemon = Background::start(&lab, setup)?;
    let children = daemon.children()?;
    same("the number of children", children.len(), 1)?;
    for process in children.iter().chain([&daemon.process]) {
        same(format!("{} works", process.name), process.link("cwd")?.as_path(), Path::new("/"))?;
        // Standard input of the watcher is its conversation with the monitor.
        for descriptor in if process.name == "knockd" { 0..3 } else { 1..3 } {
            let found = process.link(&format!("fd/{descriptor}"))?;
            same(format!("{} {descriptor}", process.name), found.as_path(), Path::new("/dev/null"))?;
        }
        let files: Vec<_> = process.descriptors()?.into_values().collect();
        ensure(!files.contains(&lab.directory().join("lock")), format!("{}: {files:?}", process.name))?;
        same(format!("the session of {}", process.name), process.session, daemon.process.id)?;
    }
    ensure(!lab.file("stdout").contains("OPEN"), "it has written to the terminal")?;
    daemon.terminate()
}

fn relative_paths_hold() -> Outcome {
    let lab = Lab::new()?;
    lab.write("sequences", "7301:udp\n7302:udp\n")?;
    let daemon = Background::start(&lab, Setup::new(&lab, DOOR)?)?;
    lab.server().shell(&lab.filled_in("mv {DIR}/log {DIR}/log.1"))?;
    lab.write(
        "knockd.conf",
        "[fresh]\n One_Time_Sequences = sequences\n Command = echo %IP% >> {DIR}/opened\n",
    )?;
    daemon.process.signal(Signal::SIGHUP)?;
    let opened = await_some(PATIENCE, || {
        lab.send("udp CLIENT > SERVER:7301").ok()?;
        (daemon.log().count("fresh: OPEN SESAME") > 0).then_some(())
    });
    ensure(opened.is_some(), format!("it does not open:\n{}", lab.file("log")))?;
    daemon.log().await_line("fresh: one-time sequence in line 1 is used, 1 left")?;
    same("the file", lab.file("sequences").as_str(), "#301:udp\n7302:udp\n")?;
    daemon.terminate()?;
    ensure(!lab.directory().join("pid").exists(), "the pid file is left")
}

fn commands_see_nothing_of_it() -> Outcome {
    let lab = Lab::new()?;
    let door = "[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n Command = touch {DIR}/began; \
                while ! test -e {DIR}/go; do sleep 0.02; done; pwd > {DIR}/opened\n";
    let daemon = Background::start(&lab, Setup::new(&lab, door)?)?;
    knock(&lab, "CLIENT")?;
    lab.await_file("began", "").and(daemon.log().await_part("running command"))?;
    let command = daemon.children()?.into_iter().find(|child| child.name == "sh");
    let command = command.ok_or_else(|| Trouble::new("there is no command"))?;
    let null = || Path::new("/dev/null").to_owned();
    let found: Vec<_> = command.descriptors()?.into_iter().collect();
    same("descriptors", found, vec![(0, null()), (1, null()), (2, null())])?;
    lab.write("go", "")?;
    lab.await_file("opened", "/\n")?;
    daemon.terminate()
}
