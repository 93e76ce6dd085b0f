//! Who may ask and tell, and what.

use std::{os::unix::fs::PermissionsExt, process::Command};

use libtest_mimic::Trial;
use nix::{sys::signal::Signal, unistd::geteuid};
use trials::{
    binaries,
    net::{Ended, Lab, PATIENCE, Program, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::{DOORS, ctl, socket};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("rights::without_a_group_it_is_for_root_alone", without_a_group_it_is_for_root_alone),
        trial("rights::members_of_the_group_may_watch", members_of_the_group_may_watch),
        trial(
            "rights::a_member_has_packets_explained_without_their_ports",
            a_member_has_packets_explained_without_their_ports,
        ),
    ]
}

/// A group called knockd, with this number.
const GROUP: &str = "54321";

const WITH_GROUP: &str = "
    { grep -v ^knockd: /etc/group; echo knockd:x:54321:; } > {DIR}/group
    mount --bind {DIR}/group /etc/group
";

const WITHOUT_GROUP: &str = "
    grep -v ^knockd: /etc/group > {DIR}/group
    mount --bind {DIR}/group /etc/group
";

/// Whether other users can be had here: in a namespace of users only root is there.
fn has_users() -> Outcome<bool> {
    let map = std::fs::read_to_string("/proc/self/uid_map")?;
    Ok(geteuid().is_root() && map.split_whitespace().last() != Some("1"))
}

/// What becomes of an order as nobody, with these groups.
fn as_nobody(lab: &Lab, groups: &str, order: &[&str]) -> Outcome<Ended> {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", groups]).arg(binaries::knockctl()?);
    let output = command.arg("--socket").arg(socket(lab)).args(order).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ended { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}

/// The same of an order that goes on until it is ended, with what it says in the file `said`.
fn begin_as_nobody(lab: &Lab, groups: &str, order: &[&str]) -> Outcome<Program> {
    let said = std::fs::File::create(lab.directory().join("said"))?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", groups]).arg(binaries::knockctl()?);
    command.arg("--socket").arg(socket(lab)).args(order).stdout(said);
    lab.server().start(&mut command)
}

/// Lets everybody come to the socket.
fn let_through(lab: &Lab) -> Outcome {
    Ok(std::fs::set_permissions(lab.directory(), std::fs::Permissions::from_mode(0o711))?)
}

fn mode(lab: &Lab) -> Outcome<u32> {
    Ok(std::fs::metadata(socket(lab))?.permissions().mode() & 0o777)
}

fn without_a_group_it_is_for_root_alone() -> Outcome {
    let lab = Lab::new()?;
    let _daemon = Setup::new(&lab, DOORS)?.with(&["--socket", "sock"]).behind(WITHOUT_GROUP).start()?;
    same("the socket's mode", mode(&lab)?, 0o600)?;
    ctl(&lab, &["list"])?.ok()?;
    if !has_users()? {
        return Ok(());
    }
    let_through(&lab)?;
    let refused = as_nobody(&lab, "--clear-groups", &["list"])?;
    same("the status of a stranger", refused.status, Some(4))?;
    ensure(refused.err.ends_with("be root, or a member of the group knockd\n"), refused.err)?;
    // Whatever became of its mode, the daemon asks the kernel who it is.
    std::fs::set_permissions(socket(&lab), std::fs::Permissions::from_mode(0o666))?;
    let refused = as_nobody(&lab, "--clear-groups", &["list"])?;
    same("the status of a stranger who can connect", refused.status, Some(4))?;
    same("what he is told", refused.err.as_str(), "knockctl: only root and the group knockd may ask me\n")
}

fn members_of_the_group_may_watch() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOORS)?.with(&["--socket", "sock"]).behind(WITH_GROUP).start()?;
    if !has_users()? {
        // Nor is there such a group to give it to.
        same("the socket's mode", mode(&lab)?, 0o600)?;
        same("warnings", daemon.log().count("cannot give the control socket"), 1)?;
        return ctl(&lab, &["list"])?.ok().map(drop);
    }
    same("the socket's mode", mode(&lab)?, 0o660)?;
    let_through(&lab)?;
    let groups = format!("--groups=65533,{GROUP}");
    for order in [&["list"][..], &["status"], &["sequences"]] {
        as_nobody(&lab, &groups, order)?.ok()?;
    }
    // The daemon sees the group that others don't have in their files, too.
    for order in [
        &["open", "ssh", "10.0.0.77"][..],
        &["close", "ssh", "--all"],
        &["extend", "ssh", "10.0.0.77", "5"],
        &["reload"],
    ] {
        let refused = as_nobody(&lab, &groups, order)?;
        same("the status of a member", refused.status, Some(4))?;
        same("what he is told", refused.err.as_str(), "knockctl: only root may do that\n")?;
    }
    same("what was done", lab.file("done"), String::new())?;
    same("the status of a stranger", as_nobody(&lab, "--clear-groups", &["list"])?.status, Some(4))
}

fn a_member_has_packets_explained_without_their_ports() -> Outcome {
    let lab = Lab::new()?;
    let _daemon = Setup::new(&lab, DOORS)?.with(&["--socket", "sock"]).behind(WITH_GROUP).start()?;
    if !has_users()? {
        return Ok(());
    }
    let_through(&lab)?;
    let groups = format!("--groups=65533,{GROUP}");
    let mut explain = begin_as_nobody(&lab, &groups, &["explain", "10.0.0.2"])?;
    let says = |part: &str| await_some(PATIENCE, || lab.file("said").contains(part).then_some(()));
    ensure(says("is told to root only").is_some(), lab.file("said"))?;
    for port in [7300, 7200, 7100, 7300, 7100, 7200] {
        lab.send(&format!("udp CLIENT > SERVER:{port}"))?;
    }
    ensure(says("OPEN SESAME").is_some(), lab.file("said"))?;
    explain.signal(Signal::SIGINT)?;
    ensure(explain.wait()?.success(), "to be ended is no failure")?;
    let said = lab.file("said");
    ensure(said.contains("wrong: knock 2 of 3 was waited for"), format!("stages are told: {said}"))?;
    for secret in ["7300", "7200", "7100", ":udp"] {
        ensure(!said.contains(secret), format!("{secret} in {said}"))?;
    }
    Ok(())
}
