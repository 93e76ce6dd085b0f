//! Who has started us, and who of them wants to hear how we are.

mod manager;

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::fd::AsFd,
};

use rustix::process::{Pid, getpid, getppid};

pub use self::manager::Manager;

/// Whether systemd has started this very process for a service, not somebody who works in a session that systemd has
/// started.
#[must_use]
pub fn is_this_one() -> bool {
    is_service(getpid(), getppid(), |name| env::var_os(name))
}

/// Whether both our standard output and our standard error are the journal of systemd, which takes lines with fields,
/// too.
#[must_use]
pub fn is_heard_by_journal() -> bool {
    let stream = env::var_os("JOURNAL_STREAM");
    stream.is_some_and(|stream| is_stream(&stream, &io::stdout()) && is_stream(&stream, &io::stderr()))
}

/// `JOURNAL_STREAM` is device and inode with `:` between them (systemd.exec(5)). Whoever inherits the variable may have
/// outputs of his own.
fn is_stream(stream: &OsStr, output: &impl AsFd) -> bool {
    rustix::fs::fstat(output).is_ok_and(|stat| *stream == *format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Whether whoever has started us as a service waits for this very process to say that it is up (`Type=notify` in
/// `systemd.service(5)`), and takes its end for the end of the service.
#[must_use]
pub fn is_awaited() -> bool {
    is_this_one() && env::var_os(manager::ADDRESS).is_some()
}

/// By the variables that systemd sets (systemd.exec(5), "Environment Variables Set or Propagated by the Service
/// Manager"). All that a service starts in turn inherits them: also the shells of desktops.
fn is_service(own: Pid, parent: Option<Pid>, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    match variable("SYSTEMD_EXEC_PID") {
        Some(started) => started.to_str().and_then(|text| text.parse().ok()) == Some(own.as_raw_nonzero()),
        // Before version 248.
        None => variable("INVOCATION_ID").is_some() && parent == Some(Pid::INIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_who_systemd_itself_has_started() {
        let own = Pid::from_raw(4711).unwrap();
        let (init, shell) = (Some(Pid::INIT), Pid::from_raw(4000));
        let id = ("INVOCATION_ID", "c0ffee");
        for (expected, parent, variables) in [
            (true, init, &[id, ("SYSTEMD_EXEC_PID", "4711")][..]),
            // The manager of a user is not process 1.
            (true, Pid::from_raw(900), &[id, ("SYSTEMD_EXEC_PID", "4711")]),
            (true, init, &[id]),
            (false, init, &[]),
            (false, shell, &[]),
            // In a terminal of a desktop.
            (false, shell, &[id]),
            (false, shell, &[id, ("SYSTEMD_EXEC_PID", "4000")]),
            (false, init, &[id, ("SYSTEMD_EXEC_PID", "4000")]),
            (false, init, &[id, ("SYSTEMD_EXEC_PID", "")]),
            (false, None, &[id]),
        ] {
            let variable =
                |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, is)| (*is).into());
            assert_eq!(is_service(own, parent, variable), expected, "{parent:?} {variables:?}");
        }
    }

    #[test]
    fn the_journal_is_known_by_device_and_inode() {
        let file = tempfile::tempfile().unwrap();
        let stat = rustix::fs::fstat(&file).unwrap();
        let is = |text: String| is_stream(OsStr::new(&text), &file);
        assert!(is(format!("{}:{}", stat.st_dev, stat.st_ino)));
        assert!(!is(format!("{}:{}", stat.st_dev, stat.st_ino + 1)));
        assert!(!is(format!("{}", stat.st_dev)));
    }
}
