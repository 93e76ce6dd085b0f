//! How the watcher gives up all rights that it doesn't need, so that a packet that takes it over has won nothing.
//!
//! Every step is tried whatever became of the others; [`Protections`] tells which worked. Steps never depend on the
//! ones behind them, and the filter of system calls, which forbids all of them, comes last.

mod calls;
mod credentials;
mod files;
mod identity;
mod limits;
mod protection;
mod system_call;

use std::os::fd::BorrowedFd;

use crate::clock;

pub use self::{
    identity::{Identity, NoIdentity},
    limits::MOST_SOCKETS,
    protection::{Protection, Protections},
    system_call::SystemCall,
};

/// Gives up everything but to send through `channel`, which is never to be closed, nor is what has a lower number.
/// Returns what was achieved; there is no way back.
///
/// To be called by a process that has one thread and nothing open but what it is to keep. What becomes of signals is
/// settled for good with it.
pub fn confine(identity: Option<Identity>, channel: BorrowedFd<'_>) -> Protections {
    // Where the kernel keeps the time is found out when it is first asked for, by means that are out of reach later.
    let _ = clock::now();
    let mut achieved = Protections::default();
    achieved.note(Protection::Limits, limits::lower());
    achieved.note(Protection::Privileges, credentials::refuse_new_privileges());
    achieved.note(Protection::Files, files::hide());
    let has_empty_bounds = credentials::empty_bounds();
    achieved.note(Protection::Groups, credentials::leave_groups());
    achieved.note(Protection::User, identity.is_some_and(credentials::become_user));
    achieved.note(Protection::Capabilities, credentials::drop_capabilities() && has_empty_bounds);
    achieved.note(Protection::Memory, credentials::hide_memory());
    achieved.note(Protection::Calls, calls::restrict(channel));
    achieved
}
