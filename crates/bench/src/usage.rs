//! What processes use, from proc(5).

use std::{fs, time::Duration};

use trials::{net::Process, trouble::Outcome};

/// Added up over a process and all below it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Time on a CPU since they started.
    pub(crate) cpu: Duration,
    /// How often they left a CPU: by waiting, or because others had to run.
    pub(crate) switches: u32,
    /// KiB of memory; what several share counts for each in part.
    pub(crate) memory: u32,
    /// KiB of memory that is in use now, what is shared counted in full.
    pub(crate) resident: u32,
}

impl Usage {
    /// Of the process with this number and its children and theirs.
    pub(crate) fn of(id: i32) -> Outcome<Self> {
        let all = Process::all()?;
        let mut family = vec![id];
        let mut usage = Self::default();
        while let Some(id) = family.pop() {
            usage.add(id);
            family.extend(all.iter().filter(|process| process.parent == id).map(|process| process.id));
        }
        Ok(usage)
    }

    fn add(&mut self, id: i32) {
        for thread in fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten() {
            let read = |name| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
            // The first of the numbers is nanoseconds on a CPU (Documentation/scheduler/sched-stats.rst).
            let nanos = read("schedstat").split(' ').next().and_then(|number| number.parse().ok());
            self.cpu += Duration::from_nanos(nanos.unwrap_or_default());
            let status = read("status");
            self.switches += field(&status, "voluntary_ctxt_switches:");
            self.switches += field(&status, "nonvoluntary_ctxt_switches:");
        }
        let read = |name| fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
        self.memory += field(&read("smaps_rollup"), "Pss:");
        self.resident += field(&read("status"), "VmRSS:");
    }
}

/// The number behind a name; 0 if it isn't there, as in the status of a process that has just ended.
fn field(text: &str, name: &str) -> u32 {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.split_ascii_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_use_something() {
        let id = i32::try_from(std::process::id()).unwrap();
        let usage = Usage::of(id).unwrap();
        assert!(usage.resident > 100 && usage.memory > 100, "{usage:?}");
        let more = (0..1_000_000).map(std::hint::black_box).sum::<u64>();
        assert!(more > 0 && Usage::of(id).unwrap().cpu > usage.cpu);
    }

    #[test]
    fn fields_are_found() {
        assert_eq!(field("Rss: 7 kB\nPss:      12 kB\n", "Pss:"), 12);
        assert_eq!(field("Rss: 7 kB\n", "Pss:"), 0);
    }
}
