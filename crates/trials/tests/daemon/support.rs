//! What the tests of the daemon share.

use trials::{
    net::{Daemon, Ended, Lab, PATIENCE, await_some},
    trouble::{Outcome, Trouble, ensure, same},
};

/// A door that opens and closes by itself, and nothing else.
pub(crate) const DOOR: &str = "
[door]
    Sequence = 7300:udp,7100:udp,7200:udp
    Command = echo %IP% >> {DIR}/opened
";

/// Makes the knocks of [`DOOR`] from an IPv4 address.
pub(crate) fn knock(lab: &Lab, source: &str) -> Outcome {
    lab.send(&format!("udp {source} > SERVER:7300,7100,7200"))
}

/// Knocks until the door called `door` has opened once more than before: for when the daemon cannot say from when on it
/// hears, or with which doors.
pub(crate) fn insist(daemon: &Daemon<'_>, door: &str, packets: &str, lab: &Lab) -> Outcome {
    let opening = format!(": {door}: OPEN SESAME");
    let before = daemon.log().count(&opening);
    let patience = PATIENCE / 20;
    for _ in 0..20 {
        lab.send(packets)?;
        if await_some(patience, || (daemon.log().count(&opening) > before).then_some(())).is_some() {
            return Ok(());
        }
    }
    Err(Trouble::new(format!("{packets} does not open {door}:\n{}", daemon.said())))
}

/// It ended with status 1 and one line on standard error, which has all these parts in it.
pub(crate) fn one_line(ended: &Ended, parts: &[&str]) -> Outcome {
    same("status", ended.status, Some(1))?;
    same("standard output", ended.out.as_str(), "")?;
    let is_line = ended.err.lines().count() == 1 && ended.err.ends_with('\n');
    ensure(is_line && ended.err.starts_with("knockd: "), format!("not one line: {:?}", ended.err))?;
    let missing = parts.iter().find(|part| !ended.err.contains(*part));
    missing.map_or(Ok(()), |part| Err(Trouble::new(format!("{:?} does not say {part:?}", ended.err))))
}

/// No process is left on the server and nothing but these files, and the two outputs, in the directory.
pub(crate) fn nothing_left(lab: &Lab, files: &[&str]) -> Outcome {
    let left = lab.server().processes()?;
    ensure(left.is_empty(), format!("processes left: {left:?}"))?;
    let entries = std::fs::read_dir(lab.directory())?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let strange =
        |name: &String| !files.contains(&name.as_str()) && !["stdout", "stderr"].contains(&name.as_str());
    let strange: Vec<_> = names.filter(strange).collect();
    ensure(strange.is_empty(), format!("files left: {strange:?}"))
}
