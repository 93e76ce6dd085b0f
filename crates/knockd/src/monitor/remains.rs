//! What still runs of an opening's commands when nobody waits for it any more.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

use rustix::process::{Pid, Signal, getpid, kill_process_group};

use super::job::OPENING;
use crate::journal::OpeningId;

/// Kills the commands of this opening that still run, with all that they wait for, so that none of them opens a door
/// again behind the command that closes it. What they have left running in a session of its own stays.
///
/// Returns how many there were.
pub fn end(opening: OpeningId) -> usize {
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(Pid::from_raw)
        .filter(|pid| *pid != getpid() && belongs_to(*pid, opening) && leads_its_group(*pid))
        .filter(|leader| kill_process_group(*leader, Signal::KILL).is_ok())
        .count()
}

/// Whether it is the first of its process group, as every command is, but not of its session, as daemons are
/// (`/proc/PID/stat`, proc(5): behind the name in brackets come the state, the parent, the group and the session).
fn leads_its_group(pid: Pid) -> bool {
    let number = pid.as_raw_nonzero().to_string();
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_ascii_whitespace());
    let mut group_and_session = fields.into_iter().flatten().skip(2);
    group_and_session.next() == Some(&number) && group_and_session.next() != Some(&number)
}

/// By the environment that it was started with (`/proc/PID/environ`, proc(5)).
fn belongs_to(pid: Pid, opening: OpeningId) -> bool {
    let wanted = format!("{OPENING}={opening}");
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| OsStr::from_bytes(entry) == wanted.as_str())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read},
        os::unix::process::{CommandExt, ExitStatusExt},
        process::{Child, Command, Stdio},
    };

    use super::*;

    /// A command that says when it runs, and then waits for what has no end.
    fn command(opening: OpeningId) -> Child {
        Command::new("/bin/sh")
            .args(["-c", "echo runs; sleep 1000; echo goes on"])
            .env(OPENING, opening.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap()
    }

    #[test]
    fn only_the_commands_of_the_opening_end() {
        // As no other test's.
        let base = u64::from(std::process::id()) << 32;
        let (mine, other) = (OpeningId(base | 1), OpeningId(base | 2));
        let mut children = [mine, mine, other].map(command);
        let mut outputs = children.each_mut().map(|child| BufReader::new(child.stdout.take().unwrap()));
        for output in &mut outputs {
            output.read_line(&mut String::new()).unwrap();
        }
        assert_eq!(end(mine), 2);
        for (child, output) in children.iter_mut().zip(&mut outputs).take(2) {
            assert_eq!(child.wait().unwrap().signal(), Some(9));
            // The end of the output: its children have ended too.
            let mut rest = String::new();
            output.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "");
        }
        assert_eq!(children[2].try_wait().unwrap(), None);
        assert_eq!((end(mine), end(other)), (0, 1));
        assert_eq!(children[2].wait().unwrap().signal(), Some(9));
    }
}
