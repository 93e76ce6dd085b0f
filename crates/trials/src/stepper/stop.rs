//! A place where a stepped process has been halted.

use std::fmt;

use nix::libc;

/// The beginning or the end of a system call, or the moment in between in which a new process exists but has not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is about to make the system call with this number.
    Before(i64),
    /// It has made the system call with this number.
    After(i64),
    /// It has just made a process or thread, which has not begun to run.
    Birth,
}

impl Stop {
    /// Whether it is about to wait for something to happen.
    #[must_use]
    pub fn is_rest(self) -> bool {
        self == Self::Before(libc::SYS_ppoll)
    }

    /// Whether it has just waited for something to happen.
    #[must_use]
    pub fn is_awakening(self) -> bool {
        self == Self::After(libc::SYS_ppoll)
    }

    /// Whether it has made a system call that leaves nothing behind for those who live on: one that reads, or changes
    /// only the process itself.
    #[must_use]
    pub fn is_traceless(self) -> bool {
        TRACELESS.map(Self::After).contains(&self)
    }

    /// Whether it is about to ask for a file to be its own.
    #[must_use]
    pub fn is_lock(self) -> bool {
        self == Self::Before(libc::SYS_flock)
    }

    /// Whether what it has written to some file is on the disk now.
    #[must_use]
    pub fn is_synced(self) -> bool {
        [libc::SYS_fsync, libc::SYS_fdatasync].map(Self::After).contains(&self)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(call) => write!(f, "before {}", name(*call)),
            Self::After(call) => write!(f, "after {}", name(*call)),
            Self::Birth => f.write_str("at the birth of a process"),
        }
    }
}

fn name(call: i64) -> String {
    let known = NAMES.iter().find(|(number, _)| *number == call);
    known.map_or_else(|| format!("system call {call}"), |(_, name)| (*name).to_owned())
}

/// See [`Stop::is_traceless`].
const TRACELESS: [i64; 19] = [
    libc::SYS_brk,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getdents64,
    libc::SYS_getrandom,
    libc::SYS_lseek,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_newfstatat,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
];

/// Those that matter to whoever looks for the place in the program.
const NAMES: [(i64, &str); 32] = [
    (libc::SYS_clone, "clone"),
    (libc::SYS_clone3, "clone3"),
    (libc::SYS_close, "close"),
    (libc::SYS_dup, "dup"),
    (libc::SYS_execve, "execve"),
    (libc::SYS_fcntl, "fcntl"),
    (libc::SYS_fdatasync, "fdatasync"),
    (libc::SYS_flock, "flock"),
    (libc::SYS_fstat, "fstat"),
    (libc::SYS_fsync, "fsync"),
    (libc::SYS_ftruncate, "ftruncate"),
    (libc::SYS_futex, "futex"),
    (libc::SYS_getdents64, "getdents64"),
    (libc::SYS_lseek, "lseek"),
    (libc::SYS_mmap, "mmap"),
    (libc::SYS_munmap, "munmap"),
    (libc::SYS_newfstatat, "newfstatat"),
    (libc::SYS_openat, "openat"),
    (libc::SYS_ppoll, "ppoll"),
    (libc::SYS_pread64, "pread64"),
    (libc::SYS_pwrite64, "pwrite64"),
    (libc::SYS_read, "read"),
    (libc::SYS_recvfrom, "recvfrom"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_renameat2, "renameat2"),
    (libc::SYS_rt_sigaction, "rt_sigaction"),
    (libc::SYS_rt_sigprocmask, "rt_sigprocmask"),
    (libc::SYS_rt_sigreturn, "rt_sigreturn"),
    (libc::SYS_statx, "statx"),
    (libc::SYS_unlinkat, "unlinkat"),
    (libc::SYS_wait4, "wait4"),
    (libc::SYS_write, "write"),
];
