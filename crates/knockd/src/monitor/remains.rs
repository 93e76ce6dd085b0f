//! What still runs of the commands of a daemon that has died.

use std::{collections::BTreeMap, fs};

use rustix::process::{Pid, Signal, getpid, kill_process_group};

use super::job::OPENING;
use crate::journal::OpeningId;

/// The commands that somebody else has started for an opening, as they were when they were looked for.
#[derive(Clone, Debug, Default)]
pub struct Remains(BTreeMap<OpeningId, Vec<Leader>>);

/// A command: the first process of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leader {
    pid: Pid,
    /// When it began, in clock ticks since the boot: no other process has had this number then.
    began: u64,
}

impl Remains {
    /// All that there are. Needs the rights that the commands have: without them, theirs can't be looked into.
    #[must_use]
    pub fn look_for() -> Self {
        let mut remains = Self::default();
        // One that was mounted for another pid namespace has other numbers.
        let is_ours =
            fs::read_link("/proc/self").is_ok_and(|own| own.as_os_str() == pid_text(getpid()).as_str());
        let Some(processes) = fs::read_dir("/proc").ok().filter(|_| is_ours) else { return remains };
        let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        for pid in numbers.filter_map(Pid::from_raw).filter(|pid| *pid != getpid()) {
            if let Some(opening) = opening_of(pid)
                && let Some(leader) = Leader::find(pid)
            {
                remains.0.entry(opening).or_default().push(leader);
            }
        }
        remains
    }

    /// Kills what still runs for an opening, with all that it waits for, so that it does not open a door again behind
    /// the command that closes it. What it has left running in a session of its own stays.
    ///
    /// Returns how many commands there were.
    pub fn end(&mut self, opening: OpeningId) -> usize {
        let leaders = self.0.remove(&opening).unwrap_or_default();
        leaders
            .into_iter()
            .filter(|leader| Leader::find(leader.pid) == Some(*leader))
            .filter(|leader| kill_process_group(leader.pid, Signal::KILL).is_ok())
            .count()
    }
}

impl Leader {
    /// The process if it is the first of its group, as every command is, but not of its session, as daemons are
    /// (`/proc/PID/stat`, proc(5): behind the name in brackets come the state, the parent, the group, the session, and
    /// as the 22nd of all the time at which it began).
    fn find(pid: Pid) -> Option<Self> {
        let number = pid_text(pid);
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let (group, session, began) = (fields.get(2)?, fields.get(3)?, fields.get(19)?);
        let leads = *group == number && *session != number;
        Some(Self { pid, began: began.parse().ok()? }).filter(|_| leads)
    }
}

fn pid_text(pid: Pid) -> String {
    pid.as_raw_nonzero().to_string()
}

/// By the environment that it was started with (`/proc/PID/environ`, proc(5)).
fn opening_of(pid: Pid) -> Option<OpeningId> {
    let environment = fs::read(format!("/proc/{}/environ", pid_text(pid))).ok()?;
    let mut entries = environment.split(|byte| *byte == 0);
    entries.find_map(|entry| {
        std::str::from_utf8(entry).ok()?.strip_prefix(OPENING)?.strip_prefix('=')?.parse().ok()
    })
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
        let mut remains = Remains::look_for();
        assert_eq!(remains.end(mine), 2);
        for (child, output) in children.iter_mut().zip(&mut outputs).take(2) {
            assert_eq!(child.wait().unwrap().signal(), Some(9));
            // The end of the output: its children have ended too.
            let mut rest = String::new();
            output.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "");
        }
        assert_eq!(children[2].try_wait().unwrap(), None);
        assert_eq!((remains.end(mine), remains.end(other)), (0, 1));
        assert_eq!(children[2].wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn what_has_ended_since_is_nobody() {
        let opening = OpeningId(u64::from(std::process::id()) << 32 | 3);
        let mut child = command(opening);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        let mut remains = Remains::look_for();
        kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
        child.wait().unwrap();
        assert_eq!(remains.end(opening), 0);
    }
}
