//! The tool that asks the daemon, as people use it.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use trials::{
    binaries,
    net::{Lab, PATIENCE, Program, await_some},
    packet::Packet,
    pcap::{Link, capture},
    sandbox::trial,
    trouble::{Outcome, Trouble, ensure, same},
};

use crate::support::{FIRST, SECOND, THIRD, THREE_KNOCKS, ctl, send, socket, start};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("knockctl::explains_why_a_knock_fails", explains_why_a_knock_fails),
        trial("knockctl::explains_a_capture", explains_a_capture),
        trial("knockctl::judges_by_the_file_in_use_and_names_it", judges_by_the_file_in_use_and_names_it),
        trial("knockctl::watches_in_a_pipe", watches_in_a_pipe),
        trial("knockctl::watches_on_a_screen_and_leaves_it_clean", watches_on_a_screen_and_leaves_it_clean),
        trial("knockctl::says_in_a_line_that_nobody_is_there", says_in_a_line_that_nobody_is_there),
    ]
}

const RIGHT_ORDER: [&str; 3] = [FIRST, SECOND, THIRD];
const WRONG_ORDER: [&str; 3] = [FIRST, THIRD, SECOND];

/// Starts it on the server, with what it prints in a file of this name.
fn begin(lab: &Lab, arguments: &[&str], name: &str) -> Outcome<Program> {
    let out = std::fs::File::create(lab.directory().join(name))?;
    let mut command = Command::new(binaries::knockctl()?);
    command
        .arg("--socket")
        .arg(socket(lab))
        .args(arguments)
        .stdout(out)
        .stderr(Stdio::null())
        .env("TZ", "UTC");
    lab.server().start(&mut command)
}

/// What a file holds as soon as it holds this.
fn await_text(lab: &Lab, name: &str, part: &str) -> Outcome<String> {
    let found = await_some(PATIENCE, || Some(lab.file(name)).filter(|text| text.contains(part)));
    found.ok_or_else(|| Trouble::new(format!("{name} does not say {part:?}: {}", lab.file(name))))
}

fn expect_parts(text: &str, parts: &[&str]) -> Outcome {
    let mut rest = text;
    for part in parts {
        let (_, behind) =
            rest.split_once(part).ok_or_else(|| Trouble::new(format!("no {part:?} in {text}")))?;
        rest = behind;
    }
    Ok(())
}

const WRONG: [&str; 7] = [
    "7300:tcp syn  to 10.0.0.1",
    "ssh: knock 1 of 3: right",
    "7200:tcp syn",
    "ssh: wrong: knock 2 of 3 (7100:udp) was waited for; the attempt is over",
    "=> this is knock 3: the order is wrong, or knock 2 (7100:udp) was lost on the way",
    "7100:udp",
    "after the attempt was over: it is knock 2",
];

