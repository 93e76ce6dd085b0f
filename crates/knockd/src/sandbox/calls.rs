//! The system calls that the watcher may make.

use std::{
    collections::BTreeMap,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
};

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

use crate::sys::signals;

/// Those that may be made with whatever arguments. All of them concern what the process has, and nothing else.
const FREE: [c_long; 17] = [
    // The loop: waiting, orders and packets in.
    libc::SYS_ppoll,
    libc::SYS_timerfd_settime,
    libc::SYS_recvmsg,
    libc::SYS_recvfrom,
    libc::SYS_restart_syscall,
    // Where the clock can't be read without one.
    libc::SYS_clock_gettime,
    // Memory, as the allocators of glibc and of musl get and give it back.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_futex,
    // The end: by itself, where the standard library gives the stack of its signal handlers back, and by an abort.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_getpid,
    libc::SYS_gettid,
];

/// Has every call but those of the watcher's work raise `SIGSYS` in its place; true if it is in force.
///
/// It may send through `channel` and standard input alone, or every packet socket would be one to send packets from. So
/// these two, and standard error, stay what they are: what is up to `channel` can't be closed, lest another socket come
/// by its number.
///
/// The signal is the end of the process: the call that would give it another handler is one of the others, and a handler
/// that can't be run is followed by a `SIGSEGV`, for which there is none from here on.
pub(super) fn restrict(channel: BorrowedFd<'_>) -> bool {
    // The standard library's handler of these tells of an overflow of the stack, and returns from everything else.
    let are_final = [libc::SIGSEGV, libc::SIGBUS].iter().all(|signal| signals::leave_alone(*signal).is_ok());
    program(channel).is_ok_and(|program| seccompiler::apply_filter(&program).is_ok()) && are_final
}

fn program(channel: BorrowedFd<'_>) -> Result<BpfProgram, BackendError> {
    let architecture = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules(channel.as_raw_fd())?, SeccompAction::Trap, SeccompAction::Allow, architecture)?
        .try_into()
}

/// What is allowed: a call without rules always, one with rules if one of them holds.
fn rules(channel: RawFd) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FREE.map(|call| (call, Vec::new())).into();
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_poll, Vec::new());
    let through = |number: RawFd| when(&[(0, SeccompCmpOp::Eq, bits(number))]);
    rules.insert(libc::SYS_sendmsg, vec![through(libc::STDIN_FILENO)?, through(channel)?]);
    let of_no_use_any_more = when(&[(0, SeccompCmpOp::Gt, bits(channel))])?;
    rules.insert(libc::SYS_close, vec![of_no_use_any_more]);
    // Memory of its own wherever the kernel likes, and the rings of packet sockets, which come behind the channel: never
    // to be run.
    let own = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let kinds = bits(own | libc::MAP_SHARED | libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE);
    let own = when(&[
        (2, SeccompCmpOp::MaskedEq(bits(libc::PROT_EXEC)), 0),
        (3, SeccompCmpOp::MaskedEq(kinds), bits(own)),
    ])?;
    let ring = when(&[
        (2, SeccompCmpOp::Eq, bits(libc::PROT_READ | libc::PROT_WRITE)),
        (3, SeccompCmpOp::Eq, bits(libc::MAP_SHARED)),
        (4, SeccompCmpOp::Gt, bits(channel)),
    ])?;
    rules.insert(libc::SYS_mmap, vec![own, ring]);
    let no_code = when(&[(2, SeccompCmpOp::MaskedEq(bits(libc::PROT_EXEC)), 0)])?;
    rules.insert(libc::SYS_mprotect, vec![no_code]);
    // To wherever the kernel likes: nothing is to be put in the place of code.
    let anywhere = when(&[(3, SeccompCmpOp::Eq, bits(libc::MREMAP_MAYMOVE))])?;
    rules.insert(libc::SYS_mremap, vec![anywhere]);
    rules.insert(libc::SYS_write, vec![through(libc::STDERR_FILENO)?]);
    let dropped = when(&[
        (1, SeccompCmpOp::Eq, bits(libc::SOL_PACKET)),
        (2, SeccompCmpOp::Eq, bits(libc::PACKET_STATISTICS)),
    ])?;
    rules.insert(libc::SYS_getsockopt, vec![dropped]);
    // Builds with debug assertions ask whether a descriptor is open before they close it.
    let is_open = when(&[(1, SeccompCmpOp::Eq, bits(libc::F_GETFD))])?;
    rules.insert(libc::SYS_fcntl, vec![is_open]);
    let abort = when(&[(2, SeccompCmpOp::Eq, bits(libc::SIGABRT))])?;
    rules.insert(libc::SYS_tgkill, vec![abort]);
    Ok(rules)
}

/// A rule that holds if all these arguments (number, comparison, value) are as they should be. All are `int`s, of which
/// the kernel looks at the lower 32 bits.
fn when(arguments: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, BackendError> {
    let conditions = arguments
        .iter()
        .map(|(number, operator, value)| SeccompCondition::new(*number, Dword, operator.clone(), *value))
        .collect::<Result<_, _>>()?;
    SeccompRule::new(conditions)
}

fn bits(value: i32) -> u64 {
    value.cast_unsigned().into()
}

#[cfg(test)]
mod tests;
