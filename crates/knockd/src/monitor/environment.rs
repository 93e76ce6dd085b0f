//! The environment of a command (`environ(7)`): where programs are and what language they speak, and the door and the
//! source that it is about.
//!
//! What else there is was meant for the daemon: sockets and addresses of who has started it, secrets of its unit.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
};

use super::job::{Job, OPENING};

/// The variables that are handed on; those whose names begin with [`LOCALE`] are, too.
const HANDED_ON: [&str; 7] = ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TZ", "USER"];

const LOCALE: &[u8] = b"LC_";

/// Where programs are if nobody has said so.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What all commands find in their environment.
#[derive(Debug)]
pub struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// Made of the daemon's, `ours`.
    pub fn new(ours: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut variables: Vec<_> = ours
            .filter(|(name, value)| is_handed_on(name) && !(name == "PATH" && value.is_empty()))
            .collect();
        if variables.iter().all(|(name, _)| name != "PATH") {
            variables.push(("PATH".into(), USUAL_PATH.into()));
        }
        Self(variables)
    }

    /// The same for all commands.
    pub fn common(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

/// What the command of a job finds beside that.
pub fn of_job(job: &Job) -> [(&'static str, String); 3] {
    [
        ("KNOCKD_DOOR", job.door.to_string()),
        ("KNOCKD_IP", job.source.to_string()),
        (OPENING, job.opening.to_string()),
    ]
}

fn is_handed_on(name: &OsStr) -> bool {
    name.as_bytes().starts_with(LOCALE) || HANDED_ON.iter().any(|known| name == *known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::OpeningId;

    const JOB: [&str; 3] = ["KNOCKD_DOOR=ssh", "KNOCKD_IP=2001:db8::7", "KNOCKD_OPENING=0000000000000001"];

    fn environment(ours: &[(&str, &str)]) -> Vec<String> {
        let job = Job {
            opening: OpeningId(1),
            door: "ssh".into(),
            source: "2001:db8::7".parse().unwrap(),
            closes: false,
            command: "true".to_owned(),
        };
        let ours = ours.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let environment = Environment::new(ours);
        let common =
            environment.common().map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap()));
        let common = common.map(|(name, value)| format!("{name}={value}"));
        common.chain(of_job(&job).map(|(name, value)| format!("{name}={value}"))).collect()
    }

    #[test]
    fn what_is_known_is_handed_on_and_nothing_else() {
        let ours = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
            ("NOTIFY_SOCKET", "/run/systemd/notify"),
            ("LD_PRELOAD", "x.so"),
            ("LC", "x"),
            ("path", "x"),
            ("KNOCKD_DOOR", "x"),
            ("PWD", "/"),
        ];
        let wanted = [&["PATH=/bin", "LC_ALL=C", "TZ=UTC"][..], &JOB].concat();
        assert_eq!(environment(&ours), wanted);
    }

    #[test]
    fn programs_are_found_in_any_case() {
        let usual = format!("PATH={USUAL_PATH}");
        for ours in [&[][..], &[("PATH", "")]] {
            assert_eq!(environment(ours), [&[usual.as_str()][..], &JOB].concat());
        }
    }
}
