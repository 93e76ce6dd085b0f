//! A process, as /proc shows it.

use std::{collections::BTreeMap, fmt, fs, io};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::Socket;
use trials::trouble::{Outcome, Trouble, While};

/// A process by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// Its watcher, if it is a monitor that has one now.
    pub fn watcher(self) -> Option<Self> {
        let all = fs::read_dir("/proc").ok()?.flatten();
        let mut all = all.filter_map(|entry| Some(Self(entry.file_name().to_str()?.parse().ok()?)));
        all.find(|process| {
            let is = |field, wanted: &str| process.status(field).is_ok_and(|value| value == wanted);
            // The filter of system calls is what it puts on last.
            is("PPid", &self.0.to_string()) && is("Name", "knockd-watcher") && is("Seccomp", "2")
        })
    }

    /// A field of its status (`proc_pid_status(5)`).
    pub fn status(self, field: &str) -> Outcome<String> {
        let text = self.read("status")?;
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let value = lines.find_map(|(name, value)| (name == field).then(|| value.trim().to_owned()));
        value.ok_or_else(|| Trouble::new(format!("no {field} in the status of {self}")))
    }

    /// One of its limits, the soft and the hard one (`proc_pid_limits(5)`).
    pub fn limit(self, name: &str) -> Outcome<String> {
        let text = self.read("limits")?;
        let rest = text.lines().find_map(|line| line.strip_prefix(name));
        let rest = rest.ok_or_else(|| Trouble::new(format!("no limit {name} of {self}")))?;
        Ok(rest.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    }

    /// What its descriptors stand for.
    pub fn descriptors(self) -> Outcome<BTreeMap<u32, String>> {
        let mut descriptors = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{self}/fd")).while_("its descriptors")? {
            let entry = entry?;
            let number = entry.file_name().to_string_lossy().parse()?;
            descriptors.insert(number, fs::read_link(entry.path())?.display().to_string());
        }
        Ok(descriptors)
    }

    /// Those of its descriptors that are packet sockets, as [`Process::descriptors`] tells them.
    pub fn packet_sockets(self) -> Outcome<Vec<String>> {
        let text = self.read("net/packet")?;
        let inodes = text.lines().skip(1).filter_map(|line| line.split_whitespace().last());
        let known: Vec<String> = inodes.map(|inode| format!("socket:[{inode}]")).collect();
        Ok(self.descriptors()?.into_values().filter(|target| known.contains(target)).collect())
    }

    /// Its packet sockets themselves, shared with it.
    pub fn shared_packet_sockets(self) -> Outcome<Vec<Socket>> {
        let packets = self.packet_sockets()?;
        let id = i32::try_from(self.0).map_err(|error| Trouble::new(error.to_string()))?;
        let id = rustix::process::Pid::from_raw(id).ok_or_else(|| Trouble::new("no process"))?;
        let handle =
            pidfd_open(id, PidfdFlags::empty()).map_err(io::Error::from).while_("opening its process")?;
        let mut sockets = Vec::new();
        for (number, target) in self.descriptors()? {
            if packets.contains(&target) {
                let number = i32::try_from(number).map_err(|error| Trouble::new(error.to_string()))?;
                let shared = pidfd_getfd(&handle, number, PidfdGetfdFlags::empty())
                    .map_err(io::Error::from)
                    .while_("sharing a socket")?;
                sockets.push(shared.into());
            }
        }
        Ok(sockets)
    }

    /// Sends it a signal.
    pub fn signal(self, signal: Signal) -> Outcome {
        let number = i32::try_from(self.0).map_err(|error| Trouble::new(error.to_string()))?;
        kill(Pid::from_raw(number), signal).while_(format!("sending {signal} to {self}"))
    }

    fn read(self, file: &str) -> Outcome<String> {
        let path = format!("/proc/{self}/{file}");
        fs::read_to_string(&path).while_(path)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
