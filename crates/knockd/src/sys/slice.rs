//! How soon this thread gets a processor when it has something to do: `sched_setattr(2)`.

use std::{io, mem};

/// What is asked for, in nanoseconds: the shortest time slice that the kernel grants (`__setparam_fair` in
/// `kernel/sched/syscalls.c`).
const SHORT: u64 = 100_000;

/// What becomes of the slice in the threads and processes that this thread starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offspring {
    /// There won't be any.
    None,
    /// They get what everybody gets (`SCHED_FLAG_RESET_ON_FORK`).
    Ordinary,
}

/// Asks for short time slices from now on. A thread that wakes up with one gets its processor at once even from a busy
/// process that has used up no slice yet (kernels from 6.12 on; those before take no notice), and in the long run has no
/// larger share of it than before.
///
/// Whom somebody has given another policy than `SCHED_OTHER` is let be. So is who has a nice value below 0 and is to have
/// offspring: that would lose the nice value together with the slice.
pub(crate) fn ask_for_short(offspring: Offspring) -> io::Result<()> {
    let mut wish = attributes()?;
    if i64::from(wish.sched_policy) != i64::from(libc::SCHED_OTHER) {
        return Ok(());
    }
    if offspring == Offspring::Ordinary {
        if wish.sched_nice < 0 {
            return Ok(());
        }
        wish.sched_flags |= u64::from(libc::SCHED_FLAG_RESET_ON_FORK.unsigned_abs());
    }
    wish.sched_runtime = SHORT;
    // SAFETY: the structure is valid for reads, and says itself how long it is; 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const wish, 0_u32) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// How the kernel treats this thread.
fn attributes() -> io::Result<libc::sched_attr> {
    // SAFETY: all bit patterns are valid for this structure of integers.
    let mut attributes: libc::sched_attr = unsafe { mem::zeroed() };
    let size = mem::size_of_val(&attributes);
    // SAFETY: the structure is valid for writes, as long as is said; 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0_u32) };
    if result == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::{process::Command, thread};

    use super::*;

    /// The slice of a thread that its process looks at, in nanoseconds; none where the kernel (before 6.12) doesn't tell.
    fn slice() -> Option<u64> {
        attributes().ok().map(|attributes| attributes.sched_runtime).filter(|slice| *slice > 0)
    }

    #[test]
    fn is_ours_and_not_inherited() {
        // In a thread of its own: it can't be taken back, and other tests start processes.
        let told = thread::spawn(|| {
            let before = slice();
            ask_for_short(Offspring::Ordinary).unwrap();
            let ours = slice();
            let theirs = thread::spawn(|| (slice(), attributes().unwrap().sched_flags)).join().unwrap();
            // "se.slice" of /proc/PID/sched is there where the kernel has it; the policy is everywhere.
            let command = Command::new("cat").arg("/proc/self/sched").output().unwrap();
            (before, ours, theirs, String::from_utf8_lossy(&command.stdout).into_owned())
        });
        let (before, ours, (theirs, flags), command) = told.join().unwrap();
        let Some(before) = before else { return };
        assert!(before > SHORT, "{before}");
        let is_preferred = attributes().unwrap().sched_nice < 0;
        assert_eq!(ours, Some(if is_preferred { before } else { SHORT }));
        assert_eq!((theirs, flags), (Some(before), 0));
        let theirs = command.lines().find_map(|line| line.strip_prefix("se.slice")?.split(':').nth(1));
        if let Some(theirs) = theirs {
            assert_eq!(theirs.trim().parse(), Ok(before), "{command}");
        }
    }

    #[test]
    fn may_be_asked_for_by_who_has_no_offspring() {
        let told = thread::spawn(|| {
            ask_for_short(Offspring::None).unwrap();
            (slice(), attributes().unwrap().sched_flags)
        });
        let (slice, flags) = told.join().unwrap();
        assert_eq!(flags, 0);
        assert!(slice.is_none_or(|slice| slice == SHORT), "{slice:?}");
    }
}