fn explains_why_a_knock_fails() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, THREE_KNOCKS)?;
    let mut text = begin(&lab, &["explain", "10.0.0.2"], "text")?;
    let mut json = begin(&lab, &["explain", "10.0.0.2", "--json"], "json")?;
    await_text(&lab, "text", "explaining what comes from 10.0.0.2")?;
    // That the other listens, too, is told by nothing but what it hears.
    let is_heard =
        || lab.send("udp CLIENT > SERVER:9").ok().filter(|()| lab.file("json").contains(r#""port":9"#));
    await_some(PATIENCE, is_heard).ok_or_else(|| Trouble::new("nothing is explained in JSON"))?;
    lab.send("tcp CLIENT:40000 > SERVER:7300 ack")?;
    send(&lab, &WRONG_ORDER)?;
    send(&lab, &RIGHT_ORDER)?;
    lab.send(FIRST)?;
    let told = await_text(&lab, "text", "time ran out 2 s after the first knock")?;
    expect_parts(
        &told,
        &["9:udp", "no attempt is under way", "its TCP flags are ack, and the door looks at TCPFlags = syn"],
    )?;
    expect_parts(&told, &WRONG)?;
    let rest =
        ["right, OPEN SESAME", "10.0.0.2 ssh: open for 10 min", "time ran out", "=> knock 2 did not come"];
    expect_parts(&told, &rest)?;
    text.signal(Signal::SIGINT)?;
    json.signal(Signal::SIGINT)?;
    ensure(text.wait()?.success() && json.wait()?.success(), "to be ended is no failure")?;
    expect_parts(&lab.file("text"), &["of 10.0.0.2: 1 door opened, 2 attempts failed"])?;
    for part in [r#""tone":"failed""#, r#""tone":"open""#, r#""kind":"opened""#] {
        ensure(lab.file("json").contains(part), format!("{part} in {}", lab.file("json")))?;
    }
    daemon.terminate()
}

fn explains_a_capture() -> Outcome {
    let lab = Lab::new()?;
    lab.write("knockd.conf", THREE_KNOCKS)?;
    let mut frames = Vec::new();
    for packet in WRONG_ORDER {
        frames.extend(packet.parse::<Packet>()?.frames(&mut 0)?);
    }
    let times = (0..).map(|number| Duration::from_millis(40 * number));
    let frames: Vec<_> = times.zip(frames).collect();
    std::fs::write(lab.directory().join("capture"), capture(Link::Ethernet, &frames)?)?;
    let explain = |arguments: &[&str]| -> Outcome<String> {
        let mut command = Command::new(binaries::knockctl()?);
        command.current_dir(lab.directory());
        command.args(["explain", "10.0.0.2", "--read", "capture", "-c", "knockd.conf"]).args(arguments);
        let output = lab.server().output(&mut command)?;
        ensure(output.status.success(), format!("it ends with {}", output.status))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let whole = explain(&[])?;
    expect_parts(&whole, &["00:00:00.000", "00:00:00.040", "00:00:00.080"])?;
    expect_parts(&whole, &WRONG)?;
    expect_parts(
        &whole,
        &["only 40 ms lie between", "came 40 ms after the attempt was over", "1 attempt failed"],
    )?;
    let elsewhere = explain(&["--address", "10.0.0.9"])?;
    expect_parts(&elsewhere, &["it was sent to 10.0.0.1, which is no address of the interface"])
}

fn judges_by_the_file_in_use_and_names_it() -> Outcome {
    let lab = Lab::new()?;
    std::fs::write(lab.directory().join("capture"), capture(Link::Ethernet, &[])?)?;
    let captured = lab.directory().join("capture").display().to_string();
    let explain = ["explain", "10.0.0.2", "--read", &captured];
    // Whether there is one or not on this machine, it is named.
    for order in [&["check"][..], &explain] {
        let ended = ctl(&lab, order)?;
        ensure(format!("{}{}", ended.out, ended.err).contains("/etc/knockd.conf"), format!("{ended:?}"))?;
    }
    let daemon = start(&lab, THREE_KNOCKS)?;
    let file = lab.directory().join("knockd.conf").display().to_string();
    let checked = ctl(&lab, &["check"])?;
    same("what is checked", checked.out, format!("{file}: no mistakes, 1 door\n"))?;
    let explained = ctl(&lab, &explain)?;
    ensure(
        explained.out.starts_with(&format!("explaining {captured} by {file}\n")),
        format!("{explained:?}"),
    )?;
    std::fs::remove_file(lab.directory().join("knockd.conf"))?;
    let gone = ctl(&lab, &["check"])?;
    ensure(format!("{}{}", gone.out, gone.err).contains("/etc/knockd.conf"), format!("{gone:?}"))?;
    daemon.terminate()
}

fn watches_in_a_pipe() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = start(&lab, THREE_KNOCKS)?;
    let mut text = begin(&lab, &["watch"], "text")?;
    let mut json = begin(&lab, &["watch", "--json"], "json")?;
    // When they begin to hear is told by what they hear alone.
    let both = || {
        send(&lab, &RIGHT_ORDER).ok()?;
        let is_told = lab.file("text").contains("10.0.0.2 ssh: OPEN SESAME\n")
            && lab.file("json").contains(r#""kind":"opened","door":"ssh","source":"10.0.0.2""#);
        is_told.then_some(())
    };
    await_some(PATIENCE, both).ok_or_else(|| Trouble::new("nothing is told"))?;
    ensure(!lab.file("text").contains('\u{1b}'), "a pipe gets text alone")?;
    text.signal(Signal::SIGTERM)?;
    same("its status", text.wait()?.code(), Some(0))?;
    daemon.signal(Signal::SIGTERM)?;
    same("its status when the daemon ends", json.wait()?.code(), Some(1))?;
    daemon.wait().map(drop)
}

/// A terminal of 80 columns and 24 rows, with a shell in it.
struct Terminal<'a>(&'a Lab);

impl<'a> Terminal<'a> {
    fn open(lab: &'a Lab) -> Outcome<Self> {
        let terminal = Self(lab);
        terminal.tmux("-f /dev/null new-session -d -x 80 -y 24 'PS1=ready: exec sh'")?;
        terminal.await_row("ready:")?;
        Ok(terminal)
    }

    fn tmux(&self, what: &str) -> Outcome<String> {
        let directory = self.0.directory().display();
        let clean = "env -u TMUX -u NO_COLOR TERM=xterm-256color LC_ALL=C.UTF-8 TZ=UTC";
        self.0.server().shell(&format!("cd {directory} && {clean} tmux -S {directory}/tmux {what}"))
    }

    fn shows(&self) -> Outcome<Vec<String>> {
        Ok(self.tmux("capture-pane -p")?.lines().map(|row| row.trim_end().to_owned()).collect())
    }

    /// Waits until a row has this in it.
    fn await_row(&self, part: &str) -> Outcome<Vec<String>> {
        let shown = || self.shows().ok().filter(|rows| rows.iter().any(|row| row.contains(part)));
        let shown = await_some(PATIENCE, shown);
        shown.ok_or_else(|| Trouble::new(format!("no {part:?} on the screen: {:#?}", self.shows())))
    }

    /// Presses a key that ends what has the screen, and waits for the shell: what is typed before is lost.
    fn leave(&self, key: &str) -> Outcome<Vec<String>> {
        self.tmux(&format!("send-keys {key}"))?;
        self.await_row("ready:")
    }

    fn run(&self, line: &str) -> Outcome {
        self.tmux(&format!("send-keys '{line}' Enter")).map(drop)
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = self.tmux("kill-server");
    }
}

fn watches_on_a_screen_and_leaves_it_clean() -> Outcome {
    let lab = Lab::new()?;
    let daemon = start(&lab, THREE_KNOCKS)?;
    let terminal = Terminal::open(&lab)?;
    let knockctl = binaries::knockctl()?;
    let watch = watch(&knockctl, &lab);
    let before = terminal.shows()?;
    terminal.run(&watch)?;
    let rows = terminal.await_row("nobody is let in")?;
    expect_parts(
        &rows.join("\n"),
        &["knockd ", "q quits", "\u{2500} open ", "\u{2500} knocking ", "what happens", "knocks 0"],
    )?;
    send(&lab, &RIGHT_ORDER)?;
    lab.send("tcp 10.0.0.250:40000 > SERVER:7300 syn")?;
    terminal.await_row("10.0.0.250 ssh: stage 1")?;
    let rows = terminal.await_row("by command")?;
    same("rows", rows.len(), 24)?;
    ensure(rows.iter().all(|row| row.chars().count() <= 80), format!("{rows:#?}"))?;
    expect_parts(
        &rows.join("\n"),
        &["open 1", "10.0.0.2", "ssh", "min left", "knocking 1", "10.0.0.250", "stage 1"],
    )?;
    ensure(terminal.tmux("capture-pane -pe")?.contains("\u{1b}[32m"), "who is let in is green")?;
    for end in ["q", "C-c"] {
        let rows = terminal.leave(end)?;
        let left = rows.iter().filter(|row| row.contains("knocking")).count();
        same("what is left of it on the screen", left, 0)?;
        terminal.run("clear; stty -a | grep -o -w -e -echo -e echo -e icanon -e isig | tr \"\\n\" +")?;
        terminal.await_row("isig+icanon+echo+")?;
        terminal.run("clear")?;
        terminal.run(&watch)?;
        terminal.await_row("what happens")?;
    }
    terminal.leave("q")?;
    terminal.run(&format!("clear; NO_COLOR=1 {watch}"))?;
    terminal.await_row("what happens")?;
    // The shell's own are cleared.
    ensure(!terminal.tmux("capture-pane -pe")?.contains("\u{1b}[32m"), "without colour there is none")?;
    terminal.leave("q")?;
    terminal.run(&format!("clear; TERM=dumb {watch}"))?;
    // Nothing on the screen tells when it begins to listen.
    let wrong = "10.0.0.2 ssh: wrong port 7200:tcp after stage 1";
    let shown = await_some(PATIENCE, || {
        send(&lab, &WRONG_ORDER).ok()?;
        terminal.shows().ok().filter(|rows| rows.iter().any(|row| row.contains(wrong)))
    });
    let rows =
        shown.ok_or_else(|| Trouble::new(format!("no line on the screen: {:#?}", terminal.shows())))?;
    ensure(!rows.iter().any(|row| row.contains("q quits")), format!("lines alone: {rows:#?}"))?;
    drop((before, terminal));
    daemon.terminate()
}

fn watch(knockctl: &Path, lab: &Lab) -> String {
    format!("{} --socket {} watch", knockctl.display(), socket(lab).display())
}

fn says_in_a_line_that_nobody_is_there() -> Outcome {
    let lab = Lab::new()?;
    for what in ["watch", "explain 10.0.0.2"] {
        let line = format!("{} --socket {} {what}", binaries::knockctl()?.display(), socket(&lab).display());
        let output = lab.server().output(Command::new("sh").args(["-c", &line]))?;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        same("its status", output.status.code(), Some(3))?;
        ensure(error.lines().count() == 1 && error.starts_with("knockctl: no knockd answers at "), error)?;
    }
    Ok(())
}
