//! Who the watcher is, and what it may do by that.

use rustix::{
    process::{DumpableBehavior, Gid, Uid, getgroups, set_dumpable_behavior},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
        set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};

use super::Identity;

/// How many capabilities can be told apart in the kernel's sets (`linux/capability.h`).
const CAPABILITIES: u32 = 64;

/// Has no program give us more rights than we have.
pub(super) fn refuse_new_privileges() -> bool {
    set_no_new_privs(true).is_ok()
}

/// Empties the bounding set, which takes a capability itself.
pub(super) fn empty_bounds() -> bool {
    let held = |capability: &CapabilitySet| capability_is_in_bounding_set(*capability).unwrap_or(false);
    let all = || (0..CAPABILITIES).map(|number| CapabilitySet::from_bits_retain(1 << number));
    for capability in all().filter(held) {
        // What could not be removed is found below.
        let _ = remove_capability_from_bounding_set(capability);
    }
    !all().any(|capability| held(&capability))
}

/// Leaves the supplementary groups. Who is in none already has nothing to leave.
pub(super) fn leave_groups() -> bool {
    set_thread_groups(&[]).is_ok() || getgroups().is_ok_and(|groups| groups.is_empty())
}

/// Changes the real, the effective and the saved user and group. In a user namespace where they have no numbers, or
/// without the right to change, nothing changes.
pub(super) fn become_user(identity: Identity) -> bool {
    let (user, group) = (Uid::from_raw(identity.user()), Gid::from_raw(identity.group()));
    // The group first: who is no longer root can't change it.
    set_thread_res_gid(group, group, group).is_ok() && set_thread_res_uid(user, user, user).is_ok()
}

/// Drops all capabilities that we hold.
pub(super) fn drop_capabilities() -> bool {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    // What is not permitted any more is not ambient either; without the ambient set (before Linux 4.3) it fails.
    let _ = clear_ambient_capability_set();
    set_capabilities(None, sets).is_ok() && capabilities(None).is_ok_and(|left| left == sets)
}

/// Keeps other processes of our user from tracing us.
pub(super) fn hide_memory() -> bool {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
}
