//! The last word of a process that makes a system call which its filter traps: `SIGSYS` as `seccomp(2)` sends it.

use std::{
    io::{self, IoSlice},
    mem, ptr,
};

use libc::{c_int, c_void};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{SendAncillaryBuffer, SendFlags, sendmsg},
    process::getppid,
    stdio::stdin,
};

/// What the signal has to do with a filter (`SYS_SECCOMP` in `asm-generic/siginfo.h`).
const BY_FILTER: c_int = 1;

/// How long there may be no room for the message.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What `SIGSYS` brings along: the beginning of `siginfo_t` in `asm-generic/siginfo.h`.
#[repr(C)]
struct Trapped {
    signal: c_int,
    errno: c_int,
    code: c_int,
    instruction: *const c_void,
    call: c_int,
}

/// From now on a trapped call is told to whom standard input is connected with, a socket that keeps messages apart, and
/// ends the process. The message has `LENGTH` bytes: `KIND`, the number of the call in four bytes, the lowest first,
/// and zeros.
///
/// All that the handler needs is in its code: whoever can write to the memory of the process can't change it. Where it
/// can't run (the signal is blocked, there is no stack for it) the kernel ends the process.
pub(crate) fn tell_standard_input<const KIND: u8, const LENGTH: usize>() -> io::Result<()> {
    // SAFETY: all bit patterns are valid for this structure of integers.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    let handler: extern "C" fn(c_int, *const Trapped, *const c_void) = tell_and_end::<KIND, LENGTH>;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: the mask is valid for writes. All signals are blocked meanwhile, so that nothing comes in between.
    unsafe { libc::sigfillset(&raw mut action.sa_mask) };
    // SAFETY: the action is valid for reads; the handler only does what a handler may (signal-safety(7)): it makes
    // system calls and touches nothing but its own stack.
    let result = unsafe { libc::sigaction(libc::SIGSYS, &raw const action, ptr::null_mut()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

extern "C" fn tell_and_end<const KIND: u8, const LENGTH: usize>(
    _signal: c_int,
    trapped: *const Trapped,
    _context: *const c_void,
) {
    // SAFETY: with SA_SIGINFO the kernel passes a whole siginfo_t, of which this is the beginning.
    let trapped = unsafe { &*trapped };
    if trapped.code == BY_FILTER {
        let [a, b, c, d] = trapped.call.to_le_bytes();
        let mut message = [0; LENGTH];
        message.iter_mut().zip([KIND, a, b, c, d]).for_each(|(place, byte)| *place = byte);
        // What can't be sent is lost; the end comes in any case.
        let _ = poll(&mut [PollFd::from_borrowed_fd(stdin(), PollFlags::OUT)], Some(&PATIENCE));
        let _ = sendmsg(
            stdin(),
            &[IoSlice::new(&message)],
            &mut SendAncillaryBuffer::default(),
            SendFlags::NOSIGNAL,
        );
    }
    // A call that is trapped, too. Since the signal is blocked here, this time the kernel ends the process.
    let _ = getppid();
    // SAFETY: it takes no pointers and may be called in a handler. It is for a signal that somebody else has sent to a
    // process without a filter.
    unsafe { libc::_exit(libc::EXIT_FAILURE) }
}
