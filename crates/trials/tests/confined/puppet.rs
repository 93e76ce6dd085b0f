//! Somebody else's process, made to do what we want: what a packet that takes it over would do.

use nix::{
    sys::{
        ptrace,
        signal::Signal,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use trials::trouble::{Outcome, Trouble, While};

use super::Process;

/// Has a process that waits in a system call make the one with this number next, with whatever arguments are at hand.
pub fn make_call(process: Process, number: u32) -> Outcome {
    let id = Pid::from_raw(i32::try_from(process.0).map_err(|error| Trouble::new(error.to_string()))?);
    ptrace::attach(id).while_("tracing it")?;
    match waitpid(id, Some(WaitPidFlag::__WALL)).while_("waiting for it to stop")? {
        WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
        other => return Err(Trouble::new(format!("it does not stop: {other:?}"))),
    }
    let mut registers = ptrace::getregs(id).while_("reading its registers")?;
    redirect(&mut registers, number);
    ptrace::setregs(id, registers).while_("writing its registers")?;
    ptrace::detach(id, None).while_("letting it go")
}

/// Back to the instruction that it waits in, which is two bytes long, for another call and no longer for this one.
#[cfg(target_arch = "x86_64")]
fn redirect(registers: &mut nix::libc::user_regs_struct, number: u32) {
    registers.rip -= 2;
    registers.rax = number.into();
    registers.orig_rax = u64::MAX;
}

/// The same where the kernel has gone back already when it lets others look at the registers.
#[cfg(target_arch = "aarch64")]
fn redirect(registers: &mut nix::libc::user_regs_struct, number: u32) {
    registers.regs[8] = number.into();
}
