//! What the monitor may do itself, and what it leaves to its commands.

use std::{io, thread};

use rustix::{
    fs::Mode,
    process::{Pid, Signal, Uid, geteuid, kill_process, umask},
    thread::{
        CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities, capabilities_secure_bits,
        no_new_privs, set_capabilities, set_thread_res_uid,
    },
};

use crate::{sandbox::Identity, sys::signals};

/// The capabilities (`capabilities(7)`) that the monitor needs itself.
const NEEDED: CapabilitySet = CapabilitySet::empty()
    // Packet sockets.
    .union(CapabilitySet::NET_RAW)
    // Filters that remember (Linux 5.8).
    .union(CapabilitySet::BPF)
    // The firewall, and queues of packets longer than the system allows everybody.
    .union(CapabilitySet::NET_ADMIN)
    // Logs, configurations and one-time files that belong to somebody else.
    .union(CapabilitySet::DAC_OVERRIDE)
    // The end of a watcher, which is another user.
    .union(CapabilitySet::KILL);

/// Makes the same of what we were started with, whoever has started us: gives up capabilities that only commands need,
/// has new files writable by their owner only, and signals do what they usually do. Commands inherit the last two.
///
/// The bounding set stays as it is. A command may be anything, to load a module, to set the clock or to shut the machine
/// down, and as root it gets its capabilities from there.
///
/// To be called while there is one thread, for each has its own capabilities.
pub fn settle() -> io::Result<()> {
    umask(Mode::WGRP | Mode::WOTH);
    for signal in (1..=libc::SIGRTMAX()).filter(|signal| *signal != libc::SIGPIPE) {
        if signals::is_ignored(signal) {
            signals::leave_alone(signal)?;
        }
    }
    let held = capabilities(None)?;
    Ok(set_capabilities(None, reduced(held, commands_get_them_anew()?))?)
}

/// Ends a process of this user without `CAP_KILL`: one may signal those of one's own user. A thread becomes that user
/// and ends with it; the others stay who they are.
///
/// Needs `CAP_SETUID` among the permitted ones, where [`settle`] leaves it if it can't be had anew.
pub fn kill_as(identity: Identity, process: Pid) -> io::Result<()> {
    let user = Uid::from_raw(identity.user());
    let kill = move || -> io::Result<()> {
        let held = capabilities(None)?;
        let effective = held.effective | CapabilitySet::SETUID;
        set_capabilities(None, CapabilitySets { effective, ..held })?;
        set_thread_res_uid(user, user, user)?;
        Ok(kill_process(process, Signal::KILL)?)
    };
    let killer = thread::Builder::new().name("knockd-end".to_owned()).spawn(kill)?;
    killer.join().unwrap_or_else(|_| Err(io::Error::other("a thread has panicked")))
}

/// Whether a program that we run has all capabilities of the bounding set, whatever we have: that of root, unless
/// somebody has seen to it that it gets no more than we have.
fn commands_get_them_anew() -> io::Result<bool> {
    let is_plain = !capabilities_secure_bits()?.contains(CapabilitiesSecureBits::NO_ROOT);
    Ok(geteuid().is_root() && is_plain && !no_new_privs()?)
}

/// What is left of these sets. What can't be had anew stays permitted: ambient capabilities go with it.
fn reduced(held: CapabilitySets, can_be_had_anew: bool) -> CapabilitySets {
    let needed = held.permitted.intersection(NEEDED);
    let permitted = if can_be_had_anew { needed } else { held.permitted };
    CapabilitySets { effective: needed, permitted, inheritable: held.inheritable }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(effective: CapabilitySet, permitted: CapabilitySet) -> CapabilitySets {
        CapabilitySets { effective, permitted, inheritable: CapabilitySet::SYSLOG }
    }

    #[test]
    fn roots_capabilities_go_and_others_are_at_rest() {
        let all = CapabilitySet::from_bits_retain(u64::MAX);
        assert_eq!(reduced(sets(all, all), true), sets(NEEDED, NEEDED));
        assert_eq!(reduced(sets(all, all), false), sets(NEEDED, all));
    }

    #[test]
    fn nothing_is_gained() {
        let some = CapabilitySet::NET_RAW | CapabilitySet::SYS_ADMIN;
        let none = CapabilitySet::empty();
        assert_eq!(reduced(sets(some, some), false), sets(CapabilitySet::NET_RAW, some));
        assert_eq!(reduced(sets(none, none), true), sets(none, none));
    }
}
